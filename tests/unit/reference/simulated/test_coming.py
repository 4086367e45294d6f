"""What can happen in a virtual world, against a look at every link; and what a pick and a delivery
cost, counted in bytecodes so that no clock is asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import Any

import pytest
from supertest import create_case, fully_connected, update_case

from syncmodel.reference.simulated import Deliverable, acts, deliver, deliverables, initial, setup
from syncmodel.reference.simulated.coming import Coming, places
from syncmodel.reference.simulated.schedule import Drawn, InTurn, Schedule
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.targets.wire import SUPERTEST

SIZES = (2, 3, 5, 11)


def looked_for(world: VirtualWorld) -> list[Deliverable]:
    """What can happen, by a look at every link: the definition."""
    found = []
    for link in world.setup.links:
        wire = world.wires.get(link)
        if wire is not None:
            found += [Deliverable("ask", link)] if wire.asked else []
            found += [Deliverable("tell", link)] if wire.told else []
        elif link not in world.cut and all(map(world.runs, link)):
            found.append(Deliverable("dial", link))
    return found


def next_in_turn(last: Deliverable | None, choices: list[Deliverable]) -> Deliverable:
    """What comes next in turn, by a look at every choice: the definition."""
    later = [one for one in choices if last is None or one > last]
    return (later or choices)[0]


def written(world: VirtualWorld, rng: Random) -> VirtualWorld:
    node, title = rng.choice(world.setup.names), f"t{rng.randrange(1_000_000)}"
    for step in (create_case(node, "c1", title), update_case(node, "c1", title)):
        world, outcome = acts.write(world, node, step.asks(SUPERTEST))
        if outcome.ok:
            break
    return world


def cut(world: VirtualWorld, rng: Random) -> VirtualWorld:
    count = rng.randrange(len(world.setup.links))
    return acts.set_cut(world, frozenset(rng.sample(world.setup.links, count)))


def rolled(world: VirtualWorld, rng: Random) -> VirtualWorld:
    node, generation = rng.choice(world.setup.names), rng.choice((1, 2, 3))
    back = generation < world.machines[node].running
    return acts.deploy(world, node, generation, back=back)[0]


def meddled(world: VirtualWorld, rng: Random) -> VirtualWorld:
    under_way = [one for one in world.coming if one.what != "dial"]
    if not under_way:
        return world
    which = rng.choice(under_way)
    return rng.choice((acts.lose, acts.duplicate, acts.repeat))(world, which)


#: What is done to a world between two deliveries; a heal is twice as likely as most.
ACTS: tuple[Callable[[VirtualWorld, Random], VirtualWorld], ...] = (
    written,
    cut,
    rolled,
    meddled,
    lambda world, _: acts.set_cut(world, frozenset()),
    lambda world, _: acts.set_cut(world, frozenset()),
    lambda world, rng: acts.crash(world, rng.choice(world.setup.names)),
    lambda world, rng: acts.restart(world, rng.choice(world.setup.names)),
    lambda world, rng: acts.reset(world, rng.choice(world.setup.links)),
    lambda world, rng: acts.resync(world, rng.choice(world.setup.names), full=rng.random() < 0.5)[
        0
    ],
)


def met(count: int, *bugs: str, seed: int, length: int = 400) -> Iterator[VirtualWorld]:
    """The worlds of one random life; `length` deliveries and some acts."""
    rng = Random(seed)
    world = initial(setup(count, bugs), fully_connected(count))
    for _ in range(length):
        yield world
        if world.coming:
            world = deliver(world, rng.choice(list(world.coming)))
        if not world.coming or rng.random() < 0.1:
            world = rng.choice(ACTS)(world, rng)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("bugs", [(), ("resync-round-the-cut",)])
def test_the_set_is_what_a_look_at_every_link_finds(count: int, bugs: tuple[str, ...]) -> None:
    kinds = set()
    for world in met(count, *bugs, seed=count):
        choices = looked_for(world)
        assert deliverables(world) == list(world.coming) == choices
        assert len(world.coming) == len(choices)
        assert bool(world.coming) == bool(choices)
        assert [world.coming[place] for place in range(len(choices))] == choices
        kinds |= {one.what for one in choices}
    assert kinds == {"dial", "ask", "tell"}


@pytest.mark.parametrize("count", SIZES)
def test_each_in_turn_is_the_first_that_comes_later(count: int) -> None:
    schedule, last = InTurn(), None
    for world in met(count, seed=count + 100):
        if world.coming:
            last = next_in_turn(last, looked_for(world))
            assert schedule.pick(world.coming) == last


def test_from_ten_nodes_on_links_are_not_in_the_order_of_their_names() -> None:
    two, ten = Deliverable("tell", ("n2", "n1")), Deliverable("tell", ("n10", "n1"))
    links = setup(11).links
    coming = Coming(places(links), 0b100 << 3 * links.index(two.link))
    assert links.index(two.link) < links.index(ten.link)
    assert ten < two == coming.after(ten)


def test_the_same_draw_takes_the_same_one() -> None:
    for world in met(5, seed=7):
        choices = looked_for(world)
        if choices:
            expected = choices[int(Random(3).random() * len(choices))]
            drawn = Drawn(0)
            drawn._rng = Random(3)
            assert drawn.pick(world.coming) == expected


def test_of_a_quiet_world_nothing_can_be_picked() -> None:
    quiet = Coming(places(setup(3).links), 0)
    assert (len(quiet), list(quiet), quiet[:]) == (0, [], [])
    with pytest.raises(IndexError, match="nothing can happen"):
        quiet.after(None)
    with pytest.raises(IndexError, match="no number 0"):
        quiet[0]


# --- what it costs -------------------------------------------------------------------------------


class Counter:
    """How many bytecodes were executed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Counter:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.count += event == "opcode"
        return self


@contextmanager
def counting() -> Iterator[Counter]:
    before, counter = sys.gettrace(), Counter()
    sys.settrace(counter)
    try:
        yield counter
    finally:
        sys.settrace(before)


def quiet(world: VirtualWorld, schedule: Schedule) -> tuple[VirtualWorld, int]:
    count = 0
    while world.bits:
        world = deliver(world, schedule.pick(world.coming))
        count += 1
    return world, count


def bytecodes_a_delivery(count: int, schedule: Schedule) -> float:
    """Of a write that reaches every node, once over every link; the mesh is connected."""
    world = quiet(initial(setup(count), fully_connected(count)), schedule)[0]
    world = acts.write(world, "n1", create_case("n1", "c1", "t").asks(SUPERTEST))[0]
    with counting() as counter:
        _, delivered = quiet(world, schedule)
    assert delivered == count * (count - 1)
    return counter.count / delivered


@pytest.mark.parametrize(("schedule", "ratio"), [(InTurn, 1.0), (lambda: Drawn(1), 1.4)])
def test_a_delivery_costs_the_same_on_three_nodes_and_on_thirty(
    schedule: Callable[[], Schedule], ratio: float
) -> None:
    # What is drawn is found by halves: twice the links are one more of these. In time it is less,
    # as each half is a number half as long.
    few, many = (bytecodes_a_delivery(count, schedule()) for count in (3, 30))
    assert many <= ratio * few, (few, many)
