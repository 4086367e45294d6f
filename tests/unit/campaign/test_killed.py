"""A search that is ended from outside, in each of its phases: what it found is on disk."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from syncmodel.corpus import load
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.targets.registry import registered

SEARCH = Path(__file__).with_name("search_to_end.py")
#: Signals that a search is told by, so that it ends in order, and how it ends then.
TOLD = {signal.SIGINT: 130}
#: Nothing is found in these, so there is nothing on disk.
BEFORE = ("boot", "explore")
AFTER = ("shorten", "shorter", "confirm", "further", "close")


def ended_by(number: signal.Signals, phase: str, folder: Path) -> int:
    """The exit code of a search that gets the signal in that phase."""
    command = [sys.executable, str(SEARCH), str(folder), phase]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline()
        assert said.strip() == phase, process.stderr.read()
        process.send_signal(number)
        return process.wait()


def assert_it_replays(folder: Path) -> None:
    """There is one file, whole, and it fails as it says."""
    (file,) = folder.iterdir()
    run = load(file, registered)
    with Pool("simulated") as pool:
        target = pool.target(len(run.nodes), (run.bug,) if run.bug else ())
        replayed = pool.driver.run(replay(target, run))
    assert replayed.judgement is Judgement.AS_EXPECTED, replayed.reason


@pytest.mark.parametrize("phase", [*BEFORE, "found", *AFTER])
@pytest.mark.parametrize("number", TOLD)
def test_a_signal_keeps_what_was_found(tmp_path: Path, number: signal.Signals, phase: str) -> None:
    code = ended_by(number, phase, tmp_path / "found")
    if phase == "close":
        # The search was over: what is left of the process is not its own.
        assert code != 0
    else:
        assert code == TOLD[number]
    if phase in BEFORE:
        assert not (tmp_path / "found").exists()
    else:
        assert_it_replays(tmp_path / "found")


@pytest.mark.parametrize("phase", [*BEFORE, *AFTER])
def test_kill_9_keeps_what_was_found(tmp_path: Path, phase: str) -> None:
    assert ended_by(signal.SIGKILL, phase, tmp_path / "found") == -signal.SIGKILL
    if phase in BEFORE:
        assert not (tmp_path / "found").exists()
    else:
        assert_it_replays(tmp_path / "found")
