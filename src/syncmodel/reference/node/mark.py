"""How far a node's log has got, noted beside what a backup copies and a restore puts back.

A node that finds its store behind its mark, or another log than the marked one, was put back: what
it wrote since, others may have. Then its log gets another identity, so that nobody takes what it
writes now for what they have applied. The mark is moved before anything of a transaction is told to
anybody, so that a log that is not behind it has told nobody more than it has. No mark: the node is
new, or somebody who restored it says that its log is another one from now on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from syncmodel.record import Record

#: A mark is one line of this many digits, then the log's identity.
_DIGITS: Final = 20


class Mark(Record):
    """A log, and its last position."""

    log_id: str
    position: int


class Marks:
    """The mark of one node, in a file. It outlives a killed process, and not a loss of power."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def close(self) -> None:
        """Close the file; the mark stays."""
        os.close(self._file)

    def read(self) -> Mark | None:
        """The mark; None if there is none."""
        position, _, log_id = os.pread(self._file, 4096, 0).decode().rstrip("\n").partition(" ")
        return Mark(log_id, int(position)) if log_id else None

    def move(self, mark: Mark) -> None:
        """The log has got so far. Raises OSError."""
        # In one write, of the same length for one log: there is no half of a mark.
        os.pwrite(self._file, f"{mark.position:0{_DIGITS}d} {mark.log_id}\n".encode(), 0)

    def forget(self) -> None:
        """There is no mark: the log that is found next gets another identity."""
        os.ftruncate(self._file, 0)
