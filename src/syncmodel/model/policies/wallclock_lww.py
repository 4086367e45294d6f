"""Last writer wins by the clock alone: no write promises to beat what it was made knowing.

Only what has been shown binds. For systems that stamp a write with the time and nothing else.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from syncmodel.model.order import NONE, Order, Versions
from syncmodel.model.policies.base import Policy


@frozen
class WallclockLww(Policy):
    """The parents are no promise."""

    name: ClassVar[str] = "wallclock-lww"
    promise: ClassVar[str] = "the last writer wins by the clock, which may be wrong"
    causal: ClassVar[bool] = False

    def written(self, order: Order, version: int, parents: Versions, *, creates: bool) -> Order:
        """A version more, which may lose to any other."""
        del parents, creates
        return order.written(version, NONE)


POLICY = WallclockLww()
