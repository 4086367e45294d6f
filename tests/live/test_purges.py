"""Real nodes forget the deletes that all of them know of."""

from __future__ import annotations

import asyncio

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import Create, Cut, Delete, Heal, Purge, Read, Restart, Resync, Step
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
GONE = Delete("n2", "cases", "c1")
AMID_A_CUT: list[Step] = [CASE, Cut("n2", "n1"), GONE, Purge(), Heal()]
WHOLE: list[Step] = [
    CASE,
    GONE,
    Purge(),
    Restart("n1"),
    Resync("n2", True),
    Read("n1", "cases", "c1"),
    Create("n2", "cases", "c1", (("title", "t2"),)),
]


@pytest.mark.parametrize("bug", ["", pytest.param("purged-too-early", marks=pytest.mark.long)])
def test_deletes_are_purged_on_live_nodes(bug: str) -> None:
    async def main() -> None:
        target = EmbeddedCluster(2, [bug] if bug else [])
        try:
            await target.begin(NET)
            if not bug:
                assert (await run(target, NET, WHOLE)).verdict is Verdict.PASS
                live = await target.live["n1"].admin("store.deletes")
                assert live == {"deletes": {}}
                target.passed()
                await target.begin(NET)
            result = await run(target, NET, AMID_A_CUT)
            if bug:
                assert {one.kind for one in result.divergences} == {Kind.RESURRECTED}
            else:
                assert result.verdict is Verdict.PASS, result
        finally:
            await target.close()

    asyncio.run(main())
