"""Namespaces, mounts and processes that somebody has made, as long as they are there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

Space = tuple[str, str]


def spaces_of(tester: int) -> set[Space]:
    """The namespaces of all that the tester has started, but for ours."""
    below, found = {tester}, set[Space]()
    for pid, parent in sorted(parents().items()):
        if parent in below:
            below.add(pid)
            found |= spaces(pid)
    return found - spaces(os.getpid())


def spaces(pid: int) -> set[Space]:
    found = set[Space]()
    with suppress(OSError):
        for kind in ("net", "mnt", "pid"):
            found.add((kind, os.readlink(f"/proc/{pid}/ns/{kind}")))
    return found


def parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                stat = (entry / "stat").read_text(errors="replace").rpartition(")")[2]
                found[int(entry.name)] = int(stat.split()[1])
    return found


def in_spaces(wanted: set[Space]) -> set[int]:
    """The processes that are in one of these."""
    return {pid for pid in parents() if spaces(pid) & wanted}


def mounts(folder: Path) -> list[str]:
    return [
        line
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if str(folder) in line
    ]
