"""A link hangs: for the plan a cut, for its nodes nothing that they could see."""

from __future__ import annotations

from supertest import create_case, fully_connected

from syncmodel.model.plan import Plan
from syncmodel.reference.simulated import (
    VirtualWorld,
    acts,
    at_rest,
    canonical,
    deliver,
    deliverables,
    initial,
    setup,
)
from syncmodel.steps import Concurrently, Cut, Hang, Heal, Mend, Partition

PLAN = Plan(fully_connected(2))
LINK = ("n1", "n2")


def test_it_is_a_cut() -> None:
    hung = Hang(*LINK).advance(PLAN)
    assert hung == Cut(*LINK).advance(PLAN)
    assert Mend(*LINK).advance(hung).net == Heal().advance(hung).net == PLAN.net
    assert not Hang(*LINK).enabled(hung)
    assert not Cut(*LINK).enabled(hung)
    assert not Hang("n1", "n1").enabled(PLAN)
    assert not Hang("n1", "n9").enabled(PLAN)
    assert not Concurrently((Hang(*LINK), Cut("n2", "n1"))).enabled(PLAN)
    assert [*Hang.choices(hung, None)] == [Hang("n2", "n1")]  # type: ignore[arg-type]


def settled(world: VirtualWorld) -> VirtualWorld:
    while coming := deliverables(world):
        world = deliver(world, coming[0])
    return world


def written(world: VirtualWorld) -> VirtualWorld:
    write = create_case("n1", "c1", "t1").asks(PLAN.net.schema)
    return acts.write(world, "n1", write)[0]


START = settled(initial(setup(2), PLAN.net))


def test_its_connection_lives_and_nothing_passes() -> None:
    world = acts.hang(START, LINK)
    assert set(world.wires) == set(START.wires)
    assert canonical(world) != canonical(acts.set_cut(START, frozenset({LINK})))
    world = settled(written(world))
    assert world.wires[LINK].told
    assert at_rest(world)


def test_the_end_of_it_leaves_a_dead_connection_that_is_dialled_anew() -> None:
    world = settled(written(acts.hang(START, LINK)))
    world = acts.set_cut(world, frozenset())
    assert LINK not in world.wires
    assert not world.hung
    assert not at_rest(world)
    world = settled(world)
    assert at_rest(world)
    assert world.machines["n2"].state.position == 1  # type: ignore[union-attr]


def test_a_node_that_goes_down_takes_its_connections_with_it() -> None:
    world = acts.crash(acts.hang(START, LINK), "n2")
    assert not world.hung
    assert not world.held
    world = settled(acts.boot(world, "n2"))
    assert LINK not in world.wires
    assert LINK in settled(acts.set_cut(world, frozenset())).wires


def test_what_goes_round_the_link_does_not_hang() -> None:
    sick = settled(initial(setup(2, ["resync-round-the-cut"]), PLAN.net))
    world, _ = acts.resync(acts.hang(sick, LINK), "n2", full=True)
    assert not world.hung
    assert world.wires[LINK].direct
    assert at_rest(settled(written(world)))


def test_a_partition_that_keeps_it_cut_leaves_it_as_it_is() -> None:
    apart = Partition((("n1",), ("n2",))).advance(Hang(*LINK).advance(PLAN)).net.cut
    world = acts.set_cut(acts.hang(START, LINK), apart)

    assert world.hung == {LINK}
