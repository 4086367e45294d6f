"""How long a process takes to end once it is told to, also on a machine that is busy.

What it waits for a processor is not its own time: the kernel counts that (schedstat, the second
number, of the main thread), and it is taken off. Reading it needs the process, so it is waited for
in a way that leaves it there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

#: What a verb may take from a signal to its end.
LIMIT_S = 2.0


def seconds_to_end(process: subprocess.Popen[str], number: signal.Signals) -> float:
    """Seconds of its own from this signal until it has ended; its exit code is there then."""
    before_s, began_s = kept_waiting_s(process.pid), time.monotonic()
    process.send_signal(number)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    took_s = time.monotonic() - began_s
    took_s -= kept_waiting_s(process.pid) - before_s
    process.wait()
    return took_s


def kept_waiting_s(pid: int) -> float:
    """How long this process has been kept waiting for a processor since it began."""
    try:
        _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except OSError:
        return 0.0  # a kernel that does not count
    return int(waited) / 1e9


def wait_until_it_listens(process: subprocess.Popen[str], limit_s: float = 60.0) -> None:
    """Until it answers SIGTERM itself: it is at work then."""
    until_s = time.monotonic() + limit_s
    while not _catches(process.pid, signal.SIGTERM):
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < until_s, "it never came to that"
        time.sleep(0.02)  # paced: nothing tells


def _catches(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << number - 1)
