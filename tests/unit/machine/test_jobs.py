"""A search in several processes: the same sequences and the same failure, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from syncmodel.corpus import load
from syncmodel.targets.registry import registered

#: It starts many processes.
pytestmark = pytest.mark.slow

BUG = "tie-by-arrival"
SIMULATED = ("--target", "simulated", "--seed", "1")
START_LIMIT_S = 120.0
#: Python's own tracker of what processes share ends a moment after them.
GONE_LIMIT_S = 10.0


def explore(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "syncmodel", "explore", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def runs(record: Path) -> dict[int, list[Any]]:
    """Every run of a record by its number: where it began, its steps, and how it ended."""
    found: dict[int, list[Any]] = {}
    for line in record.read_text().splitlines()[1:]:
        entry = json.loads(line)
        said = entry.get("nodes") or entry.get("step") or entry.get("verdict")
        found.setdefault(entry["run"], []).append(said)
    return found


@pytest.mark.long
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    said = []
    for jobs in "12":
        more = ("--sequences", "7", "--steps", "10", "--record", f"{jobs}.jsonl", "--jobs", jobs)
        done = explore(tmp_path, *SIMULATED, *more)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines()[1:])
    one, two = (runs(tmp_path / f"{jobs}.jsonl") for jobs in "12")
    assert list(one) == [1, 2, 3, 4, 5, 6, 7]
    assert one == two
    assert said[0] == said[1]


@pytest.mark.long
def test_a_temporary_folder_with_a_long_name_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of a socket in it would be too long."""
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    done = explore(tmp_path, *SIMULATED, "--sequences", "2", "--steps", "3", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())


@pytest.mark.long
def test_the_failure_is_the_first_whoever_finds_it(tmp_path: Path) -> None:
    failing = (*SIMULATED, "--bug", BUG, "--sequences", "300")
    for jobs in "12":
        done = explore(tmp_path, *failing, "--jobs", jobs, "--corpus", jobs)
        assert done.returncode == 1, done.stderr
    one, two = (
        {path.name: load(path, registered) for path in (tmp_path / jobs).glob("*.json")}
        for jobs in "12"
    )
    assert one
    assert one == two


def test_what_a_worker_cannot_do_is_one_sentence(tmp_path: Path) -> None:
    done = explore(tmp_path, *SIMULATED, "--jobs", "2", "--record", "/dev/full")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    done = explore(tmp_path, *SIMULATED, "--jobs", "2", "--backend", "hypothesis")
    assert done.returncode == 2
    assert "leave --jobs out" in done.stderr


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """What is to be done at the end of a test, however it ends."""
    with ExitStack() as stack:
        yield stack


def wait_for(what: Callable[[], bool], limit_s: float = START_LIMIT_S) -> None:
    """Until it is so, but not longer than that."""
    until_s = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < until_s, "it did not come"
        time.sleep(0.05)  # paced: files and processes of others announce nothing


def children(of: int) -> list[int]:
    """Its living children, and theirs: workers are children of one that is forked for each."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat[1] == str(of) and stat[0] != "Z":
            found += [int(folder.name), *children(int(folder.name))]
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_whatever_ends_it_leaves_no_process(
    tmp_path: Path, number: signal.Signals, code: int, ending: ExitStack
) -> None:
    more = ("--sequences", "100000", "--jobs", "2", "--record", "run.jsonl")
    command = [sys.executable, "-m", "syncmodel", "explore", *SIMULATED, *more]
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=stdout, stderr=stderr)
    ending.callback(process.kill)
    record = tmp_path / "run.jsonl"
    wait_for(lambda: all(f'"run": {share}, "index"' in text(record) for share in (1, 2)))
    workers = children(process.pid)
    assert len(workers) >= 4
    process.send_signal(number)
    assert process.wait(60) == code
    wait_for(lambda: not any(map(alive, workers)), GONE_LIMIT_S)
    assert code < 0 or out.read_text().startswith("No divergence so far, interrupted: ")
    assert "Traceback" not in err.read_text()


def text(record: Path) -> str:
    return record.read_text() if record.exists() else ""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


MINE = """
from hypothesis.stateful import invariant
from syncmodel.machine.cluster import ClusterMachine

class Mine(ClusterMachine):
    target = "simulated"
    crash = None

    @invariant()
    def nothing_is_there(self):
        assert not any(view and view.cases for view in self.views.values())
"""


@pytest.mark.long
def test_a_machine_of_ones_own_on_the_command_line(tmp_path: Path) -> None:
    """Explored by two, saved, replayed and minimised: its invariant is checked everywhere."""
    (tmp_path / "mine.py").write_text(MINE)
    mine = ("--machine", "mine:Mine")
    done = explore(tmp_path, *mine, "--seed", "1", "--jobs", "2")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("invariant nothing_is_there: ")
    (file,) = (tmp_path / "found").glob("*.json")
    assert load(file, registered).found["machine"] == "mine:Mine"
    for verb, options, code in (
        ("replay", mine, 1),
        ("replay", ("--target", "simulated"), 2),
        ("minimize", (*mine, "--corpus", "again"), 1),
    ):
        command = [sys.executable, "-m", "syncmodel", verb, *options, str(file)]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert told.returncode == code, told.stderr
    assert [load(one, registered) for one in (tmp_path / "again").glob("*.json")]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine", "'mine' is not a machine: name it as module:Class."),
        ("nowhere:Mine", "The machine nowhere:Mine can't be loaded: No module named 'nowhere'."),
        ("json:Mine", "The machine json:Mine can't be loaded: module 'json' has no attribute"),
        ("json:JSONDecoder", "json:JSONDecoder is not a subclass of ClusterMachine."),
    ],
)
def test_a_machine_that_is_none(tmp_path: Path, name: str, words: str) -> None:
    done = explore(tmp_path, "--machine", name)
    assert done.returncode == 2
    assert words in done.stderr
