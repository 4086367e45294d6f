"""Nothing of machines in namespaces outlives their tester: no process, mount, link or folder.

A link is gone with its namespace, and a namespace with the last process in it. Needs root.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest
from left_behind import Space, in_spaces, mounts, parents, spaces_of

from syncmodel.reference import space_needs

HERE = Path(__file__).parent
LACKING = space_needs.lacking()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"namespaces need {'; '.join(LACKING)}"),
]
#: Everything must be gone this long after the tester.
GONE_LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where machines find the toy application."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))


def test_nothing_outlives_a_killed_tester() -> None:
    with doomed_tester() as (process, lines, folder):
        where = said(lines, "up")
        spaces = spaces_of(process.pid)
        assert len(spaces) >= 1 + 3 * 3
        process.kill()
        assert_gone(spaces, folder, where)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_a_tester_that_is_told_to_end(number: signal.Signals) -> None:
    with doomed_tester() as (process, lines, folder):
        where = said(lines, "up")
        spaces = spaces_of(process.pid)
        process.send_signal(number)
        process.wait(20)
        assert_gone(spaces, folder, where)


@pytest.mark.long
def test_nothing_outlives_one_whose_machines_stand_still() -> None:
    with doomed_tester() as (process, lines, folder):
        where = said(lines, "up")
        spaces = spaces_of(process.pid)
        # All but the fork server, as it is told of the tester's death.
        for pid in {one for one in in_spaces(spaces) if parents().get(one) != process.pid}:
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(pid, signal.SIGSTOP)
        process.kill()
        assert_gone(spaces, folder, where)


@pytest.mark.longer
@pytest.mark.parametrize("moment", range(50))
def test_nothing_outlives_a_tester_killed_at_any_moment(moment: int) -> None:
    with doomed_tester() as (process, lines, folder):
        where = said(lines, "booting")
        # A third of them while there is no fork server yet, or just one.
        after_s = random.Random(moment).uniform(0.0, 0.3 if moment % 3 == 0 else 3.0)
        select.select([lines], [], [], after_s)
        spaces = spaces_of(process.pid)
        process.kill()
        assert_gone(spaces, folder, where)


@contextmanager
def doomed_tester() -> Iterator[tuple[subprocess.Popen[str], IO[str], Path]]:
    """A tester in a process of its own, the lines that it says, and a folder around its own."""
    command = [sys.executable, str(HERE / "tester_to_kill.py"), "toy_echo:serve", "namespaces"]
    with (
        tempfile.TemporaryDirectory(prefix="sm-", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": folder}
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process, process.stdout, Path(folder)
        finally:
            process.kill()


def said(lines: IO[str], word: str) -> str:
    """Read up to the line that begins with `word`; returns the rest of it."""
    for line in lines:
        first, _, rest = line.strip().partition(" ")
        if first == word:
            return rest
    raise AssertionError(f"the tester ended without saying {word}")


def assert_gone(spaces_: set[Space], folder: Path, where: str) -> None:
    """Wait until nobody is in those namespaces, nothing is mounted there, and its folder is gone;
    fails if that is not so at the limit."""
    limit_s = time.monotonic() + GONE_LIMIT_S
    while left := in_spaces(spaces_) or Path(where).exists() or mounts(folder):
        assert time.monotonic() < limit_s, f"still there: {left}"
        select.select([], [], [], 0.01)
