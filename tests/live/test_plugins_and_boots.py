"""Plugins of real processes that are disabled and uninstalled, and machines that boot."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.divergence import Divergence
from syncmodel.model.net import Net, fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import (
    Create,
    Disable,
    Heal,
    Partition,
    Reboot,
    Restart,
    Rollout,
    Select,
    Set,
    Step,
    Uninstall,
)
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
BARE = fully_connected(SUPERTEST, 2, 1)
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))
APART = Partition((("n1",), ("n2",)))
UP = Rollout(("n1",), 3)

Ended = tuple[Verdict, tuple[Divergence, ...]]


def runs(*scripts: tuple[Net, Sequence[Step]]) -> list[Ended]:
    """The verdicts of these runs, one after another on one cluster, and what diverged."""

    async def main() -> list[Ended]:
        found, target = [], EmbeddedCluster(2)
        try:
            for net, steps in scripts:
                await target.begin(net)
                result = await run(target, net, list(steps))
                found.append((result.verdict, result.divergences))
                if result.verdict is Verdict.PASS:
                    target.passed()
        finally:
            await target.close()
        return found

    return asyncio.run(main())


def test_plugins_come_and_go_and_machines_boot() -> None:
    scripts = [
        (NET, [APART, CASE, Uninstall("n1", False), Disable("n1"), OTHER, UP, Heal()]),
        (NET, [CASE, Disable("n1"), Set("n2", "cases", "c1", "title", "t3"), Restart("n1")]),
        # The tables that the last run left disabled are gone.
        (BARE, [Rollout(("n2",), 2), OTHER, UP]),
        (NET, [APART, CASE, Disable("n1"), Reboot("n1"), Uninstall("n1", True), UP, Heal()]),
        (NET, [CASE, Select("n1", 3), OTHER, Restart("n1"), Reboot("n1")]),
        (NET, [APART, CASE, Select("n1", 1), Reboot("n1"), Heal(), Select("n1", 3)]),
        # What the last run left selected is not booted.
        (NET, [CASE, Reboot("n1"), OTHER]),
    ]
    assert runs(*scripts) == [(Verdict.PASS, ())] * len(scripts)
