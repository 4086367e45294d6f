"""The wall clock of a machine: the true time, and how far it was set from it.

That is in a file which supervisor and application map, so that a change is seen at once, and is
there after a restart.
"""

import mmap
import os
import struct
import time
from pathlib import Path

from syncmodel.model.pace import Pace

# Native sizes are copied as a whole, so that nobody reads one of these while it is half written.
_AHEAD, _PERCENT, _SINCE = struct.Struct("@q"), struct.Struct("@q"), struct.Struct("@d")
_SIZE = _AHEAD.size + _PERCENT.size + _SINCE.size


class Clock:
    """The clock whose setting is at `path`, which is made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(file, _SIZE)
            self._map = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)

    def __call__(self) -> float:
        """What it shows, in Unix seconds."""
        return self.pace.at(time.time())

    @property
    def pace(self) -> Pace:
        """How it was set."""
        return Pace(
            _AHEAD.unpack_from(self._map)[0],
            _PERCENT.unpack_from(self._map, _AHEAD.size)[0],
            _SINCE.unpack_from(self._map, _AHEAD.size + _PERCENT.size)[0],
        )

    def set(self, ahead_s: int, percent: int = 0) -> None:
        """It jumps there; or it is right, and gains so many percent from now on."""
        # Whoever reads meanwhile sees a clock that is right, or one that was set.
        _PERCENT.pack_into(self._map, _AHEAD.size, 0)
        _SINCE.pack_into(self._map, _AHEAD.size + _PERCENT.size, time.time())
        _AHEAD.pack_into(self._map, 0, ahead_s)
        _PERCENT.pack_into(self._map, _AHEAD.size, percent)
