"""A target that hangs is told by its name, and is no divergence."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import ClassVar

import pytest

from syncmodel.engine import hanging
from syncmodel.engine.drive import Driver, Loop, Straight
from syncmodel.engine.hanging import HangingError
from syncmodel.engine.history import Verdict, nobody
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.engine.session import Session
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Concurrently, Create, Step
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.registry import TargetKind
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
FIRST, SECOND = (Create(f"n{i}", "cases", f"c{i}", (("title", f"t{i}"),)) for i in (1, 2))
WHERE = ("begin", "write", "read", "settle")


class Hangs(SimulatedCluster):
    """One of its methods waits for something that never comes."""

    waits: ClassVar[bool] = True
    hang_limit_s: ClassVar[float] = 0.05

    def __init__(self, where: str) -> None:
        super().__init__(2)
        self.where = where

    async def wait(self, method: str) -> None:
        """Never comes back, in that method."""
        if method == self.where:
            await asyncio.get_running_loop().create_future()

    async def begin(self, net: Net) -> None:
        await self.wait("begin")
        await super().begin(net)

    async def write(self, node: str, write: Write) -> Outcome:
        await self.wait("write")
        return await super().write(node, write)

    async def read(self, node: str) -> View | None:
        await self.wait("read")
        return await super().read(node)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        for node in net.up:
            await self.read(node)
        await self.wait("settle")
        return await super().settle(net, control=control, limit_s=limit_s)


class Blocks(Hangs):
    """The same, and nothing on the loop gets its turn."""

    async def wait(self, method: str) -> None:
        if method == self.where:
            Event().wait()


class Straightly(Blocks):
    """The same without a loop."""

    waits: ClassVar[bool] = False


@pytest.fixture
def no_alarm() -> Iterator[None]:
    """Nobody else has set the alarm clock: pytest-timeout would."""
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, left_s)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each settling has a tenth of a second itself."""
    monkeypatch.setattr(Session.__init__, "__defaults__", (None, nobody, 0.1))
    monkeypatch.setattr(hanging, "LATER_S", 0.05)


def told(target: Hangs, *steps: Step) -> str:
    """Why the run is unknown."""
    driver: Driver = Loop() if target.waits else Straight()
    try:
        result = driver.run(run(target, NET, steps or (FIRST,), settle_limit_s=0.2))
    finally:
        driver.close()
    assert result.verdict is Verdict.UNKNOWN
    assert not result.divergences
    return result.reason


@pytest.mark.parametrize("where", WHERE)
def test_what_hangs_is_an_adapters_trouble(where: str) -> None:
    reason = told(Hangs(where))
    assert f"Hangs.{where} did not come back" in reason
    assert "test_hanging.py, line" in reason
    assert "hang_limit_s" in reason


@pytest.mark.usefixtures("no_alarm")
@pytest.mark.parametrize("target", [Blocks, Straightly])
@pytest.mark.parametrize("where", WHERE)
def test_what_blocks_is_one_as_well(target: type[Hangs], where: str) -> None:
    assert f"{target.__name__}.{where} did not come back" in told(target(where))
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@pytest.mark.usefixtures("no_alarm")
def test_between_two_calls_the_alarm_clock_is_anybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs is left as it is; and with no handler of theirs, theirs ends the process as ever."""
    session, raised = Session(Straightly("nowhere"), NET), list[int]()
    Straight().run(session.begin())
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    os.kill(os.getpid(), signal.SIGALRM)
    assert raised == [signal.SIGALRM]
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    heard = list[int]()
    signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    Straight().run(session.take(FIRST))
    assert session.finish().verdict is Verdict.PASS
    os.kill(os.getpid(), signal.SIGALRM)
    assert heard == [signal.SIGALRM]


def test_one_of_several_at_once_may_hang() -> None:
    assert "Hangs.write" in told(Hangs("write"), Concurrently((FIRST, SECOND)))


def test_a_target_that_comes_back_in_time_is_left_alone() -> None:
    result = asyncio.run(run(Hangs("nowhere"), NET, (FIRST, SECOND), settle_limit_s=0.2))
    assert result.verdict is Verdict.PASS


def test_a_timeout_of_the_targets_own_is_its_own() -> None:
    class Late(Hangs):
        async def wait(self, method: str) -> None:
            if method == self.where:
                raise TimeoutError("the store is slow")

    with pytest.raises(TimeoutError, match="the store is slow"):
        asyncio.run(run(Late("write"), NET, (FIRST,)))


HANGS = """\
import asyncio, subprocess, threading
from syncmodel.reference.simulated import SimulatedCluster

class Store(SimulatedCluster):
    hang_limit_s = 0.2
    async def write(self, node, write):
        threading.Event().wait()

class Closes(SimulatedCluster):
    waits, hang_limit_s, started = True, 0.2, None
    async def begin(self, net):
        self.started = self.started or subprocess.Popen(["sh", "-c", "sleep 600.125 & wait"])
        await super().begin(net)
    async def close(self):
        await asyncio.to_thread(threading.Event().wait)
"""


def searched(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    """A short search on that target of HANGS."""
    (folder / "mystore.py").write_text(HANGS)
    few = ["--sequences", "1", "--steps", "30", "--no-scenes", "--target", f"mystore:{target}"]
    return subprocess.run(
        [sys.executable, "-m", "syncmodel", "explore", *few],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_search_ends_with_exit_code_3_and_the_name(tmp_path: Path) -> None:
    ended = searched(tmp_path, "Store")
    assert ended.returncode == 3
    assert "Store.write did not come back within 0.2 s" in ended.stdout
    assert "No verdict" in ended.stdout


@pytest.mark.slow
def test_what_hangs_while_it_is_closed_ends_all_the_same_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    """Its thread hangs, too: Python itself would wait for that."""
    ended = searched(tmp_path, "Closes")
    assert "No divergence" in ended.stdout
    assert "Closes.close did not come back within 0.2 s, at its end" in ended.stderr
    assert ended.returncode == 3
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # It ended while we looked.
            commands.append(path.read_bytes())
    assert commands
    assert not [one for one in commands if b"600.125" in one]


def test_the_others_are_closed_though_one_hangs() -> None:
    closed: list[int] = []

    class Counted(Hangs):
        async def close(self) -> None:
            closed.append(len(closed))
            if len(closed) == 1:
                await self.wait("close")

    pool = Pool(TargetKind("counted", "", lambda *_: Counted("close"), SUPERTEST, Counted))
    pool.target(2)
    pool.target(3)
    with pytest.raises(HangingError, match=r"Counted\.close .* what it left is ended"):
        pool.close()
    assert len(closed) == 2
