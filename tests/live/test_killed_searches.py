"""A whole search that is killed (kill -9) at any moment leaves no process, mount or folder behind.

Its folder for temporary files is our own, so what is left is seen there; and its processes carry a
mark in their environment, or are in namespaces that were made below it.
"""

from __future__ import annotations

import os
import random
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from left_behind import in_spaces, mounts, parents, spaces_of

from syncmodel.reference import space_needs

pytestmark = [pytest.mark.longer, pytest.mark.timeout(3600)]
MOMENTS = 50
#: From its beginning, with imports, over boots and runs, to new machines.
LATEST_S = 12.0
GONE_LIMIT_S = 60.0
LACKING = space_needs.lacking()


@pytest.mark.parametrize(
    "target",
    [
        "embedded",
        pytest.param(
            "namespaces", marks=pytest.mark.skipif(bool(LACKING), reason=f"needs {LACKING}")
        ),
    ],
)
def test_a_search_that_is_killed_at_any_moment_leaves_nothing(target: str) -> None:
    rng = random.Random(target)
    for moment in range(MOMENTS):
        killed_after(target, rng.uniform(0.0, LATEST_S), moment)


def killed_after(target: str, after_s: float, seed: int) -> None:
    """Search, kill the search, and wait until nothing is left of it."""
    mark = secrets.token_hex(8)
    folder = Path(tempfile.mkdtemp(prefix="sm-"))
    words = ["explore", "--target", target, "--sequences", "1000", "--jobs", "2"]
    more = ["--seed", str(seed), "--no-scenes", "--no-report", "--corpus", str(folder / "found")]
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "syncmodel", *words, *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(folder), "MARK": mark},
        ) as process:
            try:
                select.select([], [], [], after_s)  # a moment, and nothing that is waited for
                made = spaces_of(process.pid)
            finally:
                process.kill()
        limit_s = time.monotonic() + GONE_LIMIT_S
        while left := marked(mark) | in_spaces(made) or mounts(folder):
            assert time.monotonic() < limit_s, (target, after_s, seed, left)
            select.select([], [], [], 0.05)
        while left_there := [*folder.glob("sm-*")]:
            assert time.monotonic() < limit_s, (target, after_s, seed, left_there)
            select.select([], [], [], 0.05)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def marked(mark: str) -> set[int]:
    """The processes that carry the mark."""
    found = set[int]()
    for pid in parents():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if f"MARK={mark}".encode() in environment.split(b"\0"):
            found.add(pid)
    return found
