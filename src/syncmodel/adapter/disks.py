"""Where the folders of servers are: on the computer's disk, or each on a small one that can be
filled."""

from __future__ import annotations

from pathlib import Path

from syncmodel.errors import UsageError
from syncmodel.faults.small_disk import LARGEST_BYTES, SmallDisk

#: How much of a disk earlier runs may have used.
MOST_USED = 0.5


class Places:
    """Folders of servers below this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def home(self, node: str) -> Path:
        """The folder in which the server of the node runs."""
        return self.folder / node

    def make(self, node: str) -> None:
        """Have that folder, empty."""
        self.home(node).mkdir()

    def disk(self, node: str) -> SmallDisk:
        """The disk of the node. Raises `UsageError` where it is everybody's."""
        raise UsageError(f"The disk of {node} can't be filled: let the adapter inherit FillsDisks.")

    def crowded(self) -> bool:
        """Whether earlier runs left too little room for another one."""
        return False

    def take_away(self) -> None:
        """Nobody uses them any more."""


class SmallDisks(Places):
    """The same, each on a disk of so many bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        """None is made yet. Raises `UsageError` for more than is ever filled."""
        if size > LARGEST_BYTES:
            raise UsageError(f"`disk_bytes` is at most {LARGEST_BYTES}, which is filled at a time.")
        super().__init__(folder)
        self._size = size
        self._disks: dict[str, SmallDisk] = {}

    def home(self, node: str) -> Path:
        return self.folder / f"{node}.disk" / node

    def make(self, node: str) -> None:
        self._disks[node] = disk = SmallDisk(self.home(node).parent)
        disk.make(self._size)
        super().make(node)

    def disk(self, node: str) -> SmallDisk:
        return self._disks[node]

    def crowded(self) -> bool:
        return any(disk.used > MOST_USED for disk in self._disks.values())

    def take_away(self) -> None:
        for disk in self._disks.values():
            disk.take_away()
