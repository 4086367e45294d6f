"""A small disk of its own under a folder, and what fills it to the last byte.

Only such a disk is ever filled: nobody's computer is. It is memory (tmpfs), which takes root.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from functools import cache
from pathlib import Path

from syncmodel.errors import BootError

#: The largest disk that is filled.
LARGEST_BYTES = 1 << 30
_CHUNK = 1 << 20
_TRIAL = ("unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "syncmodel", "/mnt")
_LIMIT_S = 20.0
#: ioctl_ns(2): whose the namespace is; EPERM if it is nobody's whom this process could be.
_NS_GET_USERNS = 0xB701


@cache
def may_be_made() -> bool:
    """Whether this process may make such disks: tried, and gone with the trial."""
    if os.geteuid() != 0 or _mounts_are_of_others():
        return False
    try:
        done = subprocess.run(_TRIAL, capture_output=True, check=False, timeout=_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _mounts_are_of_others() -> bool:
    """Whether this process is root in a user namespace alone, where what it mounts is not: the
    trial has mounts of its own, and does not see that."""
    with open("/proc/self/ns/mnt", "rb") as mounts:
        try:
            os.close(fcntl.ioctl(mounts, _NS_GET_USERNS))
        except OSError as error:
            return error.errno == errno.EPERM
    return False


class SmallDisk:
    """The disk that `folder` is, if it is one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def make(self, size: int) -> None:
        """Have a disk of `size` bytes at the folder. Raises `BootError`."""
        self.folder.mkdir()
        options = f"size={size},mode=0711"
        command = ("mount", "-t", "tmpfs", "-o", options, "syncmodel", str(self.folder))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BootError(f"There can be no small disk at {self.folder}: {done.stderr.strip()}.")

    def take_away(self) -> None:
        """Have none there any more; nothing of it is left."""
        subprocess.run(("umount", "--lazy", str(self.folder)), capture_output=True, check=False)

    @property
    def is_one(self) -> bool:
        """Whether it is a disk of its own, and small enough to be filled."""
        shape = os.statvfs(self.folder)
        own = self.folder.stat().st_dev != self.folder.parent.stat().st_dev
        return own and shape.f_blocks * shape.f_frsize <= LARGEST_BYTES

    @property
    def used(self) -> float:
        """How much of it is used, from 0 to 1."""
        shape = os.statvfs(self.folder)
        return 1 - shape.f_bavail / shape.f_blocks

    def fill(self) -> None:
        """Leave no byte. Raises `ValueError` if it is no small disk of its own."""
        if not self.is_one:
            raise ValueError(f"{self.folder} is no small disk of its own.")
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


def _writes(file: int, size: int) -> bool:
    try:
        return os.write(file, bytes(size)) > 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
