"""Plugins of real processes that are disabled and uninstalled, and machines that boot."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import Net, fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import (
    Concurrently,
    Create,
    Cut,
    Disable,
    FaultyRollout,
    Hang,
    Heal,
    Leave,
    Partition,
    Pause,
    Reboot,
    Restart,
    Resync,
    Rollback,
    Rollout,
    Select,
    Set,
    Slow,
    Step,
    Uninstall,
)
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow

NET = fully_connected(SUPERTEST, 2)
BARE = fully_connected(SUPERTEST, 2, 1)
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))
APART = Partition((("n1",), ("n2",)))
UP = Rollout(("n1",), 3)
ASK = Uninstall("n1", False)
LATER = (Set("n1", "cases", "c1", "title", "t4"), ASK)

#: The shortest that shows each mistake, on one node.
MISTAKES: dict[str, list[Step]] = {
    "boots-what-ran": [Select("n1", 3), Reboot("n1")],
    "disable-drops-tables": [Disable("n1")],
    "down-in-wrong-order": [Rollback(("n1",), 1)],
    "restart-runs-what-is-selected": [Select("n1", 1), Restart("n1")],
    "uninstall-unconfirmed": [Uninstall("n1", False)],
    "up-after-the-commit": [FaultyRollout("n1", 3, "migration-fails")],
}

Ended = tuple[Verdict, tuple[Divergence, ...]]


def runs(*scripts: tuple[Net, Sequence[Step]], bug: str | None = None) -> list[Ended]:
    """The verdicts of these runs, one after another on one cluster, and what diverged."""

    async def main() -> list[Ended]:
        found, target = [], EmbeddedCluster(len(scripts[0][0].nodes), [bug] if bug else [])
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


@pytest.mark.long
@pytest.mark.parametrize("bug", MISTAKES)
def test_what_a_node_does_wrong_is_seen(bug: str) -> None:
    ((verdict, found),) = runs((fully_connected(SUPERTEST, 1), MISTAKES[bug]), bug=bug)
    assert (verdict, {one.kind for one in found}) == (Verdict.DIVERGED, {Kind.CONTROL_PLANE})


def passes(*scripts: tuple[Net, Sequence[Step]]) -> None:
    assert runs(*scripts) == [(Verdict.PASS, ())] * len(scripts)


def test_plugins_come_and_go_and_machines_boot() -> None:
    passes(
        (NET, [APART, CASE, Uninstall("n1", False), Disable("n1"), OTHER, UP, Heal()]),
        (
            NET,
            [
                CASE,
                Uninstall("n1", False),
                Select("n1", 3),
                OTHER,
                Restart("n1"),
                Reboot("n1"),
                Disable("n2"),
            ],
        ),
        # The tables that the last run left disabled are gone.
        (BARE, [Rollout(("n2",), 2), OTHER]),
    )


@pytest.mark.long
def test_plugins_and_boots_amid_cuts() -> None:
    passes(
        (NET, [CASE, Disable("n1"), Set("n2", "cases", "c1", "title", "t3"), Restart("n1")]),
        (BARE, [Rollout(("n2",), 2), OTHER, UP]),
        (NET, [APART, CASE, Disable("n1"), Reboot("n1"), Uninstall("n1", True), UP, Heal()]),
        (NET, [APART, CASE, Select("n1", 1), Reboot("n1"), Heal(), Select("n1", 3)]),
        (NET, [CASE, Cut("n1", "n2"), *LATER, ASK, Hang("n2", "n1"), ASK, Leave("n2"), ASK]),
        (NET, [CASE, Slow("n2", "n1", 500), ASK, Pause("n2"), ASK, Disable("n1"), ASK]),
        # Who asks a machine that reboots at that moment has asked nothing.
        (NET, [CASE, *4 * [Concurrently((Reboot("n1"), Resync("n1")))], OTHER]),
        # What the last run left selected is not booted.
        (NET, [CASE, Reboot("n1"), OTHER]),
    )
