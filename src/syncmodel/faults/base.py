"""What every fault is. One fault per file in this package; nothing here knows any of them."""

from typing import Protocol


class Fault(Protocol):
    """Something broken on purpose, that can be repaired.

    A fault that did not take makes every verdict after it worthless, so none is believed unseen:
    `apply` and `heal` look with `probe` before they return.
    """

    async def apply(self) -> None:
        """Put it in force. Raises FaultError if it did not take; it is then healed or not."""

    async def heal(self) -> None:
        """End it; a no-op if it is not in force. Raises FaultError if it did not go away."""

    async def probe(self) -> bool:
        """Whether it is in force, as seen from outside."""
        ...
