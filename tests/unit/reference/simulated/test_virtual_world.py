"""The virtual world: a value that nothing happens in by itself, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from supertest import create_case, create_event, fully_connected, update_case

from syncmodel.model.net import Net
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.reference.node.state import own_log
from syncmodel.reference.simulated import Deliverable, acts, sights
from syncmodel.reference.simulated.setup import setup
from syncmodel.reference.simulated.world import (
    VirtualWorld,
    connect,
    deliver,
    deliverables,
    initial,
)
from syncmodel.steps import Data
from syncmodel.targets.wire import SUPERTEST


def world_of(count: int = 2, *bugs: str, net: Net | None = None) -> VirtualWorld:
    return settled(initial(setup(count, bugs), net or fully_connected(count)))


def settled(world: VirtualWorld) -> VirtualWorld:
    for _ in range(10_000):
        choices = deliverables(world)
        if not choices:
            return world
        world = deliver(world, choices[0])
    raise AssertionError("never at rest")


def wrote(world: VirtualWorld, *steps: Data) -> VirtualWorld:
    for step in steps:
        world, outcome = acts.write(world, step.node, step.asks(SUPERTEST))
        assert outcome.ok, outcome
    return world


def titles(world: VirtualWorld, node: str) -> dict[str, object]:
    view = sights.views(world)[node]
    assert view is not None
    return {name: value.get("title") for name, value in view.table("cases")}


def seen(world: VirtualWorld, node: str) -> list[tuple[Row, Value]]:
    """What a node shows, as version 1 knows it."""
    view = sights.views(world)[node]
    assert view is not None
    return [(row, value.only(("title", "counter"))) for row, value in view.rows]


def test_an_equal_past_is_an_equal_world_and_hashes_alike() -> None:
    constants = setup(3)
    one, other = (
        wrote(settled(initial(constants, fully_connected(3))), create_case("n1", "c1", "t"))
        for _ in range(2)
    )
    assert one is not other
    assert (one, hash(one)) == (other, hash(other))
    assert settled(one) == settled(other) != one


def test_nothing_changes_a_world_that_somebody_holds() -> None:
    world = world_of()
    before = hash(world), sights.views(world)
    settled(wrote(world, create_case("n1", "c1", "t")))
    acts.crash(world, "n1")
    assert (hash(world), sights.views(world)) == before


def test_at_rest_is_when_nothing_can_happen() -> None:
    world = world_of()
    assert sights.at_rest(world)
    world = wrote(world, create_case("n1", "c1", "t"))
    assert not sights.at_rest(world)
    assert deliverables(world) == [Deliverable("tell", ("n1", "n2"))]
    assert titles(world, "n2") == {}
    world = settled(world)
    assert sights.at_rest(world)
    assert sights.views(world)["n2"] == View.of(
        SUPERTEST, {"cases": [("c1", {"title": "t", "counter": 0})]}
    )


def test_every_order_of_deliveries_comes_to_the_same_sights() -> None:
    world = wrote(world_of(), create_case("n1", "c1", "one"), create_case("n2", "c1", "two"))
    ends: set[object] = set()
    seen = {world}
    queue = [world]
    while queue:
        world = queue.pop()
        choices = deliverables(world)
        if not choices:
            assert sights.at_rest(world)
            assert titles(world, "n1") == titles(world, "n2")
            ends.add(titles(world, "n1")["c1"])
        fresh = {deliver(world, which) for which in choices} - seen
        seen |= fresh
        queue += fresh
    assert len(ends) == 1
    assert len(seen) > 5


def test_a_cut_ends_a_connection_and_what_was_under_way_on_it() -> None:
    world = wrote(world_of(), create_case("n1", "c1", "t"))
    world = acts.set_cut(world, frozenset({("n1", "n2")}))
    assert deliverables(world) == []
    assert sights.at_rest(world)
    assert titles(settled(world), "n2") == {}
    world = acts.set_cut(world, frozenset())
    assert deliverables(world) == [Deliverable("dial", ("n1", "n2"))]
    assert titles(settled(world), "n2") == {"c1": "t"}


def test_one_way_cuts_stop_one_way() -> None:
    world = acts.set_cut(world_of(), frozenset({("n1", "n2")}))
    world = wrote(world, create_case("n1", "c1", "one"), create_case("n2", "c2", "two"))
    world = settled(world)
    assert titles(world, "n1") == {"c1": "one", "c2": "two"}
    assert titles(world, "n2") == {"c2": "two"}


def test_a_node_that_is_down_refuses_and_comes_back_with_what_it_stored() -> None:
    world = acts.crash(wrote(world_of(), create_case("n1", "c1", "t")), "n1")
    step = create_case("n1", "c2", "u")
    assert acts.write(world, "n1", step.asks(SUPERTEST))[1].code == "unreachable"
    assert "n1" not in sights.views(world)
    assert titles(settled(acts.boot(world, "n1")), "n2") == {"c1": "t"}


@pytest.mark.parametrize(("stop", "left"), [(acts.crash, {}), (acts.restart, {"c1": "t"})])
def test_a_crash_loses_what_was_not_stored_and_an_orderly_stop_does_not(
    stop: Callable[[VirtualWorld, str], VirtualWorld], left: dict[str, str]
) -> None:
    # The planted bug stores rows only when they are next read, but the cursor at once.
    world = settled(wrote(world_of(2, "cursor-before-rows"), create_case("n1", "c1", "t")))
    world = stop(world, "n2")
    world = settled(acts.boot(world, "n2"))
    assert titles(world, "n2") == left


def test_a_rollout_stops_in_order() -> None:
    world = settled(wrote(world_of(2, "cursor-before-rows"), create_case("n1", "c1", "t")))
    kept = acts.set_cut(world, frozenset({("n1", "n2")}))
    kept = settled(acts.deploy(kept, "n2", 3, back=False)[0])
    assert titles(kept, "n2") == {"c1": "t"}


def test_a_relay_forgets_who_is_not_connected_any_more() -> None:
    world = acts.reset(world_of(), ("n1", "n2"))
    state = world.machines["n1"].state
    assert state is not None
    assert not state.subscriptions


def test_reading_stores() -> None:
    world = settled(wrote(world_of(2, "cursor-before-rows"), create_case("n1", "c1", "t")))
    world = settled(acts.boot(acts.crash(acts.stored(world, "n2"), "n2"), "n2"))
    assert titles(world, "n2") == {"c1": "t"}


def test_a_rollback_drops_the_log_and_a_rollout_brings_back_what_peers_know() -> None:
    world = settled(
        wrote(world_of(), create_case("n1", "c1", "t"), create_event("n1", "e1", "c1", "b"))
    )
    log = world.machines["n1"].disk.log_id
    world, outcome = acts.deploy(world, "n1", 1, back=True)
    assert outcome.ok
    world = settled(world)
    assert sights.views(world)["n1"] is None
    disk = world.machines["n1"].disk
    assert (disk.position, len(disk.entries), disk.applied) == (0, 0, ())
    assert disk.log_id != log
    assert sights.control(world, "n1").plugin is None
    world = settled(acts.deploy(world, "n1", 3, back=False)[0])
    # Version 2 has one column more.
    assert seen(world, "n1") == seen(world, "n2") != []
    assert sights.control(world, "n1").plugin == 2


def test_a_partial_rollback_keeps_rows_and_log() -> None:
    world = settled(wrote(world_of(net=fully_connected(2, 3)), create_case("n1", "c1", "t")))
    log = world.machines["n1"].disk.log_id
    world = settled(acts.deploy(world, "n1", 2, back=True)[0])
    assert world.machines["n1"].disk.log_id == log
    assert titles(world, "n1") == {"c1": "t"}


def test_the_supervisors_bugs_show_here() -> None:
    leaves = world_of(2, "rollback-leaves-table")
    leaves = settled(wrote(leaves, create_case("n1", "c1", "t")))
    for node in ("n1", "n2"):
        leaves = settled(acts.deploy(leaves, node, 1, back=True)[0])
    leaves = settled(acts.deploy(leaves, "n1", 2, back=False)[0])
    assert titles(leaves, "n1") == {"c1": "t"}
    replays = acts.deploy(world_of(2, "rollback-replays-plan"), "n1", 1, back=True)[0]
    assert sights.control(replays, "n1").running == 2


def test_the_clock_moves_when_it_is_told_to_and_nodes_may_differ() -> None:
    world = acts.with_skews(world_of(), {"n2": -60})
    at = world.now_s("n1")
    assert world.now_s("n2") == at - 60
    world = acts.advance(world, 15)
    assert (world.now_s("n1"), world.now_s("n2")) == (at + 1, at - 59)
    world = settled(wrote(world, create_case("n1", "c1", "t"), update_case("n1", "c1", "u")))
    world = settled(wrote(world, update_case("n2", "c1", "v")))
    assert titles(world, "n1") == {"c1": "v"}


def _burst(world: VirtualWorld) -> VirtualWorld:
    return wrote(
        world,
        create_case("n1", "c1", "one"),
        create_case("n1", "c2", "two"),
        update_case("n1", "c1", "three"),
    )


def test_a_connection_that_breaks_and_messages_that_come_twice_lose_nothing() -> None:
    tell = Deliverable("tell", ("n1", "n2"))
    for delivered, acted in permutations((0, 1, 2, 3), 2):
        world = _burst(world_of())
        for _ in range(min(delivered, acted)):
            world = deliver(world, tell)
        if len(world.wires["n1", "n2"].told):
            world = acts.repeat(world, tell)
            world = deliver(world, tell)
        world = acts.reset(world, ("n1", "n2")) if acted % 2 else world
        world = settled(world)
        assert sights.at_rest(world)
        assert titles(world, "n2") == {"c1": "three", "c2": "two"}


def test_a_stream_that_loses_one_message_is_outside_of_the_contract_and_seen() -> None:
    tell = Deliverable("tell", ("n1", "n2"))
    world = settled(acts.lose(_burst(world_of()), tell, 1))
    # The log counts as processed and the row is not there: a comparison would find it.
    assert sights.at_rest(world)
    assert titles(world, "n2") == {"c1": "three"}


def test_messages_can_be_delivered_out_of_order_and_twice() -> None:
    tell = Deliverable("tell", ("n1", "n2"))
    world = acts.overtake(_burst(world_of()), tell, 2)
    assert titles(deliver(world, tell), "n2") == {"c1": "three"}
    twice = acts.duplicate(_burst(world_of()), tell, 1)
    assert len(twice.wires["n1", "n2"].told) == 4
    assert titles(settled(twice), "n2") == {"c1": "three", "c2": "two"}


def test_a_new_log_is_named_like_nothing_that_anybody_speaks_of() -> None:
    world = world_of(3)
    for _ in range(4):
        others = {
            link.log_id
            for name in ("n2", "n3")
            if (state := world.machines[name].state) is not None
            and (link := state.link("n1")).log_id is not None
        }
        world = acts.deploy(world, "n1", 1, back=True)[0]
        assert world.machines["n1"].disk.log_id not in others
        world = settled(acts.deploy(world, "n1", 2, back=False)[0])
    # Names are used again once nobody knows them: a world does not count its rollbacks.
    assert world.machines["n1"].disk.log_id in {"n1.0", "n1.1", "n1.2"}


def test_a_resync_goes_over_the_link_and_round_it_only_with_the_bug() -> None:
    cut = frozenset({("n1", "n2")})
    for bugs, expected in (((), {}), (("resync-round-the-cut",), {"c1": "t"})):
        world = acts.set_cut(world_of(2, *bugs), cut)
        world = wrote(world, create_case("n1", "c1", "t"))
        world = settled(acts.resync(world, "n2", full=True)[0])
        assert titles(world, "n2") == expected


def test_a_link_that_can_not_be_dialled_is_none() -> None:
    world = acts.crash(world_of(), "n1")
    assert connect(world, ("n1", "n2")) == world
    state = world.machines["n2"].state
    assert state is not None
    assert not state.link("n1").connected
    assert own_log(state)[1] == 0
