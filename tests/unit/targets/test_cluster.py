"""What live nodes answer while others stop them: the answers are scripted, the cluster is real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from syncmodel.errors import FaultError
from syncmodel.model.outcome import unknown
from syncmodel.targets.cluster import Cluster
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

LOST = Indefinite("The channel closed before it was answered")
GONE = Unreachable("Connection refused")
LISTED: dict[str, Any] = {"generations": []}
NO_METHOD = AdminError("unknown_method", "there is no such method", {}, 404)


class Machine:
    """It does what it is told, always."""

    async def kill(self) -> None:
        """Nothing to kill."""

    async def start(self) -> None:
        """Nothing to start."""

    stop = pause = resume = kill


class Scripted:
    """A node whose admin surface gives these answers, one after the other."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.machine = Machine()
        self._answers = list(answers)
        self.jobs: dict[str, object] = {}

    name = "n1"

    async def admin(
        self, method: str, params: object = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        """The next answer."""
        del method, params, limit_s
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class NoLinks:
    """A cluster without links has no faults on them."""

    async def set_cut(self, cut: object) -> None:
        """Nothing to cut."""

    async def hang(self, link: object) -> None:
        """Nothing to hang."""

    async def slow(self, link: object, delay_s: float) -> None:
        """Nothing to slow down."""

    async def quicken(self) -> None:
        """Nothing is slow."""

    async def hurry(self, nodes: object) -> None:
        """Nothing is late."""

    def expect_silence(self, nodes: object) -> None:
        """Nobody dials."""

    async def check(self) -> None:
        """Nothing to look at."""

    async def close(self) -> None:
        """Nothing to close."""


class Forgetful(NoLinks):
    """Cuts that are gone when anything restarts; a look at them says so."""

    async def check(self) -> None:
        """They are gone."""
        raise FaultError("The link n2 -> n1 was cut, and a byte gets through.")


def cluster(*answers: dict[str, Any] | Exception) -> Cluster:
    """One node that gives these answers."""
    return Cluster({"n1": cast(LiveNode, Scripted(*answers))}, NoLinks())


def test_a_resync_that_nobody_confirmed_is_unknown() -> None:
    outcome = asyncio.run(cluster(LOST).resync("n1", full=True))
    assert outcome == unknown(str(LOST))


@pytest.mark.parametrize("answers", [(GONE,), (LOST, GONE)], ids=["refused", "an old connection"])
def test_a_node_that_was_killed_is_gone(answers: tuple[Exception, ...]) -> None:
    one = cluster(*answers)
    asyncio.run(one.crash("n1"))
    assert one.down == {"n1"}


@pytest.mark.parametrize("answers", [(LISTED,), (LOST, LISTED)], ids=["new", "an old connection"])
def test_a_node_that_was_killed_and_answers_is_a_fault(answers: tuple[Any, ...]) -> None:
    with pytest.raises(FaultError, match="n1 was killed, and its application still answers"):
        asyncio.run(cluster(*answers).crash("n1"))


@pytest.mark.parametrize(
    "answers",
    [(LISTED,), (LOST, LISTED), (NO_METHOD,)],
    ids=["new", "an old connection", "a method that it lacks"],
)
def test_a_node_that_was_restarted_answers(answers: tuple[Any, ...]) -> None:
    one = cluster(*answers)
    one.down = frozenset({"n1"})
    asyncio.run(one.restart("n1"))
    assert not one.down


@pytest.mark.parametrize("answers", [(GONE,), (LOST, LOST)], ids=["refused", "never"])
def test_a_node_that_was_restarted_and_does_not_answer_is_a_fault(
    answers: tuple[Exception, ...],
) -> None:
    with pytest.raises(FaultError, match="n1 was started, and its application does not answer"):
        asyncio.run(cluster(*answers).restart("n1"))


class Deaf(Scripted):
    """It answers or not, whatever its machine was told."""

    def __init__(self, answers: bool) -> None:
        super().__init__()
        self._still_answers = answers

    async def answers_within(self, limit_s: float) -> bool:
        """As it was made."""
        del limit_s
        return self._still_answers


def test_a_node_that_stands_still_and_answers_is_a_fault() -> None:
    one = Cluster({"n1": cast(LiveNode, Deaf(answers=True))}, NoLinks())
    with pytest.raises(FaultError, match="n1 was stopped in its tracks, and its application still"):
        asyncio.run(one.pause("n1"))
    other = Cluster({"n1": cast(LiveNode, Deaf(answers=False))}, NoLinks())
    asyncio.run(other.pause("n1"))
    assert other.paused == {"n1"}


@pytest.mark.parametrize("answers", [(GONE,), (LOST, LOST)], ids=["refused", "never"])
def test_a_node_that_goes_on_and_does_not_answer_is_a_fault(answers: tuple[Exception, ...]) -> None:
    with pytest.raises(FaultError, match="n1 was resumed, but its application does not answer"):
        asyncio.run(cluster(*answers).resume("n1"))


class Late(Deaf):
    """Its clock shows another time than it was set to, by so much."""

    def __init__(self, by_s: float) -> None:
        super().__init__(answers=True)
        self._by_s, self._ahead_s = by_s, 0

    async def set_clock(self, ahead_s: int) -> None:
        """It is noted."""
        self._ahead_s = ahead_s

    async def admin(
        self, method: str, params: object = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        """What its clock shows."""
        del method, params, limit_s
        return {"now_s": int(time.time() + self._ahead_s + self._by_s)}


def test_a_clock_that_does_not_show_what_it_was_set_to_is_a_fault() -> None:
    right = Cluster({"n1": cast(LiveNode, Late(by_s=0))}, NoLinks())
    asyncio.run(right.set_clock("n1", -60))
    with pytest.raises(
        FaultError, match=r"n1 was set to \+60 s from the true time, but shows \+1(19|20) s\."
    ):
        asyncio.run(Cluster({"n1": cast(LiveNode, Late(60))}, NoLinks()).set_clock("n1", 60))


DONE: dict[str, Any] = {"job": "j1", "state": "done"}


@pytest.mark.parametrize(
    ("answers", "act"),
    [
        ((GONE,), lambda one: one.crash("n1")),
        ((LISTED,), lambda one: one.restart("n1")),
        ((DONE,) * 4, lambda one: one.deploy(["n1"], 2, back=False)),
        ((DONE,) * 4, lambda one: one.deploy(["n1"], 1, back=True)),
    ],
    ids=["crash", "restart", "rollout", "rollback"],
)
def test_a_cut_that_does_not_outlive_it_is_a_fault_and_no_leak(
    answers: tuple[Any, ...], act: Callable[[Cluster], Coroutine[Any, Any, object]]
) -> None:
    async def main() -> None:
        for cut in (frozenset({("n2", "n1")}), frozenset[tuple[str, str]]()):
            one = Cluster({"n1": cast(LiveNode, Scripted(*answers))}, Forgetful())
            await one.set_cut(cut)
            if cut:
                with pytest.raises(FaultError, match="n2 -> n1 was cut, and a byte gets through"):
                    await act(one)
            else:
                await act(one)

    asyncio.run(main())
