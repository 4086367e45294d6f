"""Nothing is left of the small disks of an adapter's servers, however the tester ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from notes_servers import running

from syncmodel.faults.small_disk import may_be_made

#: It starts many processes.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not may_be_made(), reason="only root can have small disks"),
]

KILLED = Path(__file__).with_name("adapter_to_kill.py")
LIMIT_S = 20.0


@pytest.mark.parametrize("place", ["with a space", "link"])
def test_a_killed_tester_leaves_no_disk_wherever_its_folder_is(place: str, tmp_path: Path) -> None:
    real = tmp_path / "with a space"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    env = {**os.environ, "TMPDIR": str(tmp_path / place)}
    command = [sys.executable, "-P", str(KILLED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as tester:
        assert tester.stdout is not None
        assert tester.stdout.readline().startswith("up ")
        (folder,) = real.iterdir()
        kept = [
            os.pidfd_open(pid) for pid in running("adapter/keeper.py") if _keeps(pid, tester.pid)
        ]
        tester.send_signal(signal.SIGKILL)
    for keeper in kept:
        assert _ended(keeper)
    assert folder.name not in Path("/proc/self/mountinfo").read_text()
    assert not folder.exists()


def _keeps(keeper: int, tester: int) -> bool:
    with contextlib.suppress(OSError):
        return f"\nPPid:\t{tester}\n" in Path(f"/proc/{keeper}/status").read_text()
    return False


def _ended(process: int) -> bool:
    try:
        return bool(select.select([process], [], [], LIMIT_S)[0])
    finally:
        os.close(process)
