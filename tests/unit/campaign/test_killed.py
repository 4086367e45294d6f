"""A search that is ended from outside, in each of its phases: what it found is on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from soon_ended import LIMIT_S, kept_waiting_s

from syncmodel.corpus import load
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.targets.registry import registered

#: It starts many processes.
pytestmark = pytest.mark.slow

SEARCHES = Path(__file__).with_name("search_to_end.py")
#: Signals that end a search in order.
TOLD = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
#: Nothing is found in these, so there is nothing on disk.
BEFORE = ("boot", "explore")
AFTER = ("shorten", "shorter", "confirm", "further", "close")
LONG = ("shorten", "confirm", "further", "close")
#: The exit code of a search that gets a signal in a phase, and keeps what it finds in a folder; and
#: the seconds of its own that it took.
EndedBy = Callable[[signal.Signals, str, Path], tuple[int, float]]


def some_long(*phases: str) -> list[Any]:
    """Some are among the long tests: their neighbours are not."""
    return [pytest.param(one, marks=pytest.mark.long) if one in LONG else one for one in phases]


@pytest.fixture(scope="module")
def ended_by() -> Iterator[EndedBy]:
    command, pipe = [sys.executable, str(SEARCHES)], subprocess.PIPE
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) as searches:
        assert searches.stdin is not None
        assert searches.stdout is not None
        asked, said = searches.stdin, searches.stdout

        def end(number: signal.Signals, phase: str, folder: Path) -> tuple[int, float]:
            print(folder, phase, sep="\t", file=asked, flush=True)
            pid = int(said.readline())
            began_s = time.monotonic() - kept_waiting_s(pid)
            os.kill(pid, number)
            code, waited_s = said.readline().split()
            return int(code), time.monotonic() - began_s - float(waited_s)

        try:
            yield end
        finally:
            searches.stdin.close()


def assert_it_replays(folder: Path) -> None:
    """There is a file, or one more for another failure, whole, and it fails as it says."""
    files = sorted(folder.iterdir())
    assert files
    for file in files:
        assert_one_replays(file)


def assert_one_replays(file: Path) -> None:
    run = load(file, registered)
    with Pool("simulated") as pool:
        target = pool.target(len(run.nodes), (run.bug,) if run.bug else ())
        replayed = pool.driver.run(replay(target, run))
    assert replayed.judgement is Judgement.AS_EXPECTED, replayed.reason


@pytest.mark.parametrize("phase", some_long(*BEFORE, "found", *AFTER))
def test_a_signal_ends_it_soon_and_keeps_what_was_found(
    tmp_path: Path, ended_by: EndedBy, phase: str
) -> None:
    took_s = []
    for number in TOLD:
        folder = tmp_path / number.name
        code, seconds = ended_by(number, phase, folder)
        assert code == 130
        took_s.append(seconds)
        if phase in BEFORE:
            assert not folder.exists()
        else:
            assert_it_replays(folder)
    # The best of three: what else runs on this machine is not its fault.
    assert min(took_s) < LIMIT_S, took_s


@pytest.mark.parametrize("phase", some_long(*BEFORE, *AFTER))
def test_kill_9_keeps_what_was_found(tmp_path: Path, ended_by: EndedBy, phase: str) -> None:
    assert ended_by(signal.SIGKILL, phase, tmp_path / "found")[0] == -signal.SIGKILL
    if phase in BEFORE:
        assert not (tmp_path / "found").exists()
    else:
        assert_it_replays(tmp_path / "found")
