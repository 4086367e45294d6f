"""A disk that is full, for testers: the folder of the store, filled to the last byte.

Only where that folder is a small disk of its own: nobody's computer is filled up. Who may kill the
application may do it, no client may.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.layout import Layout

#: The largest disk that is filled.
LARGEST_BYTES = 1 << 30
_CHUNK = 1 << 20


class FullDisk:
    """The disk of one machine's store."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.database.parent
        self._filler = self._folder / "filler"

    def fill(self) -> None:
        """Leave no byte. Raises RefusedError (404 no_disk) where it is no disk of its own."""
        self._check()
        filler = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size in (_CHUNK, 1):
                while _writes(filler, size):
                    pass
        finally:
            os.close(filler)

    def free(self) -> None:
        """Have room again."""
        self._filler.unlink(missing_ok=True)

    def room(self) -> bool:
        """Whether a byte more can be stored, as is tried."""
        probe = Path(f"{self._filler}-probe")
        one = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            return _writes(one, 1)
        finally:
            os.close(one)
            probe.unlink()

    def _check(self) -> None:
        shape = os.statvfs(self._folder)
        own = self._folder.stat().st_dev != self._folder.parent.stat().st_dev
        if not own or shape.f_blocks * shape.f_frsize > LARGEST_BYTES:
            raise RefusedError(
                "no_disk", f"{self._folder} is no small disk of its own.", status=404
            )


def _writes(file: int, size: int) -> bool:
    try:
        return os.write(file, bytes(size)) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
