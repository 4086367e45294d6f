"""Last writer wins, and a write made knowing another is always the later one.

The default. Which of two concurrent writes wins is for the system to say, once.
"""

from __future__ import annotations

from syncmodel.model.order import Order, Versions
from syncmodel.model.rows import RowBelief

NAME = "causal-lww"
CAUSAL = True


def written(order: Order, version: int, parents: Versions) -> Order:
    """A parent loses to its child."""
    return order.written(version, parents)


def may_show(row: RowBelief, node: str) -> Versions:
    """The maximal versions, as far as the node's knowledge is certain."""
    return row.candidates(node)


def learnt(order: Order, shown: Versions, must: Versions) -> Order:
    """Everything else that the node must know loses to what it shows."""
    return order.shown(shown, must - shown)
