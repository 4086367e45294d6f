"""A disk that is full, for testers: the folder of the store, filled to the last byte.

Only where that folder is a small disk of its own: nobody's computer is filled up. Who may kill the
application may do it, no client may.
"""

from __future__ import annotations

from syncmodel.faults.small_disk import SmallDisk
from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.layout import Layout


class FullDisk(SmallDisk):
    """The disk of one machine's store."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.database.parent)

    def fill(self) -> None:
        """Leave no byte. Raises RefusedError (404 no_disk) where it is no disk of its own."""
        try:
            super().fill()
        except ValueError as error:
            raise RefusedError("no_disk", str(error), status=404) from None
