"""The command line where a process is nobody, or may have next to nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import syncmodel

#: It starts many processes.
pytestmark = pytest.mark.slow

RUN = Path(__file__).parents[2] / "corpus" / "concurrent-creates-of-one-case.json"
REPLAY = [sys.executable, "-m", "syncmodel", "replay", "--target", "embedded", str(RUN)]
NOBODY = ["unshare", "-U", "--map-user=12345", "--map-group=12345"]


def done(command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(syncmodel.__file__).parents[1])
    path = os.environ["PATH"]
    return subprocess.run(
        command,
        env={"PATH": path, "HOME": "/", "PYTHONPATH": source, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_user_without_a_name(tmp_path: Path) -> None:
    """As in most containers: no entry in the list of users, and nothing in the environment."""
    if shutil.which("unshare") is None or done([*NOBODY, "true"]).returncode != 0:
        pytest.skip("no user namespaces here")
    found = done([*NOBODY, *REPLAY])
    assert (found.returncode, found.stderr) == (0, "")
    assert "it passed" in found.stdout


@pytest.mark.parametrize("files", [16, 24, 40])
def test_too_few_open_files(files: int) -> None:
    found = done(["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *REPLAY])
    assert found.returncode == 3
    assert found.stderr == (
        f"syncmodel replay: 3 nodes need up to 58 open files and `ulimit -n` allows {files}: raise "
        "it to at least 58, or ask for fewer nodes.\n"
    )


@pytest.mark.long
@pytest.mark.parametrize("kilobytes", [90_000, 100_000, 110_000])
def test_too_little_memory_is_no_traceback(kilobytes: int) -> None:
    found = done(["sh", "-c", f'ulimit -v {kilobytes} && exec "$@"', "sh", *REPLAY])
    assert found.returncode in (0, 3), found.stderr
    assert "Traceback" not in found.stdout + found.stderr
