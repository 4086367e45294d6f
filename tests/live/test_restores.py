"""Disks of real machines that are copied, and put back as they were."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
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
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow

NET = fully_connected(SUPERTEST, 2)
BOTH = ("n1", "n2")
ALONE = Partition((("n1",), ("n2",)))
CASE, OTHER, THIRD = (
    Create("n1", "cases", f"c{place}", (("title", f"t{place}"),)) for place in (1, 2, 3)
)


def runs(*scripts: Sequence[Step], bug: str | None = None) -> list[tuple[Verdict, set[Kind]]]:
    """The verdicts of these runs, one after another on one cluster, and what diverged."""

    async def main() -> list[tuple[Verdict, set[Kind]]]:
        found, target = [], EmbeddedCluster(2, [bug] if bug else [])
        try:
            for steps in scripts:
                await target.begin(NET)
                result = await run(target, NET, list(steps))
                found.append((result.verdict, {one.kind for one in result.divergences}))
                if result.verdict is Verdict.PASS:
                    target.passed()
        finally:
            await target.close()
        return found

    return asyncio.run(main())


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
