"""Last writer wins by the clock alone: no write promises to beat what it was made knowing.

Only what has been shown binds. For systems that stamp a write with the time and nothing else.
"""

from __future__ import annotations

from syncmodel.model.order import NONE, Order, Versions
from syncmodel.model.policies.causal_lww import learnt, may_show

__all__ = ["CAUSAL", "NAME", "learnt", "may_show", "written"]

NAME = "wallclock-lww"
CAUSAL = False


def written(order: Order, version: int, parents: Versions) -> Order:  # noqa: ARG001 (the promise is absent)
    """The parents are no promise."""
    return order.written(version, NONE)
