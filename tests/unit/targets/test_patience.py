"""How long answers are waited for: a moment, of a node that stands still or begins to."""

from __future__ import annotations

import asyncio

import pytest

from syncmodel.model.outcome import Answer, Outcome, accepted
from syncmodel.targets import patience
from syncmodel.targets.patience import Patience


async def never() -> Outcome:
    """An answer that does not come."""
    await asyncio.Event().wait()
    raise AssertionError


async def soon() -> Outcome:
    """An answer that comes at once."""
    return accepted()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOMENT_S", 0.01)


def test_a_node_that_stands_still_is_waited_for_a_moment() -> None:
    async def test() -> None:
        waits = Patience()
        waits.stand_still(frozenset({"n1"}))
        assert (await waits.outcome("n1", never())).code == "no answer in 0.01 s"
        assert (await waits.outcome("n2", soon())).ok

    asyncio.run(asyncio.wait_for(test(), 10))


def test_so_is_one_that_begins_to() -> None:
    async def test() -> None:
        waits = Patience()
        asked = asyncio.create_task(waits.outcome("n1", never()))
        other = asyncio.create_task(waits.outcome("n2", never()))
        await asyncio.sleep(0)
        waits.stand_still(frozenset({"n1"}))
        assert (await asked).answer is Answer.UNKNOWN
        assert not other.done()
        other.cancel()

    asyncio.run(asyncio.wait_for(test(), 10))


def test_one_that_goes_on_is_waited_for_as_usual() -> None:
    async def test() -> None:
        waits = Patience()
        waits.stand_still(frozenset({"n1"}))
        waits.stand_still(frozenset())
        assert (await waits.outcome("n1", never(), 0.02)).code == "no answer in 0.02 s"

    asyncio.run(asyncio.wait_for(test(), 10))
