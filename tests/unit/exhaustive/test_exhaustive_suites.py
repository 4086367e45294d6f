"""Covering suites: they pass, and they cover what they say."""

from __future__ import annotations

from typing import Literal

import pytest
from saved_runs import saved

from syncmodel.checker import covering_walks
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.script import leaves, length
from syncmodel.exhaustive.limits import OPS, Limits
from syncmodel.exhaustive.suites import drawn, kind, kind_of, kinds, suite
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Step
from syncmodel.steps.clocks import AHEAD_S, Clock
from syncmodel.steps.faulty_deploy import FAULTS, FaultyDeploy
from syncmodel.steps.spoiling import PARTS, Spoil

BOTH: tuple[Literal["kind"], Literal["edge"]] = ("kind", "edge")
SMALL = Limits(writes=2, crashes=1)


def test_every_run_passes() -> None:
    for one in suite(SMALL, "kind"):
        result = Straight().run(run(SimulatedCluster(len(one.nodes)), one.net, one.steps))
        assert result.verdict is Verdict.PASS, one.title


def test_every_edge_is_taken() -> None:
    whole = drawn(SMALL)
    taken = covering_walks(whole, "edge", kind)
    assert {edge for walk in taken for edge in walk} == set(whole.edges(keys=True))
    assert sum(length(one.steps) for one in suite(SMALL, "edge")) == sum(map(len, taken))


def test_every_kind_is_taken() -> None:
    whole = drawn(SMALL)
    taken = covering_walks(whole, "kind", kind)
    assert {kind_of(whole, edge) for walk in taken for edge in walk} == kinds(whole)
    assert all(whole.nodes[walk[0][0]]["initial"] for walk in taken)


def test_kinds_take_far_fewer_steps_than_edges() -> None:
    few, many = (sum(length(one.steps) for one in suite(SMALL, by)) for by in BOTH)
    assert few < many


#: Those whose files are as they are made today; the others were made before steps had their form.
SAVED = [
    Limits(writes=1, rollbacks=1, faulty=1),
    Limits(writes=1, cuts=1, pauses=1),
    Limits(writes=1, restarts=1, clocks=2),
    Limits(hangs=1),
    Limits(writes=3, purges=1),
    Limits(writes=1, spoils=2),
    Limits(writes=1, takeouts=2, rollbacks=1),
    Limits(writes=1, reboots=3),
    Limits(writes=1, leaves=2),
    Limits(writes=1, distrusts=1),
    Limits(writes=1, backups=1, restores=1),
    Limits(writes=1, misuses=1, rollbacks=1),
]


@pytest.mark.parametrize("limits", SAVED, ids=str)
def test_the_corpus_has_the_suite(limits: Limits) -> None:
    there = {(found.nodes, found.steps) for path, found in saved()}
    assert all((one.nodes, one.steps) in there for one in suite(limits, "kind"))


def covered() -> list[Step]:
    """Every step of the coverings of the corpus."""
    files = [found for path, found in saved() if path.name.startswith("covering-")]
    return [leaf for found in files for _, leaf in leaves(found.steps)]


def test_coverings_take_every_kind_of_step_that_a_search_takes() -> None:
    assert OPS - {step.op for step in covered()} == {"read"}


def test_coverings_meet_every_fault_of_a_deployment_and_damage_every_part_of_a_store() -> None:
    taken = covered()
    assert {step.fault for step in taken if isinstance(step, FaultyDeploy)} == FAULTS.keys()
    assert {step.part for step in taken if isinstance(step, Spoil)} == PARTS.keys()
    assert {step.ahead_s for step in taken if isinstance(step, Clock)} == set(AHEAD_S)


def test_a_purge_that_forgets_is_another_kind_than_one_that_does_not() -> None:
    whole = drawn(Limits(writes=2, purges=1))
    purges = {found for found in kinds(whole) if found[0] == "purge"}
    assert {made for _, made, *_ in purges} == {True, False}
    assert len(purges) == 2


#: Bugs that some covering shows, and by what its file is named.
SHOWN = {
    "aborted-plan-carried-out": "faulty-1",
    "failed-activation-not-undone": "faulty-1",
    "failed-deployment-stays-selected": "faulty-1",
    "half-of-a-failed-rollout-kept": "faulty-1",
    "job-lost-with-its-supervisor": "faulty-1",
    "substitutes-looked-for-last": "faulty-1",
    "two-jobs-at-once": "faulty-1",
    "up-after-the-commit": "faulty-1",
    "damaged-rows-skipped": "spoils-2",
    "own-writes-tie": "purges-1",
    "heard-only-both-ways": "pauses-1",
}


@pytest.mark.parametrize("bug", SHOWN)
def test_a_covering_shows_the_bug(bug: str) -> None:
    files = [found for path, found in saved() if f"-{SHOWN[bug]}-" in path.name]
    results = (Straight().run(run(SimulatedCluster(2, [bug]), one.net, one.steps)) for one in files)
    assert any(result.verdict is Verdict.DIVERGED for result in results)
