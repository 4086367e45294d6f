"""A step is judged while its target settles; what it says then is said once that is over."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from syncmodel.engine.alongside import alongside, on_a_loop
from syncmodel.engine.drive import Loop, Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.values import Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Create, Resync
from syncmodel.steps.base import Stops, Target, require
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
CREATES = Create("n1", "cases", "c1", (("title", "t1"),))
#: Accepted, though the row is there.
AGAIN = Create("n2", "cases", "c1", (("title", "t2"),))


class Waits(SimulatedCluster):
    """It takes its turns on a loop, and says what was done when."""

    waits: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(2)
        self.told: list[str] = []
        self.up: list[list[str]] = []

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        self.told.append("asks")
        self.up.append(sorted(net.up))
        for _ in range(3):
            await asyncio.sleep(0)
        self.told.append("is settled")
        return await super().settle(net, control=control, limit_s=limit_s)

    async def write(self, node: str, write: Write) -> Outcome:
        found = await super().write(node, write)
        return accepted({"title": "t2", "counter": 0}) if node == "n2" else found


def test_the_work_is_done_while_the_call_waits() -> None:
    told: list[str] = []

    async def waits() -> str:
        told.append("asks")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        told.append("is over")
        return "found"

    with Loop() as loop:
        assert loop.run(alongside(waits(), lambda: told.append("works"))) == "found"
    assert told == ["asks", "works", "is over"]


def test_what_the_work_raises_is_raised_once_the_call_is_over() -> None:
    told: list[str] = []

    async def waits() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        told.append("is over")
        raise ConnectionError("and fails")

    def work() -> None:
        raise ValueError("is wrong")

    with Loop() as loop, pytest.raises(ValueError, match="is wrong"):
        loop.run(alongside(waits(), work))
    assert told == ["is over"]


def test_what_the_call_raises_is_raised_after_the_work() -> None:
    told: list[str] = []

    async def fails() -> None:
        raise ConnectionError("fails at once")

    with Loop() as loop, pytest.raises(ConnectionError, match="at once"):
        loop.run(alongside(fails(), lambda: told.append("works")))
    assert told == ["works"]


def test_a_call_that_is_given_up_is_cancelled() -> None:
    told: list[str] = []

    async def never() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            told.append("is cancelled")

    async def given_up() -> None:
        async with asyncio.timeout(0.01):
            await alongside(never(), lambda: None)

    with Loop() as loop, pytest.raises(TimeoutError):
        loop.run(given_up())
    assert told == ["is cancelled"]


def test_an_answer_that_is_wrong_is_told_when_nothing_is_asked_any_more() -> None:
    target = Waits()
    with Loop() as loop:
        result = loop.run(run(target, NET, (CREATES, AGAIN)))
    assert result.verdict is Verdict.DIVERGED
    assert [one.kind.value for one in result.divergences] == ["wrongly accepted"]
    assert target.told == 3 * ["asks", "is settled"]


class StopsIt(Resync):
    """Nobody knows that it stops the node until it has answered."""

    op: ClassVar[str] = "stops"

    def becomes(self, net: Net, outcome: Outcome) -> Net:
        return net.stop(self.node)

    async def perform(self, target: Target) -> Outcome:
        await require(target, Stops).crash(self.node)
        return accepted()


def test_where_the_answer_says_what_runs_rest_is_asked_of_that() -> None:
    target = Waits()
    with Loop() as loop:
        result = loop.run(run(target, NET, (CREATES, StopsIt("n2"))))
    assert result.verdict is Verdict.PASS
    assert target.up == [["n1", "n2"], ["n1", "n2"], ["n1", "n2"], ["n1"]]


def test_a_target_that_never_waits_is_on_no_loop() -> None:
    async def asked() -> bool:
        return on_a_loop()

    assert not Straight().run(asked())
    with Loop() as loop:
        assert loop.run(asked())
