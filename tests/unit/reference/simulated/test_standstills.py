"""Nodes that stand still in a virtual world: what waits for them, and what of it is lost."""

from __future__ import annotations

import asyncio

import pytest
from supertest import create_case, fully_connected, increment_case, update_case

from syncmodel.engine.history import Verdict
from syncmodel.engine.session import Session
from syncmodel.model.outcome import Answer
from syncmodel.reference.simulated import (
    SimulatedCluster,
    VirtualWorld,
    acts,
    canonical,
    deliver,
    deliverables,
    initial,
    setup,
    views,
)
from syncmodel.reference.simulated.sights import at_rest
from syncmodel.steps import Crash, Cut, Heal, Pause, Restart, Resume, Resync, Step

NET = fully_connected(2)
CREATED = create_case("n1", "c1", "t1")


def settled(world: VirtualWorld) -> VirtualWorld:
    """Once nothing can happen on its own."""
    while coming := deliverables(world):
        world = deliver(world, coming[0])
    assert at_rest(world)
    return world


def written(world: VirtualWorld, step: Step) -> tuple[VirtualWorld, Answer]:
    write = step.asks(NET.schema)
    assert write is not None
    world, outcome = acts.write(world, write.node, write)
    return world, outcome.answer


START = settled(initial(setup(2), NET))


def test_nothing_reaches_it_and_nothing_of_it_is_seen() -> None:
    world, answer = written(acts.pause(START, "n2"), CREATED)
    assert answer is Answer.OK
    world = settled(world)
    assert views(world).keys() == {"n1"}
    world = settled(acts.resume(world, "n2"))
    shown = views(world)
    assert shown["n1"] == shown["n2"] is not None


def test_a_request_waits_until_it_goes_on() -> None:
    world, answer = written(acts.pause(START, "n1"), CREATED)
    assert answer is Answer.UNKNOWN
    assert len(world.waiting) == 1
    world = settled(acts.resume(world, "n1"))
    assert not world.waiting
    shown = views(world)["n2"]
    assert shown is not None
    assert [row.name for row, _ in shown.rows] == ["c1"]


@pytest.mark.parametrize("end", [acts.crash, acts.restart])
def test_a_stop_ends_what_waits(end: object) -> None:
    world, _ = written(acts.pause(START, "n1"), CREATED)
    world = end(world, "n1")  # type: ignore[operator]
    assert not world.paused
    assert not world.waiting
    assert not world.held


def test_worlds_that_differ_in_it_are_not_one() -> None:
    paused = acts.pause(START, "n1")
    waiting, _ = written(paused, CREATED)
    assert len({canonical(world) for world in (START, paused, waiting)}) == 3
    assert canonical(acts.resume(paused, "n1")) == canonical(START)


def test_it_is_not_dialled_and_dials_nobody() -> None:
    world = settled(acts.pause(acts.crash(START, "n2"), "n1"))
    world = settled(acts.boot(world, "n2"))
    assert not world.wires
    assert len(settled(acts.resume(world, "n1")).wires) == 2


def test_a_world_may_begin_with_it() -> None:
    two = setup(2)
    world = initial(two, NET.pause("n1"))
    assert world == acts.pause(initial(two, NET), "n1")
    assert acts.resume(world, "n1") == initial(two, NET)


STEPS = (
    CREATED,
    Pause("n1"),
    increment_case("n1", "c1", 1),
    Resync("n2"),
    Cut("n2", "n1"),
    update_case("n2", "c1", "t2"),
    Resume("n1"),
    Heal(),
    Pause("n1"),
    Pause("n2"),
    Restart("n1"),
    Crash("n2"),
    Restart("n2"),
)


@pytest.mark.parametrize("seed", [None, *range(8)])
def test_a_run_through_all_of_it_passes(seed: int | None) -> None:
    async def test() -> Session:
        session = Session(SimulatedCluster(2, seed=seed), NET)
        await session.begin()
        for step in STEPS:
            await session.take(step)
        return session

    assert asyncio.run(test()).finish().verdict is Verdict.PASS
