"""The processes that are left when a target can't be closed: none of them runs on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from syncmodel.machines.children import children, end_children
from syncmodel.safe_path import COMMAND


@pytest.fixture
def earlier() -> Iterator[subprocess.Popen[bytes]]:
    """A child of somebody else."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_what_was_started_since_is_ended_with_all_below_it(
    earlier: subprocess.Popen[bytes],
) -> None:
    before = children()
    assert earlier.pid in before
    nested = "sh -c 'sleep 600.25 & echo started; wait' & wait"
    with subprocess.Popen(["sh", "-c", nested], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        end_children(before)
        assert process.wait(10) == -9
        assert process.stdout.read() == b""  # all that held it are gone
    assert earlier.poll() is None
    assert children() == before


def test_a_helper_of_ours_is_left_to_clean_up() -> None:
    """It waits for our end at a pipe."""
    module = "syncmodel.reference.machines.sweeper"
    waits = "import sys; sys.stdin.read()"
    before = children()
    command = [*COMMAND, "-c", waits, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        end_children(before)
        assert process.poll() is None
    assert process.returncode == 0
