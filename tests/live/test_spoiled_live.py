"""Stores of real machines that are damaged: no process serves them, and rows come back."""

from __future__ import annotations

import pytest
from live_runs import runs

from syncmodel.engine.history import Verdict
from syncmodel.model.divergence import Kind
from syncmodel.steps import Backup, Create, Partition, Restore, Rollout, Set, Spoil, Step
from syncmodel.steps.spoiling import PARTS

#: It starts many processes; the corpus has the same.
pytestmark = pytest.mark.long

CREATED = Create("n2", "cases", "c1", (("title", "t1"),))


def spoilt(part: str) -> list[Step]:
    """What others know comes back, and what was copied, too."""
    return [
        CREATED,
        Spoil("n1", part),
        Rollout(("n1",), 3),
        Set("n1", "cases", "c1", "title", "t2"),
        Backup(("n1",)),
        Partition((("n1",), ("n2",))),
        Spoil("n1", part),
        Restore(("n1",), False),
        Set("n1", "cases", "c1", "title", "t3"),
    ]


def test_a_damaged_store_is_refused_by_real_processes() -> None:
    assert runs(*map(spoilt, PARTS)) == [(Verdict.PASS, set())] * len(PARTS)


def test_one_that_skips_what_is_damaged_is_seen() -> None:
    found = runs([CREATED, Spoil("n1", "rows")], bug="damaged-rows-skipped")
    assert found == [(Verdict.DIVERGED, {Kind.CONTROL_PLANE})]
