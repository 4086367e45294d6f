"""What may be true of one row: its versions, who must and who may know them, what loses to what.

`must[n]` is a lower bound of what node n knows and `may[n]` an upper one. Rows that are absent from
both maps are known to no node.
"""

from __future__ import annotations

from collections.abc import Iterable

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Order, Versions, best
from syncmodel.model.values import (
    TOMBSTONE,
    Added,
    Assigned,
    Stored,
    Tombstone,
    Value,
    Version,
    matches,
)
from syncmodel.record import Record

Knowledge = Map[str, Versions]


class RowBelief(Record, cache_hash=True):
    """The belief about one row. A version's name is its index in `versions`."""

    versions: tuple[Version, ...] = ()
    order: Order = Order()
    must: Knowledge = Map()
    may: Knowledge = Map()
    #: What a write of unknown value may rest on though its node has lost it since.
    grounds: Map[int, Versions] = Map()

    # --- questions -----------------------------------------------------------------------------

    def known_by(self, node: str) -> Versions:
        """The versions that the node must know."""
        return self.must.get(node, NONE)

    def perhaps_known_by(self, node: str) -> Versions:
        """The versions that the node may know."""
        return self.may.get(node, NONE)

    def candidates(self, node: str) -> Versions:
        """What the node may show: all it may know that loses to nothing that it must know."""
        return best(self.order, self.may.get(node, NONE), self.must.get(node, NONE))

    def present(self, versions: Iterable[int]) -> list[int]:
        """Those of the versions that are no tombstones, in order."""
        return [v for v in sorted(versions) if not self.versions[v].is_tombstone]

    def tombstones(self, versions: Iterable[int]) -> list[int]:
        """Those of the versions that show as absent, in order."""
        return [v for v in sorted(versions) if self.versions[v].is_tombstone]

    def fits(self, version: int, value: Value) -> bool:
        """Whether `version` may be the write that stored `value`, which may be a pattern."""
        stored = self.versions[version].value
        if stored is value:
            return True
        if type(stored) is Value and type(value) is Value:
            return stored.fits(value)
        return self._fits(version, value, NONE)

    def fitting(self, versions: Iterable[int], value: Value) -> Versions:
        """Those of the versions that may be the write that stored `value`."""
        return frozenset([v for v in versions if self.fits(v, value)])

    def _fits(self, version: int, value: Value, used: Versions) -> bool:
        """A chain of unknown writes is walked down to a known base; `used` are its links so far."""
        stored = self.versions[version].value
        if isinstance(stored, Value):
            return matches(stored.cells, value.cells)
        if isinstance(stored, Tombstone):
            return False
        below = stored.under(value)
        if below is None:
            return False
        used |= {version}
        return any(self._fits(base, below, used) for base in self._bases(version) - used)

    def _bases(self, version: int) -> Versions:
        """What a write of unknown value may rest on; it may yet happen, on what comes later."""
        node = self.versions[version].node
        return self.perhaps_known_by(node).union(
            self.order.parents.get(version, NONE), self.grounds.get(version, NONE)
        )

    # --- changes -------------------------------------------------------------------------------

    def written(self, version: Version, parents: Versions) -> RowBelief:
        """One more version, which no node knows yet; its number is `len(versions) - 1`."""
        number = len(self.versions)
        return replace(
            self,
            versions=(*self.versions, version),
            order=self.order.written(number, parents),
        )

    def entering(self, version: int, nodes: Iterable[str]) -> RowBelief:
        """These nodes may know the version from now on."""
        return replace(self, may=_with(self.may, nodes, frozenset({version})))

    def surely(self, versions: Versions, node: str) -> RowBelief:
        """The node must know these versions from now on."""
        if versions <= self.known_by(node):
            return self
        must, may = _with(self.must, (node,), versions), _with(self.may, (node,), versions)
        return replace(self, must=must, may=may)

    def unaware(self, node: str, version: int) -> RowBelief:
        """The same, as it was before the node may have known the version."""
        may = self.may.set(node, self.perhaps_known_by(node) - {version})
        return replace(self, may=may)

    def proved(self, version: int, value: Value | None) -> RowBelief:
        """The version was seen: it exists, and `value` (None for a tombstone) is what it stored.

        Of columns that the node does not show nothing new is known.
        """
        old = self.versions[version]
        stored: Stored = TOMBSTONE if value is None else value
        if isinstance(stored, Value) and isinstance(old.value, Value):
            stored = stored.widened(old.value)
        if old.sure and old.value == stored:
            return self
        new = Version(old.node, stored)
        before, after = self.versions[:version], self.versions[version + 1 :]
        return replace(self, versions=(*before, new, *after))

    def confirmed(self, version: int) -> RowBelief:
        """The version was seen, and is as it was asked for."""
        old = self.versions[version]
        if old.sure:
            return self
        before, after = self.versions[:version], self.versions[version + 1 :]
        return replace(self, versions=(*before, Version(old.node, old.value), *after))

    def ordered(self, order: Order) -> RowBelief:
        """The same with that order."""
        return self if order is self.order else replace(self, order=order)

    def flowed_must(self, net: Net) -> RowBelief:
        """Each node must know what its sources must know: the system came to rest."""
        must = self._flowed(self.must, net)
        return self if must is self.must else replace(self, must=must)

    def flowed_may(self, net: Net) -> RowBelief:
        """Each node may know what its sources may know: the links were up for a moment."""
        may = self._flowed(self.may, net)
        return self if may is self.may else replace(self, may=may)

    def _flowed(self, knowledge: Knowledge, net: Net) -> Knowledge:
        flowed = knowledge
        for node, tellers in net.tellers:
            before = after = knowledge.get(node, NONE)
            for teller in tellers:
                told = self._told(knowledge.get(teller, NONE), teller, net)
                # Nodes that know the same share one set, so that this is seldom more than `is`.
                if told is not after and not told <= after:
                    after = told if after <= told else after | told
            if after is not before:
                flowed = flowed.set(node, after)
        return flowed

    def _told(self, versions: Versions, node: str, net: Net) -> Versions:
        """What of its knowledge a node hands on: all, or only what it wrote itself."""
        if net.passes_on:
            return versions
        return frozenset(v for v in versions if self.versions[v].node == node)

    def dropped(self, node: str) -> RowBelief:
        """The node lost its log; a write of it that is still unknown promises nothing any more.

        What a write rests on, if no answer has said so, is still one of those that it had then.
        """
        order, grounds = self.order, self.grounds
        for number, version in enumerate(self.versions):
            if version.node == node and isinstance(version.value, Assigned | Added):
                grounds = grounds.set(number, self._bases(number))
            if version.node == node and not version.sure:
                order = order.written(number, NONE)
        return replace(
            self,
            order=order,
            grounds=grounds,
            must=self.must.delete(node) if node in self.must else self.must,
            may=self.may.delete(node) if node in self.may else self.may,
        )


def _with(knowledge: Knowledge, nodes: Iterable[str], versions: Versions) -> Knowledge:
    for node in nodes:
        knowledge = knowledge.set(node, knowledge.get(node, NONE) | versions)
    return knowledge
