"""Admin requests that real nodes must not carry out, over SSH and HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from live_runs import runs

from syncmodel.engine.history import Verdict
from syncmodel.model.divergence import Kind
from syncmodel.steps import (
    Burst,
    Clock,
    Concurrently,
    Create,
    Distrust,
    Misuse,
    Pause,
    Reboot,
    Restart,
    Resume,
    Rollback,
    Rollout,
    Step,
    Trust,
)
from syncmodel.steps.misused import METHODS, REPLAYED, VARIANTS

ALL = tuple(Misuse("n1", variant, method) for variant in VARIANTS for method in METHODS)
REPLAY = Misuse("n1", REPLAYED, "rollout.rollback")
DISTRUST = Misuse("n1", REPLAYED, "cluster_nodes.distrust")
BACK, UP = Rollback(("n1",), 1), Rollout(("n1",), 2)


CASE = Create("n1", "cases", "c1", (("title", "t1"),))
KNOWN = (Distrust("n1", "n2"), Trust("n1", "n2"), DISTRUST)


def test_each_is_refused_and_changes_nothing() -> None:
    script = [CASE, Burst((*ALL, BACK, REPLAY, UP)), REPLAY, Burst(KNOWN)]
    assert runs(script, nodes=2) == [(Verdict.PASS, set())]


@pytest.mark.long
def test_at_any_moment() -> None:
    after = [BACK, REPLAY, Restart("n1"), REPLAY, Reboot("n1"), REPLAY, UP, REPLAY]
    jumps = [*KNOWN, Clock("n1", -60), DISTRUST, Clock("n1", 60), DISTRUST, Restart("n1"), DISTRUST]
    beside = Concurrently((Restart("n1"), Misuse("n1", "not-admin", "rollout.rollback")))
    still = Concurrently((Pause("n1"), Misuse("n1", "stale", "rollout.rollback")))
    script = [CASE, *after, *jumps, beside, still, Resume("n1")]
    assert runs(script, nodes=2) == [(Verdict.PASS, set())]


@pytest.mark.long
@pytest.mark.parametrize(
    ("bug", "steps"),
    [
        ("replayed-rollback-accepted", [BACK, REPLAY]),
        ("non-admin-accepted", [Misuse("n1", "not-admin", "rollout.rollback")]),
    ],
)
def test_a_node_that_takes_one_is_found(bug: str, steps: Sequence[Step]) -> None:
    assert runs(steps, nodes=1, bug=bug) == [(Verdict.DIVERGED, {Kind.WRONGLY_ACCEPTED})]
