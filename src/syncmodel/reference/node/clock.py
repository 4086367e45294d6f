"""The wall clock of a machine: the true time, and how far it was set ahead of it.

That is in a file which supervisor and application map, so that a jump is seen at once, and is there
after a restart.
"""

import mmap
import os
import struct
import time
from pathlib import Path

_AHEAD = struct.Struct("=q")


class Clock:
    """The clock whose setting is at `path`, which is made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(file, _AHEAD.size)
            self._map = mmap.mmap(file, _AHEAD.size)
        finally:
            os.close(file)

    def __call__(self) -> float:
        """What it shows, in Unix seconds."""
        return time.time() + self.ahead_s

    @property
    def ahead_s(self) -> int:
        """How far it is ahead of the true time, in seconds."""
        ahead_s: int = _AHEAD.unpack_from(self._map)[0]
        return ahead_s

    def set(self, ahead_s: int) -> None:
        """It jumps there."""
        _AHEAD.pack_into(self._map, 0, ahead_s)
