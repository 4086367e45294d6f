"""Deletes that every node knows of are forgotten, and nothing comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from attrs import evolve
from stories import CREATED, DELETED, OK, T1, T2, create, everywhere, row, told

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.script import Script
from syncmodel.errors import InvalidRunError, UsageError
from syncmodel.exhaustive.limits import Limits
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.reference.node.core import step
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.node.ports import Purge as Told
from syncmodel.reference.node.ports import Purged, Put
from syncmodel.reference.node.purging import deletes, shared
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.swaps import possible
from syncmodel.steps import (
    Backup,
    Burst,
    Concurrently,
    Crash,
    Cut,
    Delete,
    Disable,
    Distrust,
    Heal,
    Leave,
    Pause,
    Purge,
    Reactivate,
    Read,
    Restart,
    Resume,
    Resync,
    Rollback,
    Rollout,
    Step,
    Trust,
)
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 3)
FRESH = Plan(NET)
PURGE = Purge()

# --- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [Cut("n1", "n2"), Crash("n1"), Pause("n1"), Leave("n1")])
def test_it_may_be_taken_amid_faults(before: Step) -> None:
    assert PURGE.enabled(before.advance(FRESH))


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        (Backup(("n1",)).advance(FRESH), PURGE),
        (Distrust("n1", "n2").advance(FRESH), PURGE),
        (PURGE.advance(FRESH), Distrust("n1", "n2")),
        (FRESH, Burst((PURGE, Heal()))),
        (FRESH, Burst((Cut("n1", "n2"), PURGE))),
        (FRESH, Concurrently((PURGE, Cut("n1", "n2")))),
    ],
)
def test_what_may_not_be_done(plan: Plan, step: Step) -> None:
    assert not step.enabled(plan)


def test_trust_that_changed_before_is_no_hindrance_once_all_is_trusted() -> None:
    trusted = Trust("n1", "n2").advance(Distrust("n1", "n2").advance(FRESH))
    assert PURGE.enabled(trusted)


def test_no_exchange_of_steps_puts_it_into_a_burst() -> None:
    script = Script(NET, (Burst((Crash("n1"), Heal())),))
    assert PURGE not in [*possible(script, (0, 1), frozenset({"purge", "heal"}))]


def test_it_is_searched_exhaustively_only_with_a_rest_before_it() -> None:
    limits = Limits(purges=1)
    assert "purge" in limits.offered
    assert "purge" not in evolve(limits, burst=2).offered
    assert "purge" not in Limits().offered


# --- what may be true ----------------------------------------------------------------------------


def test_a_deleted_row_does_not_return() -> None:
    before = (CREATED, everywhere(c1=T1), DELETED, everywhere(), (PURGE, OK))
    told((*before, everywhere()), Guarantees())
    told((*before, (create("n2", "c1", "t2"), row("t2")), everywhere(c1=T2)), Guarantees())
    with pytest.raises(DivergenceFound) as found:
        told((*before, everywhere(c1=T1)), Guarantees())
    assert {one.kind for one in found.value.divergences} == {Kind.RESURRECTED}


def test_it_is_not_refused_and_has_an_answer() -> None:
    with pytest.raises(DivergenceFound) as found:
        told(((PURGE, refused("malformed")),), Guarantees())
    assert {one.kind for one in found.value.divergences} == {Kind.CONTROL_PLANE}
    with pytest.raises(InvalidRunError, match="is unknown"):
        told(((PURGE, unknown("timeout")),), Guarantees())


def test_a_target_that_can_not_is_named() -> None:
    with pytest.raises(UsageError, match="it lacks the ability Purges"):
        asyncio.run(PURGE.perform(object()))  # type: ignore[arg-type]  # it has nothing


# --- the nodes -----------------------------------------------------------------------------------


def after(steps: Sequence[Step], bug: str = "", nodes: int = 3) -> SimulatedCluster:
    """The cluster after a run that passes."""
    target = SimulatedCluster(nodes, [bug] if bug else [])
    result = asyncio.run(run(target, fully_connected(SUPERTEST, nodes), list(steps)))
    assert result.verdict is Verdict.PASS, result
    return target


def sizes(target: SimulatedCluster) -> list[int]:
    """How many rows the log of each node is about, in memory and on its disk."""
    machines = [target.world.machines[name] for name in target.nodes]
    held = [{key for key, _ in one.disk.entries} for one in machines]
    live = [
        {*one.state.rows} if one.state else rows for one, rows in zip(machines, held, strict=True)
    ]
    assert live == held
    return [len(rows) for rows in held]


CASE, GONE = create("n1", "c1", "t1"), Delete("n2", "cases", "c1")


def test_what_all_have_deleted_is_forgotten_and_nothing_else() -> None:
    other = create("n3", "c2", "t2")
    assert sizes(after([CASE, other, GONE])) == [2, 2, 2]
    assert sizes(after([CASE, other, GONE, PURGE])) == [1, 1, 1]
    assert sizes(after([CASE, other, GONE, PURGE, Restart("n1"), Resync("n2", True)])) == [1, 1, 1]


@pytest.mark.parametrize(
    ("faults", "end"),
    [
        ([Cut("n2", "n1"), Cut("n3", "n1")], Heal()),
        ([Crash("n1")], Restart("n1")),
        ([Pause("n1")], Resume("n1")),
        ([Leave("n1")], Reactivate("n1")),
        ([Rollback(("n1",), 1)], Rollout(("n1",), 2)),
        ([Disable("n1")], Rollout(("n1",), 2)),
    ],
)
def test_what_one_has_not_seen_is_kept(faults: Sequence[Step], end: Step) -> None:
    steps = [CASE, *faults, GONE, PURGE, end]
    assert sizes(after([*steps, Read("n1", "cases", "c1")])) == [1, 1, 1]
    assert sizes(after([*steps, PURGE])) == [0, 0, 0]


def test_a_row_that_was_purged_can_be_created_again() -> None:
    again = create("n3", "c1", "t2")
    read = Read("n2", "cases", "c1")
    assert sizes(after([CASE, GONE, PURGE, Cut("n1", "n3"), again, Heal(), read])) == [1, 1, 1]


def test_only_what_all_have_alike_is_agreed_on() -> None:
    one, two = {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "9"}
    assert shared([one, two]) == {"a": "1"}
    assert shared([one, {}]) == {}
    assert shared([]) == {}


def test_a_node_forgets_what_it_is_told_as_far_as_it_has_it_so() -> None:
    target = after([CASE, GONE], nodes=2)
    world = target.world
    node, state = world.setup.nodes["n1"], world.machines["n1"].state
    assert state is not None
    (name,) = mine = deletes(state, node.pieces)
    assert step(state, Told({name: "another"}), node) == (state, ())
    assert step(state, Told({"39001:r/c9": "x"}), node) == (state, ())
    gone, outputs = step(state, Told(mine), node)
    assert outputs == (Purged((next(iter(state.rows)),)),)
    assert not gone.rows
    assert gone.position == state.position


def test_the_disk_forgets_all_that_was_said_of_the_row() -> None:
    entries = [*after([CASE, GONE], nodes=2).world.machines["n1"].disk.entries.values()]
    disk = Disk("log").apply([Put(one) for one in entries])
    assert len(disk.entries) == len(entries)
    left = disk.apply([Purged((entries[0].key,))])
    assert not left.entries
    assert left.position == disk.position
