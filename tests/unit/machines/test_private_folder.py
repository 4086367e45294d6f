"""A private folder goes with its process, however that ends."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from syncmodel.machines.private_folder import PrivateFolder

GONE_LIMIT_S = 20.0
PROGRAM = """
import os, sys
from pathlib import Path
from syncmodel.machines.private_folder import PrivateFolder
folder = PrivateFolder("sm-", Path(sys.argv[1]))
(folder.path / "deep").mkdir()
(folder.path / "deep" / "file").write_text("there")
print(folder.path, flush=True)
sys.stdin.read()
"""


def test_it_is_for_us_alone_and_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    folder = PrivateFolder("sm-", tmp_path)
    assert folder.path.parent == tmp_path
    assert folder.path.name.startswith("sm-")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "file").write_text("there")
    folder.remove()
    folder.remove()
    assert not [*tmp_path.iterdir()]


def test_a_forgotten_one_is_removed(tmp_path: Path) -> None:
    folder = PrivateFolder("sm-", tmp_path)
    assert [*tmp_path.iterdir()] == [folder.path]
    del folder
    gc.collect()
    assert not [*tmp_path.iterdir()]


def test_one_that_is_left_to_somebody_else_stays(tmp_path: Path) -> None:
    folder = PrivateFolder("sm-", tmp_path)
    path = folder.path
    folder.leave()
    folder.leave()
    folder.remove()
    del folder
    gc.collect()
    assert [*tmp_path.iterdir()] == [path]


def test_where_none_can_be_made_nothing_is_left(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(FileNotFoundError):
        PrivateFolder("sm-", tmp_path / "nowhere")
    assert children() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_it_is_gone_soon_after_its_process(tmp_path: Path, number: signal.Signals | None) -> None:
    """Also what a name has that a shell would read otherwise."""
    around = tmp_path / "a $(name) 'of' \"its\" own; -rf *"
    around.mkdir()
    command = [sys.executable, "-c", PROGRAM, str(around)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().rstrip("\n"))
        assert (path / "deep" / "file").exists()
        if number is not None:
            process.send_signal(number)
    until_s = time.monotonic() + GONE_LIMIT_S
    while path.exists():
        assert time.monotonic() < until_s
        select.select([], [], [], 0.01)
    assert around.exists()


def children() -> set[str]:
    """Our children, by the kernel."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
