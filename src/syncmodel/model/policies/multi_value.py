"""Every version that no other one replaced stays: a leaf. One leaf shows, the same everywhere.

A write replaces only the leaf that its node showed, so deleting the winner uncovers the next one.
That is how CouchDB keeps conflicts (CouchDB documentation, "Replication and conflict model").
"""

from __future__ import annotations

from typing import ClassVar

from attrs import evolve, frozen
from msgspec.structs import replace

from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.order import NONE, Order, Versions
from syncmodel.model.policies.base import Policy
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value


@frozen
class MultiValue(Policy):
    """Of the leaves that a node knows, a tombstone shows only if there is no other."""

    name: ClassVar[str] = "multi-value"
    promise: ClassVar[str] = "concurrent versions are all kept; one shows, and a delete uncovers"
    causal: ClassVar[bool] = False
    leaves: ClassVar[bool] = True

    def written(self, order: Order, version: int, parents: Versions, *, creates: bool) -> Order:
        """What it replaces is not known before an answer proves it."""
        del parents
        order = order.written(version, NONE)
        return order if creates else replace(order, loose=order.loose | {version})

    def based(self, order: Order, version: int, base: int) -> Order:
        """It replaces that leaf and no other."""
        return replace(order.written(version, frozenset({base})), loose=order.loose - {version})

    def may_show(self, row: RowBelief, node: str) -> Versions:
        """No version that a known one replaced, none that a leaf beat at another rest, and no
        tombstone where there is a leaf."""
        may, leaves = row.perhaps_known_by(node), self._leaves(row, node)
        replaced = self._replaced(row, row.known_by(node))
        return frozenset(
            version
            for version in (row.present(may) if leaves else may)
            if version not in replaced
            and not any((version, leaf) in row.order.seen for leaf in leaves)
        )

    def may_lack(self, row: RowBelief, node: str) -> bool:
        """Unless some leaf that it must know is no tombstone."""
        return not self._leaves(row, node)

    def impossible(
        self, name: Row, row: RowBelief, node: str, sight: Value | None, columns: tuple[str, ...]
    ) -> Divergence | None:
        """As ever; a leaf that does not show is missing, as no tombstone beats it."""
        found = super().impossible(name, row, node, sight, columns)
        return evolve(found, kind=Kind.MISSING) if found and sight is None else found

    def learnt(self, order: Order, shown: Versions, row: RowBelief, node: str) -> Order:
        """Of the leaves that it must know, all others lose to the one that shows."""
        if len(shown) != 1 or row.tombstones(shown):
            return order
        (winner,) = shown
        pairs = {(leaf, winner) for leaf in self._leaves(row, node) if leaf != winner}
        return replace(order, seen=order.seen | pairs) if pairs - order.seen else order

    def _replaced(self, row: RowBelief, known: Versions) -> Versions:
        """What surely is no leaf where these are known."""
        causal = row.order.causal
        return frozenset(v for v, over in causal.items() if not known.isdisjoint(over))

    def _leaves(self, row: RowBelief, node: str) -> Versions:
        """The versions that surely are leaves on the node, and no tombstones."""
        may, causal = row.perhaps_known_by(node), row.order.causal
        known = row.present(row.known_by(node))
        # A node need not know what lies between a version and one that it rests on.
        loose = row.order.loose.union(*(causal.get(v, NONE) for v in row.order.loose)) & may
        # A create may rest on a tombstone that the node hides, not trusting who deleted; and
        # so may what rests on that create, which it may hide as well.
        hidden = row.kept.get(node, NONE)
        return frozenset(
            version
            for version in known
            if may.isdisjoint(over := causal.get(version, NONE))
            and not loose - {version}
            and (hidden.isdisjoint(over) or may == {version})
        )


POLICY = MultiValue()
