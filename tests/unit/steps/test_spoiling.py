"""A store that was damaged at rest is not served, and what others know comes back."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from supertest import create_case, create_event, fully_connected, update_case

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import Result, run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import InvalidRunError
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.outcome import accepted, refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Backup,
    Burst,
    Crash,
    Cut,
    Distrust,
    Heal,
    Leave,
    Partition,
    Restore,
    Rollback,
    Rollout,
    Select,
    Spoil,
    Step,
)
from syncmodel.steps.spoiling import DAMAGED, PARTS

NET = fully_connected(2)
PLAN = Plan(NET)
SPOIL = Spoil("n1", "rows")


def performed(*steps: Step, seed: int | None = None, bugs: tuple[str, ...] = ()) -> Result:
    return asyncio.run(run(SimulatedCluster(2, bugs, seed), NET, steps))


def test_it_is_of_a_node_with_rows_and_with_nothing_that_rows_do_not_tell() -> None:
    for part in PARTS:
        assert Spoil("n1", part).enabled(PLAN)
    assert not Spoil("n1", "lid").enabled(PLAN)
    assert not Spoil("n9", "rows").enabled(PLAN)
    told: tuple[Step, ...] = (Leave("n2"), Distrust("n1", "n2"), Select("n1", 3))
    for before in (Crash("n1"), Rollback(("n1",), 1), *told):
        assert not SPOIL.enabled(before.advance(PLAN)), before
    for net in (replace(NET, quorum=True), replace(NET, keeps_log=True)):
        assert not SPOIL.enabled(Plan(net))


def test_the_node_ends_without_the_plugin_and_without_its_rows() -> None:
    after = SPOIL.advance(Plan(NET))
    assert after.net == Rollback(("n1",), 1).advance(PLAN).net
    assert NET.drops(after.net) == {"n1"}


@pytest.mark.parametrize("seed", [None, *range(4)])
def test_what_others_know_comes_back_and_what_only_it_knew_does_not(seed: int | None) -> None:
    steps = (
        create_case("n1", "c1", "t1"),
        Partition((("n1",), ("n2",))),
        update_case("n1", "c1", "t2"),
        create_event("n1", "e1", "c1", "b1"),
        Burst((update_case("n1", "c1", "t3"), Spoil("n1", "pages"))),
        Heal(),
        Rollout(("n1",), 3),
        update_case("n1", "c1", "t4"),
        Cut("n1", "n2"),
        Spoil("n2", "header"),
        Rollout(("n2",), 2),
    )
    assert performed(*steps, seed=seed).verdict is Verdict.PASS


@pytest.mark.parametrize("seed", [None, *range(4)])
def test_a_copy_that_was_made_before_brings_it_back(seed: int | None) -> None:
    steps = (
        create_case("n1", "c1", "t1"),
        Partition((("n1",), ("n2",))),
        update_case("n1", "c1", "t2"),
        Backup(("n1",)),
        SPOIL,
        Restore(("n1",), False),
        Heal(),
        update_case("n1", "c1", "t3"),
    )
    assert performed(*steps, seed=seed).verdict is Verdict.PASS


def test_it_must_refuse_and_say_why() -> None:
    SPOIL.judge(refused(DAMAGED), frozenset())
    for outcome, shown in (
        (accepted(), "it serves"),
        (refused("application_failed"), "refused: application_failed"),
    ):
        with pytest.raises(DivergenceFound) as found:
            SPOIL.judge(outcome, frozenset())
        (one,) = found.value.divergences
        assert (one.kind, one.node, one.shown) == (Kind.CONTROL_PLANE, "n1", shown)
    with pytest.raises(InvalidRunError, match="unknown"):
        SPOIL.judge(unknown("gone"), frozenset())


def test_a_node_that_skips_what_is_damaged_is_seen_and_only_where_it_does() -> None:
    bug = ("damaged-rows-skipped",)
    created = create_case("n2", "c1", "t1")
    found = performed(created, SPOIL, bugs=bug)
    assert found.verdict is Verdict.DIVERGED
    assert found.divergences[0].shown == "it serves"
    # Without a row, or where pages are damaged, it can't start at all.
    assert performed(SPOIL, bugs=bug).verdict is Verdict.PASS
    assert performed(created, Spoil("n1", "pages"), bugs=bug).verdict is Verdict.PASS


def test_it_is_counted() -> None:
    tally = Tally()
    asyncio.run(run(SimulatedCluster(2), NET, (SPOIL,), observe=tally))
    assert tally.seen[Sometimes.SPOILT] == 1
    assert Sometimes.SPOILT not in tally.never()
