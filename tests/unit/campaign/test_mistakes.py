"""What a target or a rule gets wrong is told; what dies between two runs is made anew."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve
from hypothesis.stateful import precondition, rule

from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Pool
from syncmodel.errors import InvalidRunError, SyncModelError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Write
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.base import Settled, Unsettled

FEW = Settings(sequences=4, steps=6, seed=1)


def searched(folder: Path, search: Settings, target: Any) -> Report:
    with Pool(evolve(SIMULATED, make=target)) as pool:
        return Campaign(pool, search, folder, searching(ClusterMachine)).run()


# --- mistakes in a target ------------------------------------------------------------------------


class Mistaken(SimulatedCluster):
    """An adapter with a mistake in one of its methods."""

    where = ""

    async def begin(self, net: Net) -> None:
        self._make("begin")
        await super().begin(net)

    async def write(self, node: str, write: Write) -> Outcome:
        self._make("write")
        return await super().write(node, write)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        self._make("settle")
        return await super().settle(net, control=control, limit_s=limit_s)

    def _make(self, where: str) -> None:
        if where == self.where:
            raise KeyError("a mistake")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("begin", "While making the nodes ready for a run: KeyError"),
        ("write", r"While performing step 1 \(n\d creates cases/"),
        ("settle", "While settling and reading the nodes before any step: KeyError"),
    ],
)
def test_a_mistake_in_a_target_says_when_and_where(tmp_path: Path, where: str, words: str) -> None:
    target = type("Target", (Mistaken,), {"where": where})
    only_writes = evolve(SIMULATED.scope, ops=frozenset({"create"}))
    report = searched(tmp_path, evolve(FEW, scope=only_writes), target)
    assert report.exit_code == 3
    assert re.match(words, str(report.halted))
    assert "(test_mistakes.py, line " in str(report.halted)
    assert "\n" not in str(report.halted)
    # The steps that led there are kept, if there are any.
    assert len(list(tmp_path.iterdir())) == (where == "write")


class Wrong(ClusterMachine):
    """A machine with a mistake in a rule."""

    weights: ClassVar[dict[str, int]] = {"wrong": 100}

    @precondition(lambda self: self.session is not None and self.session.steps)
    @rule()
    def wrong(self) -> None:
        raise ZeroDivisionError("a mistake in a rule")


def test_a_mistake_in_a_rule_says_when_and_where(tmp_path: Path) -> None:
    with Pool(SIMULATED) as pool:
        report = Campaign(pool, FEW, tmp_path, searching(Wrong)).run()
    assert report.exit_code == 3
    told = str(report.halted)
    assert told.startswith("While in a rule of the machine, after step ")
    assert "of sequence 1: ZeroDivisionError: a mistake in a rule (test_mistakes.py, line " in told
    assert told.endswith(", in wrong).")


# --- between two runs ----------------------------------------------------------------------------


class Mortal(SimulatedCluster):
    """An application that dies after each run; `whole` of those that are made start at all."""

    made = 0
    whole = 10**9
    error: Exception = ConnectionResetError(104, "Connection reset by peer")

    def __init__(self, count: int = 3, bugs: Any = ()) -> None:
        super().__init__(count, bugs)
        type(self).made += 1
        self.number, self.begun = type(self).made, 0

    async def begin(self, net: Net) -> None:
        self.begun += 1
        if self.begun > 1 or self.number > self.whole:
            raise self.error
        await super().begin(net)

    async def close(self) -> None:
        raise self.error


ERRORS = [
    ConnectionResetError(104, "Connection reset by peer"),
    SyncModelError("n1 can't be asked any more."),
    InvalidRunError("n1 is gone."),
    KeyError("n1"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_what_died_between_two_runs_is_made_anew(tmp_path: Path, error: Exception) -> None:
    own = {"error": error, "made": 0, "close": SimulatedCluster.close}
    target: Any = type("Target", (Mortal,), own)
    report = searched(tmp_path, FEW, target)
    assert (report.exit_code, report.halted) == (0, None)
    assert report.findings.sequences == target.made == FEW.sequences
    assert report.findings.invalid == []


@pytest.mark.parametrize("error", ERRORS)
def test_what_cannot_be_made_anew_is_an_invalid_run(tmp_path: Path, error: Exception) -> None:
    made: Any = {"error": error, "made": 0, "whole": 1, "close": SimulatedCluster.close}
    report = searched(tmp_path, FEW, type("Target", (Mortal,), made))
    assert report.exit_code == 3
    assert isinstance(report.halted, InvalidRunError)
    assert str(report.halted).startswith("3 runs in a row said nothing of the system. ")
    assert str(report.halted).count("n1") or "reset by peer" in str(report.halted)
    assert "\n" not in str(report.halted)
    assert report.findings.sequences == 4


# --- errors that can't be told --------------------------------------------------------------------


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("nothing can be said")


class WordlessError(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # noqa: PLE0307


class UnnotableError(Exception):
    __notes__ = None  # type: ignore[assignment]


class NotedError(Exception):
    def __init__(self) -> None:
        super().__init__("noted")
        self.__notes__ = [5, None]  # type: ignore[list-item]


class ClosedError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def add_note(self, text: str) -> None:
        raise RuntimeError(text)


class Raises(SimulatedCluster):
    """An adapter whose client has errors of its own."""

    error: ClassVar[type[BaseException]]

    async def write(self, node: str, write: Write) -> Outcome:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [MuteError, WordlessError, UnnotableError, NotedError, ClosedError, asyncio.CancelledError],
)
def test_an_error_that_can_not_be_told_is_told_with_its_step(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Raises, "error", error, raising=False)
    report = searched(tmp_path, FEW, Raises)
    assert report.halted is not None
    assert re.match(rf"While \w+ing step [1-9].*{error.__name__}", str(report.halted))
    assert len(report.doubtful) == 1
    assert report.doubtful[0].file.exists()
