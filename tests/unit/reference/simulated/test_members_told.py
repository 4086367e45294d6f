"""Who is a member, and who is trusted, in a virtual world: what is connected, asked and shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from supertest import create_case, fully_connected, update_case

from syncmodel.model.net import Link
from syncmodel.reference.simulated import (
    VirtualWorld,
    acts,
    canonical,
    deliver,
    deliverables,
    initial,
    setup,
    views,
)
from syncmodel.reference.simulated.coming import Deliverable
from syncmodel.reference.simulated.sights import at_rest, members
from syncmodel.reference.simulated.told import member, trust
from syncmodel.steps import Step

NET = fully_connected(3)


def settled(world: VirtualWorld) -> VirtualWorld:
    """Once nothing can happen on its own."""
    while coming := deliverables(world):
        world = deliver(world, coming[0])
    assert at_rest(world)
    return world


START = settled(initial(setup(3), NET))


def written(world: VirtualWorld, step: Step) -> VirtualWorld:
    write = step.asks(NET.schema)
    assert write is not None
    world, outcome = acts.write(world, write.node, write)
    assert outcome.ok
    return settled(world)


def titles(world: VirtualWorld, node: str) -> list[object]:
    view = views(world)[node]
    assert view is not None
    return [value.get("title") for _, value in view.rows]


def told(world: VirtualWorld, node: str, *, active: bool) -> VirtualWorld:
    return settled(member(world, node, active=active)[0])


def trusting(world: VirtualWorld, node: str, peer: str, *, trusted: bool) -> VirtualWorld:
    return settled(trust(world, node, peer, trusted=trusted)[0])


def test_who_left_is_connected_to_nobody_and_gets_nothing() -> None:
    world = written(told(START, "n3", active=False), create_case("n1", "c1", "t1"))
    assert all("n3" not in link for link in world.wires)
    assert titles(world, "n3") == []
    world = told(world, "n3", active=True)
    assert len(world.wires) == 6
    assert titles(world, "n3") == ["t1"]


def test_others_stay_connected_when_one_comes_back() -> None:
    away = told(START, "n3", active=False)
    back = member(away, "n3", active=True)[0]
    assert back.wires["n1", "n2"] == away.wires["n1", "n2"]


@pytest.mark.parametrize("active", [True, False])
def test_who_is_down_is_told_nothing(active: bool) -> None:
    before = START if not active else told(START, "n3", active=False)
    world = settled(acts.boot(member(acts.crash(before, "n1"), "n3", active=active)[0], "n1"))
    listed = members(world, "n1")
    assert listed is not None
    assert {one.status for one in listed.listed if one.name == "n3"} == {
        "inactive" if active else "active"
    }
    assert ("n3", "n1") not in world.wires
    assert ("n1", "n3") not in world.wires


def test_it_is_remembered_over_a_restart() -> None:
    world = trusting(told(START, "n3", active=False), "n2", "n1", trusted=False)
    again = settled(acts.restart(world, "n2"))
    assert members(again, "n2") == members(world, "n2")
    assert all("n3" not in link for link in again.wires)


def test_rows_of_who_is_not_trusted_hide_at_once_and_are_back_at_once() -> None:
    world = written(START, create_case("n1", "c1", "t1"))
    hidden = trust(world, "n2", "n1", trusted=False)[0]
    assert titles(hidden, "n2") == []
    assert titles(hidden, "n3") == ["t1"]
    assert titles(trust(hidden, "n2", "n1", trusted=True)[0], "n2") == ["t1"]


def test_what_was_refused_through_third_nodes_too_comes_with_trust() -> None:
    world = trusting(START, "n2", "n1", trusted=False)
    world = written(world, create_case("n1", "c1", "t1"))
    assert titles(world, "n2") == []
    world = written(world, update_case("n3", "c1", "t2"))
    assert titles(world, "n2") == ["t2"]
    world = written(world, update_case("n1", "c1", "t3"))
    assert titles(world, "n2") == ["t2"]
    assert titles(trusting(world, "n2", "n1", trusted=True), "n2") == ["t3"]


def test_saying_it_twice_changes_nothing() -> None:
    away = told(START, "n3", active=False)
    assert member(away, "n3", active=False)[0] == away
    wary = trusting(START, "n2", "n1", trusted=False)
    assert trust(wary, "n2", "n1", trusted=False)[0] == wary


def test_worlds_that_differ_in_it_are_not_one() -> None:
    away, wary = told(START, "n3", active=False), trusting(START, "n2", "n1", trusted=False)
    assert len({canonical(START), canonical(away), canonical(wary)}) == 3


def test_a_subscription_that_comes_after_its_sender_left_is_refused() -> None:
    away = told(START, "n1", active=False)
    world = deliver(member(away, "n1", active=True)[0], Deliverable("dial", ("n2", "n1")))
    assert world.wires["n2", "n1"].asked
    world = member(acts.pause(world, "n1"), "n1", active=False)[0]
    world = settled(acts.resume(world, "n1"))
    assert {link for link in world.wires if "n1" in link} == set()


TWO = settled(initial(setup(2), fully_connected(2)))
ACTS: tuple[Callable[[VirtualWorld, str], VirtualWorld], ...] = (
    lambda world, node: member(world, node, active=False)[0],
    lambda world, node: member(world, node, active=True)[0],
    lambda world, node: acts.pause(world, node) if world.runs(node) else world,
    lambda world, node: acts.resume(world, node) if node in world.paused else world,
    lambda world, node: acts.crash(world, node) if world.runs(node) else acts.boot(world, node),
    lambda world, node: acts.resync(world, node, full=True)[0],
    lambda world, node: acts.hang(world, link_from(node)),
    lambda world, _: acts.set_cut(world, frozenset()),
)


def link_from(node: str) -> Link:
    return ("n1", "n2") if node == "n1" else ("n2", "n1")


def next_worlds(world: VirtualWorld) -> list[VirtualWorld]:
    done = [act(world, name) for act in ACTS for name in world.setup.names]
    return [*done, *(deliver(world, one) for one in deliverables(world))]


def undisturbed(world: VirtualWorld) -> VirtualWorld:
    """Once nothing is cut, every node runs and goes on, and nothing can happen on its own."""
    world = acts.set_cut(world, frozenset())
    for name in world.setup.names:
        world = acts.resume(world, name) if name in world.paused else world
        world = world if world.runs(name) else acts.boot(world, name)
    return settled(world)


def test_whenever_they_are_told_those_and_only_those_are_connected_that_are_members() -> None:
    met, outside = {canonical(TWO): TWO}, [TWO]
    while outside:
        found = {canonical(one): one for world in outside for one in next_worlds(world)}
        outside = [one for name, one in found.items() if name not in met]
        met |= found
        for world in map(undisturbed, outside):
            assert set(world.wires) == {link for link in world.setup.links if world.lets(link)}
    assert len(met) > 1000
