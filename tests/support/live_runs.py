"""Runs on one embedded cluster, one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import Step
from syncmodel.targets.wire import SUPERTEST


def runs(
    *scripts: Sequence[Step], nodes: int = 2, bug: str | None = None
) -> list[tuple[Verdict, set[Kind]]]:
    """The verdicts of these runs, and what diverged."""

    async def main() -> list[tuple[Verdict, set[Kind]]]:
        found, target = [], EmbeddedCluster(nodes, [bug] if bug else [])
        net = fully_connected(SUPERTEST, nodes)
        try:
            for steps in scripts:
                await target.begin(net)
                result = await run(target, net, list(steps))
                found.append((result.verdict, {one.kind for one in result.divergences}))
                if result.verdict is Verdict.PASS:
                    target.passed()
        finally:
            await target.close()
        return found

    return asyncio.run(main())
