"""The command line on live nodes, on good days and on bad ones.

Whatever happens to a search: one clear sentence, the right exit code, what was found is kept, and
nothing is left running.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from soon_ended import LIMIT_S, seconds_to_end

from syncmodel.corpus import load
from syncmodel.targets.registry import registered

#: It starts many processes.
pytestmark = pytest.mark.slow

MARK = "SYNCMODEL_TEST_PROCESSES"
BUG = "tombstone-lost-on-resync"
#: A search that fails within seconds.
FAILING = ("--bug", BUG, "--faults", "sync", "--sequences", "200", "--seed", "1")
#: Everything must be gone this long after the tester.
GONE_LIMIT_S = 5.0
#: What a search takes to get going, on a machine that is busy with other things.
START_LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Processes that this test started, and theirs, have this in their environment."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.chdir(tmp_path)
    return mark


def marked(mark: str) -> dict[int, int]:
    """Each living process with the mark, and its parent."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                if stat[0] != "Z":
                    found[int(folder.name)] = int(stat[1])
        except OSError:
            continue
    found.pop(os.getpid(), None)
    return found


def assert_nothing_runs(mark: str) -> None:
    deadline_s = time.monotonic() + GONE_LIMIT_S
    while left := marked(mark):
        assert time.monotonic() < deadline_s, f"still running: {left}"
        os.sched_yield()


def wait_for(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + START_LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came to that"
        time.sleep(0.02)  # paced: files and processes of others announce nothing


@contextmanager
def syncmodel(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "syncmodel", *arguments]
    with (
        Path("out").open("w") as out,
        Path("err").open("w") as err,
        subprocess.Popen(command, stdout=out, stderr=err, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def entries(kind: str, path: Path = Path("run.jsonl")) -> list[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if f'"entry": "{kind}"' in line]


def said(name: str) -> str:
    return Path(name).read_text()


def no_traceback() -> bool:
    return "Traceback" not in said("err") + said("out")


# --- good days ---------------------------------------------------------------------------------


@pytest.mark.long
def test_the_same_seed_generates_the_same_sequences(mark: str) -> None:
    found = []
    for name in ("a", "b"):
        with syncmodel(
            "explore", "--seed", "5", "--sequences", "3", "--steps", "10", "--record", name
        ) as process:
            assert process.wait(120) == 0
        lines = entries("step", Path(name)) + entries("began", Path(name))
        found.append([{**json.loads(x), "outcome": 0, "seconds": 0} for x in lines])
    assert found[0] == found[1]
    assert len(found[0]) > 10
    assert_nothing_runs(mark)


@pytest.mark.long
def test_found_shortened_saved_and_seen_again(mark: str) -> None:
    with syncmodel("explore", *FAILING) as process:
        assert process.wait(200) == 1
    (file,) = re.findall(r"^See it again: syncmodel replay (.*)$", said("out"), re.MULTILINE)
    assert Path(file).is_file()
    with syncmodel("replay", file) as process:
        assert process.wait(60) == 1
    with syncmodel("replay", "--no-bug", file) as process:
        assert process.wait(60) == 0
    assert_nothing_runs(mark)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_a_node_by_itself(mark: str) -> None:
    port = str(free_port())
    with syncmodel("node", "--port", port) as process:
        wait_for(lambda: "Its folder" in said("out"))
        url = f"http://127.0.0.1:{port}/plugins-api/supertest/schema"
        with urllib.request.urlopen(url) as answer:
            assert json.load(answer)["result"]["version"] == 1
        with syncmodel("node", "--port", port) as second:
            assert second.wait(60) == 2
        words = f"syncmodel node: Port {port} can't be had: Address already in use."
        assert said("err").startswith(words)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert_nothing_runs(mark)


# --- bad days ----------------------------------------------------------------------------------


@pytest.mark.long
def test_ctrl_c_while_it_explores(mark: str) -> None:
    took_s = list[float]()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if len(took_s) == 2 and min(took_s) < LIMIT_S:
            break  # the best of three: what else runs on this machine is not its fault
        Path("run.jsonl").unlink(missing_ok=True)
        with syncmodel("explore", "--record", "run.jsonl") as process:
            wait_for(lambda: len(entries("step")) > 3)
            took_s.append(seconds_to_end(process, number))
            assert process.returncode == 130
        assert said("out").startswith("No divergence so far, interrupted: ")
        assert no_traceback()
        assert_nothing_runs(mark)
    assert min(took_s) < LIMIT_S, took_s


@pytest.mark.long
def test_ctrl_c_while_it_minimises_keeps_the_failure(mark: str) -> None:
    with syncmodel("explore", *FAILING) as process:
        wait_for(lambda: "found a failure" in said("err") or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    (file,) = Path("found").glob("*.json")
    assert load(file, registered).bug == BUG
    assert f"Saved as {file}" in said("out")
    assert no_traceback()
    assert_nothing_runs(mark)


def test_kill_9_of_the_tester(mark: str) -> None:
    with syncmodel("explore", "--record", "run.jsonl") as process:
        wait_for(lambda: len(entries("step")) > 3)
        process.kill()
        process.wait(5)
        assert_nothing_runs(mark)
    assert len(entries("step")) > 3


@pytest.mark.parametrize(
    "options", [("--no-minimize",), pytest.param((), marks=pytest.mark.long)], ids=" ".join
)
def test_a_node_that_dies_is_a_verdict_and_no_hang(mark: str, options: tuple[str, ...]) -> None:
    with syncmodel("explore", "--faults", "network", "--record", "run.jsonl", *options) as process:
        wait_for(lambda: len(entries("rest")) > 1)
        living = marked(mark)
        application = next(pid for pid in living if pid not in living.values())
        os.kill(application, signal.SIGKILL)
        assert process.wait(120) in (1, 3)
    assert entries("end")[-1].count('"verdict": "pass"') == 0
    assert no_traceback()
    assert_nothing_runs(mark)


def test_a_record_that_there_is_no_room_for(mark: str) -> None:
    with syncmodel("explore", "--record", "/dev/full") as process:
        assert process.wait(60) == 3
    words = "syncmodel explore: The record /dev/full can't be written on: No space left on device."
    assert said("err").startswith(words)
    assert_nothing_runs(mark)


@pytest.mark.long
def test_a_work_folder_that_there_is_no_room_in(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # /dev/full is no folder: a limit on the size of any file is what a test may have.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60 * 1024, limits[1]))
    try:
        with syncmodel("explore", "--sequences", "5") as process:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert process.wait(120) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (
        said("err")
        .splitlines()[-1]
        .startswith("syncmodel explore: 3 runs in a row said nothing of")
    )
    assert no_traceback()
    assert_nothing_runs(mark)
