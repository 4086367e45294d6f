"""The processes that this one has started, and their end where nobody else sees to it."""

from __future__ import annotations

import contextlib
import os
import signal
from itertools import pairwise
from pathlib import Path

#: What was started while its parent was ended is found by looking again.
_LOOKS = 5


def children(pid: int | None = None) -> frozenset[int]:
    """The processes that this one (or `pid`) has started and that have not ended."""
    found = set[int]()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{os.getpid() if pid is None else pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found.update(map(int, (task / "children").read_text().split()))
    return frozenset(one for one in found if _runs(one))


def end_children(spared: frozenset[int] = frozenset(), pid: int | None = None) -> None:
    """Kill the children but those, and all that these have started.

    Our own helpers end by themselves with this process, and clean up: these are spared, too.
    """
    for _ in range(_LOOKS):
        left = [one for one in children(pid) - spared if not _is_ours(one)]
        if not left:
            return
        for each in [below for one in left for below in _tree(one)]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(each, signal.SIGKILL)


def _tree(pid: int) -> list[int]:
    """The process and everyone below it, parents first."""
    return [pid, *(below for child in children(pid) for below in _tree(child))]


def _runs(pid: int) -> bool:
    """Whether it has not ended, and only waits to be noticed."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def _is_ours(pid: int) -> bool:
    """Whether that is `python -m syncmodel.MODULE`."""
    try:
        said = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(
        option == b"-m" and name.startswith(b"syncmodel.") for option, name in pairwise(said)
    )
