"""Disks of real machines that are copied, and put back as they were."""

from __future__ import annotations

import pytest
from live_runs import runs

from syncmodel.engine.history import Verdict
from syncmodel.steps import (
    Backup,
    Crash,
    Create,
    Delete,
    Heal,
    Partition,
    Restore,
    Rollback,
    Rollout,
    Set,
    Step,
)

#: It starts many processes.
pytestmark = pytest.mark.slow

BOTH = ("n1", "n2")
ALONE = Partition((("n1",), ("n2",)))
CASE, OTHER, THIRD = (
    Create("n1", "cases", f"c{place}", (("title", f"t{place}"),)) for place in (1, 2, 3)
)


def restored(*, plain: bool) -> list[Step]:
    """What peers know comes back, what only it knew is lost, and what it writes then is taken."""
    return [
        CASE,
        Backup(BOTH),
        OTHER,
        ALONE,
        Set("n1", "cases", "c1", "title", "t4"),
        Restore(("n1",), plain),
        THIRD,
        Delete("n2", "cases", "c2"),
        Heal(),
    ]


@pytest.mark.long  # the corpus and a scenario have the same on live nodes, in parts
def test_a_disk_that_was_put_back_on_live_nodes() -> None:
    generations = [
        Backup(("n1",)),
        Rollback(("n1",), 1),
        Restore(("n1",), True),
        CASE,
        Rollout(BOTH, 3),
        Restore(("n1",), False),
        OTHER,
        Crash("n1"),
        Backup(BOTH),
        Restore(BOTH, True),
    ]
    scripts = [restored(plain=False), restored(plain=True), generations]
    assert runs(*scripts) == [(Verdict.PASS, set())] * len(scripts)
