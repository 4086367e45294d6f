"""When two virtual worlds are one situation, and when they are not."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from supertest import create_case, delete_case, fully_connected, update_case

from syncmodel.reference.simulated import acts, sights
from syncmodel.reference.simulated.canonical import canonical
from syncmodel.reference.simulated.setup import setup
from syncmodel.reference.simulated.world import VirtualWorld, deliver, deliverables, initial
from syncmodel.steps import Data
from syncmodel.targets.wire import SUPERTEST

SETUP = setup(2)


CUT = frozenset({("n1", "n2")})
ACTS: tuple[Callable[[VirtualWorld], VirtualWorld], ...] = (
    lambda w: acts.write(w, "n1", create_case("n1", "c1", "t").asks(SUPERTEST))[0],
    lambda w: acts.write(w, "n2", delete_case("n2", "c1").asks(SUPERTEST))[0],
    lambda w: acts.set_cut(w, CUT - w.cut),
    lambda w: acts.boot(acts.crash(w, "n1"), "n1"),
    lambda w: acts.deploy(w, "n1", 1, back=True)[0],
    lambda w: acts.deploy(w, "n1", 2, back=False)[0],
    lambda w: acts.resync(w, "n2", full=True)[0],
)


def fresh() -> VirtualWorld:
    return settled(initial(SETUP, fully_connected(2)))


def settled(world: VirtualWorld) -> VirtualWorld:
    while choices := deliverables(world):
        world = deliver(world, choices[0])
    return world


def wrote(world: VirtualWorld, *steps: Data) -> VirtualWorld:
    for step in steps:
        world, outcome = acts.write(world, step.node, step.asks(SUPERTEST))
        assert outcome.ok, outcome
    return world


def redeployed(world: VirtualWorld, times: int) -> VirtualWorld:
    for _ in range(times):
        world = settled(acts.deploy(world, "n1", 1, back=True)[0])
        world = settled(acts.deploy(world, "n1", 2, back=False)[0])
    return world


def test_how_often_a_log_was_lost_does_not_count() -> None:
    one, two, three = (redeployed(fresh(), times) for times in (1, 2, 3))
    assert canonical(one) == canonical(two) == canonical(three)
    assert len({one, two, three}) > 1


def test_gaps_between_positions_do_not_count_and_their_order_does() -> None:
    row, other = create_case("n1", "c1", "t"), create_case("n1", "c2", "u")
    twice = settled(wrote(fresh(), row, update_case("n1", "c1", "v")))
    # Where the stamps differ the situations do; so the row is brought to the same one.
    plain, gapped = (
        settled(wrote(world, other)) for world in (twice, settled(acts.restart(twice, "n2")))
    )
    assert canonical(plain) == canonical(gapped)
    there = settled(wrote(fresh(), row, other))
    back = settled(wrote(fresh(), other, row))
    assert sights.views(there) == sights.views(back)
    assert canonical(there) != canonical(back)


def test_positions_are_numbered_without_gaps() -> None:
    world = settled(wrote(fresh(), create_case("n1", "c1", "t"), update_case("n1", "c1", "u")))
    assert world.machines["n1"].disk.position == 2
    machines = canonical(world)[0]
    position, entries = machines[0][-1][1:3]
    assert (position, [place for place, _ in entries]) == (1, [1])


def test_what_decides_the_future_counts() -> None:
    base = settled(wrote(fresh(), create_case("n1", "c1", "t")))
    different = [
        base,
        wrote(base, update_case("n1", "c1", "u")),
        wrote(base, delete_case("n1", "c1")),
        settled(wrote(base, update_case("n1", "c1", "u"))),
        acts.set_cut(base, frozenset({("n1", "n2")})),
        acts.crash(base, "n1"),
        acts.reset(base, ("n1", "n2")),
        acts.advance(base, 10),
        acts.with_skews(base, {"n1": 1}),
        settled(acts.deploy(base, "n1", 3, back=False)[0]),
    ]
    assert len({canonical(world) for world in different}) == len(different)


def test_what_is_merged_stays_merged_whatever_is_done_next() -> None:
    one, other = redeployed(fresh(), 1), redeployed(fresh(), 3)
    for world_pair in _futures(one, other, depth=3):
        assert canonical(world_pair[0]) == canonical(world_pair[1])


def _futures(
    one: VirtualWorld, other: VirtualWorld, depth: int
) -> list[tuple[VirtualWorld, VirtualWorld]]:
    """Both worlds after the same, for everything short that can be done to them."""
    pairs = [(one, other)]
    if depth == 0:
        return pairs
    assert deliverables(one) == deliverables(other)
    for which in deliverables(one):
        pairs += _futures(deliver(one, which), deliver(other, which), depth - 1)
    for act in ACTS:
        pairs += _futures(act(one), act(other), depth - 1)
    return pairs


def test_a_position_beyond_the_end_of_the_log_keeps_its_distance() -> None:
    # With this bug a position of the lost log is used in the new one, which grows towards it.
    constants = setup(2, ("checkpoint-kept",))
    world = settled(initial(constants, fully_connected(2)))
    long, longer = (
        settled(wrote(world, *(create_case("n1", f"c{i}", f"t{i}") for i in range(count))))
        for count in (3, 4)
    )
    ends = []
    for start in (long, longer):
        lost = acts.set_cut(start, frozenset({("n1", "n2"), ("n2", "n1")}))
        lost = acts.crash(acts.deploy(lost, "n1", 1, back=True)[0], "n2")
        entries = type(lost.machines["n2"].disk.entries)()
        disk = lost.machines["n2"].disk
        held = type(disk)(disk.log_id, disk.trusted, cursors=disk.cursors, applied=disk.applied)
        assert held.entries == entries
        machine = type(lost.machines["n2"])(held, 2, 2, last_rollout=2)
        ends.append(lost.with_machine("n2", machine))
    assert canonical(ends[0]) != canonical(ends[1])


def test_a_position_in_a_lost_log_is_not_one_in_the_log_of_now_and_any_lost_log_is_lost() -> None:
    world = acts.set_cut(settled(wrote(fresh(), create_case("n1", "c1", "t"))), CUT)

    def applied_of(log_id: str) -> VirtualWorld:
        machine = world.machines["n2"]
        assert machine.state is not None
        link = replace(machine.state.link("n1"), log_id=log_id)
        state = machine.state.with_link("n1", link)
        return world.with_machine("n2", replace(machine, state=state))

    own = world.machines["n1"].disk.log_id
    lost, other, now, empty = map(applied_of, ("n1.8", "n1.9", own, own + ":empty"))
    assert canonical(now) == canonical(world)
    assert canonical(lost) == canonical(other)
    assert len({canonical(one) for one in (lost, now, empty)}) == 3


def test_the_form_is_the_same_text_everywhere() -> None:
    world = wrote(fresh(), create_case("n1", "c1", "t"))
    text = repr(canonical(world))
    assert "frozenset" not in text
    assert "Map" not in text
    assert " object at " not in text
