"""What may be true of one row: its versions, who must and who may know them, what loses to what.

`must[n]` is a lower bound of what node n knows and `may[n]` an upper one. Rows that are absent from
both maps are known to no node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.chains import explained
from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Order, Versions, best
from syncmodel.model.values import (
    TOMBSTONE,
    Change,
    Stored,
    Tombstone,
    Value,
    Version,
    matches,
)
from syncmodel.record import Record

Knowledge = Map[str, Versions]
Beaten = Map[str, Map[int, Versions]]


class Saved(Record):
    """What a node must and may know, and what it told, as it is on the last copy of its disk."""

    must: Versions = NONE
    may: Versions = NONE
    told: Versions = NONE


class RowBelief(Record, cache_hash=True):
    """The belief about one row. A version's name is its index in `versions`."""

    versions: tuple[Version, ...] = ()
    order: Order = Order()
    must: Knowledge = Map()
    may: Knowledge = Map()
    #: What a write of unknown value, or a pending one, may rest on though its node lost it since.
    grounds: Map[int, Versions] = Map()
    #: Versions whose request got no answer, and may still land.
    pending: Versions = NONE
    #: Those of them that can't have landed yet: see `waiting`.
    waiting: Versions = NONE
    #: Versions whose author lost its log since, so that it need not know them.
    gone: Versions = NONE
    #: For each node: what it can't show, and the versions of which one beats that if the node knows
    #: it: see `beaten`.
    beaten: Beaten = Map()
    #: What each node showed to readers since it lost its log last; and acknowledged, where a read
    #: promises no more than that.
    told: Knowledge = Map()
    #: What each node may still have, of authors that it does not trust: it may hand that on.
    kept: Knowledge = Map()
    #: What is on the copies of disks: see `backups`.
    saved: Map[str, Saved] = Map()

    # --- questions -----------------------------------------------------------------------------

    def known_by(self, node: str) -> Versions:
        """The versions that the node must know."""
        return self.must.get(node, NONE)

    def told_by(self, node: str) -> Versions:
        """The versions that the node told clients of."""
        return self.told.get(node, NONE)

    def perhaps_known_by(self, node: str) -> Versions:
        """The versions that the node may know."""
        return self.may.get(node, NONE)

    def perhaps_told_by(self, node: str) -> Versions:
        """The versions that the node may hand on."""
        may = self.perhaps_known_by(node)
        return may | self.kept[node] if node in self.kept else may

    def candidates(self, node: str) -> Versions:
        """What the node may show: all it may know that loses to nothing that it must know."""
        possible = self.possible(node) if self.pending else self.may.get(node, NONE)
        found = best(self.order, possible, self.must.get(node, NONE))
        if not self.beaten:
            return found
        mine = self.beaten.get(node, ())
        found = found.difference(mine)
        if mine and len(self.beaten) == 1:
            return found
        return frozenset([version for version in found if not self._is_outdone(version, node)])

    def unbeaten(self, node: str) -> Versions:
        """The same, as far as the order alone says."""
        return best(self.order, self.possible(node), self.must.get(node, NONE))

    def _is_outdone(self, version: int, node: str) -> bool:
        """Whether the node can't show the version, as its author showed another one."""
        others = self.beaten.get(self.versions[version].node)
        winners = None if others is None else others.get(version)
        return winners is not None and version not in self.gone and self.surpasses(node, winners)

    def surpasses(self, node: str, versions: Versions) -> bool:
        """Whether the node must know each of these, or what beats it."""
        known, above = self.known_by(node), self.order.above
        return all(v in known or not known.isdisjoint(above.get(v, NONE)) for v in versions)

    def possible(self, node: str) -> Versions:
        """What the node may know by now, without what can't have happened yet."""
        may = self.may.get(node, NONE)
        return may - groundless(self) if self.pending else may

    def present(self, versions: Iterable[int]) -> list[int]:
        """Those of the versions that are no tombstones, in order."""
        return [v for v in sorted(versions) if not self.versions[v].is_tombstone]

    def tombstones(self, versions: Iterable[int]) -> list[int]:
        """Those of the versions that show as absent, in order."""
        return [v for v in sorted(versions) if self.versions[v].is_tombstone]

    def fits(self, version: int, value: Value, later: int | None = None) -> bool:
        """Whether `version` may be the write that stored `value`, which may be a pattern; it can't
        rest on what was written `later`."""
        stored = self.versions[version].value
        if stored is value or stored == value:
            return True
        if type(stored) is Value and type(value) is Value:
            return stored.fits(value)
        if isinstance(stored, Value):
            return matches(stored.cells, value.cells)
        if isinstance(stored, Tombstone) or stored.under(value) is None:
            return False
        return explained(
            [one.value for one in self.versions], version, value, lambda v: self._bases(v) - {later}
        )

    def fitting(self, versions: Iterable[int], value: Value) -> Versions:
        """Those of the versions that may be the write that stored `value`."""
        return frozenset([v for v in versions if self.fits(v, value)])

    def _bases(self, version: int) -> Versions:
        """What a write of unknown value may rest on; it may yet happen, on what comes later.

        Nothing that loses to what its node must have known when it was asked.
        """
        node, parents = self.versions[version].node, self.order.parents.get(version, NONE)
        known = self.perhaps_known_by(node).union(parents, self.grounds.get(version, NONE))
        return best(self.order, known - {version}, parents)

    def grounds_of(self, version: int) -> list[int]:
        """What a change or a delete may have been made on."""
        return self.present(self._bases(version))

    # --- changes -------------------------------------------------------------------------------

    def surely(self, versions: Versions, node: str) -> RowBelief:
        """The node must know these versions from now on, and so must authors that kept theirs."""
        known = self.known_by(node)
        fresh = versions - known
        if not fresh:
            return self
        must = self.must.set(node, known | fresh)
        may = self.may.set(node, self.perhaps_known_by(node) | fresh)
        for version in fresh - self.gone:
            author = self.versions[version].node
            if version not in must.get(author, NONE):
                must = knowing(must, (author,), frozenset({version}))
                may = knowing(may, (author,), frozenset({version}))
        return replace(self, must=must, may=may)

    def telling(self, node: str, version: int) -> RowBelief:
        """The node told a client of this version."""
        if version in self.told_by(node):
            return self
        return replace(self, told=knowing(self.told, (node,), frozenset({version})))

    def unaware(self, node: str, version: int) -> RowBelief:
        """The same, as it was before the node may have known the version."""
        known = self.perhaps_known_by(node)
        if version not in known:
            return self
        return replace(self, may=self.may.set(node, known - {version}))

    def late(self, node: str, net: Net) -> Versions:
        """What is still asked for where the node would learn of it at once."""
        authors = ((v, self.versions[v].node) for v in self.pending)
        return frozenset(v for v, author in authors if node in net.reach_of(author)[author])

    def refuted(self, node: str, contradicts: Callable[[RowBelief], object], net: Net) -> Versions:
        """What the node can't know, as what it showed contradicts that it must."""
        doubtful = self.perhaps_known_by(node) - self.known_by(node)
        doubtful -= self.late(node, net) if self.pending else NONE
        if self.kept:
            doubtful = frozenset(v for v in doubtful if not self.lies_hidden(v, node, net))
        return frozenset(v for v in doubtful if contradicts(self.surely(frozenset({v}), node)))

    def lies_hidden(self, version: int, node: str, net: Net) -> bool:
        """Whether some node that this one may hear may have kept the version of an author that it
        does not trust: it hands that on at any time."""
        return any(version in kept and one in net.sources[node] for one, kept in self.kept.items())

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
        return self._exists(version, replace(old, value=stored, sure=True))

    def confirmed(self, version: int) -> RowBelief:
        """The version was seen, and is as it was asked for."""
        old = self.versions[version]
        return self if old.sure else self._exists(version, replace(old, sure=True))

    def _exists(self, number: int, version: Version) -> RowBelief:
        before, after = self.versions[:number], self.versions[number + 1 :]
        return replace(
            self,
            versions=(*before, version, *after),
            pending=self.pending - {number},
            waiting=self.waiting - {number},
        )

    def ended(self, nodes: frozenset[str], older: int, down: frozenset[str]) -> RowBelief:
        """These nodes were stopped: what they had not taken by then they never will.

        Of those that are not `down` now, only what is among the `older` versions: a request that
        came meanwhile may have met the application that runs now.
        """
        ended = frozenset(
            version
            for version in self.pending
            if (node := self.versions[version].node) in nodes and (version < older or node in down)
        )
        if not ended:
            return self
        never = ended & groundless(self)
        may = self.may
        for node, known in may.items():
            if not never.isdisjoint(known):
                may = may.set(node, known - never)
        return replace(self, pending=self.pending - ended, waiting=self.waiting - ended, may=may)

    def ordered(self, order: Order) -> RowBelief:
        """The same with that order."""
        return self if order is self.order else replace(self, order=order)

    def flowed_must(self, net: Net) -> RowBelief:
        """Each node must know what its sources must know: the system came to rest."""
        must = self._flowed(self.must, net)
        return self if must is self.must else replace(self, must=must)

    def flowed_may(self, net: Net) -> RowBelief:
        """Each node may know what its sources may know: the links were up for a moment."""
        kept = self.kept
        may = self._flowed(self.may, net) if not (kept or net.distrusts) else self._spread(net)
        return self if may is self.may else replace(self, may=may)

    def _spread(self, net: Net) -> Knowledge:
        """What each node may know where trust differs: also what others have kept."""
        told = self.may
        for node in self.kept:
            told = told.set(node, self.perhaps_told_by(node))
        return self._flowed_by_author(self.may, told, net)

    def _flowed_by_author(self, knowledge: Knowledge, told: Knowledge, net: Net) -> Knowledge:
        """The knowledge with what each hears of `told`: of each author over links of its own."""
        flowed = knowledge
        for author in {version.node for version in self.versions}:
            its = self.written_by(author)
            for node, tellers in net.sources_of(author).items():
                heard = (self._told(told.get(one, NONE), one, net) for one in tellers - {node})
                fresh = its.intersection(NONE.union(*heard)) - flowed.get(node, NONE)
                if fresh:
                    flowed = knowing(flowed, (node,), fresh)
        return flowed

    def written_by(self, node: str) -> Versions:
        """The versions that the node wrote."""
        return frozenset([n for n, version in enumerate(self.versions) if version.node == node])

    def _flowed(self, knowledge: Knowledge, net: Net) -> Knowledge:
        if net.distrusts:
            return self._flowed_by_author(knowledge, knowledge, net)
        flowed, passes_on = knowledge, net.passes_on
        for node, tellers in net.tellers:
            before = after = knowledge.get(node, NONE)
            for teller in tellers:
                told = knowledge.get(teller, NONE)
                if not passes_on:
                    told = self._told(told, teller, net)
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
        """The node lost its log."""
        return replace(
            self,
            grounds=self._grounded(node),
            gone=self.gone | self.written_by(node),
            kept=self.kept.delete(node) if node in self.kept else self.kept,
            must=self.must.delete(node) if node in self.must else self.must,
            may=self.may.delete(node) if node in self.may else self.may,
            beaten=self.beaten.delete(node) if node in self.beaten else self.beaten,
            told=self.told.delete(node) if node in self.told else self.told,
        )

    def _grounded(self, node: str) -> Map[int, Versions]:
        """The grounds once the node loses something that it had: what a write of it rests on, if no
        answer has said so, is still one of those that it had then."""
        grounds = self.grounds
        for number in sorted(self.written_by(node)):
            if isinstance(self.versions[number].value, Change) or number in self.pending:
                grounds = grounds.set(number, self._bases(number))
        return grounds

    def distrusted(self, node: str, author: str) -> RowBelief:
        """The node does not trust that author any more: what it has of it counts for nothing."""
        hidden = self.perhaps_known_by(node) & self.written_by(author)
        if not hidden:
            return self
        order = self.order
        for late in sorted(self.pending & self.written_by(node)):
            # What has yet to land does so on what is left.
            parents = order.parents.get(late, NONE)
            order = order.written(late, parents - hidden) if parents & hidden else order
        return replace(
            self,
            order=order,
            grounds=self._grounded(node),
            kept=knowing(self.kept, (node,), hidden),
            must=self.must.set(node, self.known_by(node) - hidden),
            may=self.may.set(node, self.perhaps_known_by(node) - hidden),
            beaten=self.beaten.delete(node) if node in self.beaten else self.beaten,
            told=self.told.delete(node) if node in self.told else self.told,
        )

    def unsettled(self, nodes: frozenset[str]) -> RowBelief:
        """What these nodes were asked for, and did not answer, may land from now on."""
        late = frozenset([v for v in self.pending if self.versions[v].node in nodes])
        if not late:
            return self
        left = {
            node: Map({v: winners for v, winners in entries.items() if v not in late})
            for node, entries in self.beaten.items()
        }
        beaten = Map({node: entries for node, entries in left.items() if entries})
        return replace(self, waiting=self.waiting - late, beaten=beaten)

    def trusted(self, node: str, author: str) -> RowBelief:
        """The node trusts that author: what it kept of it may show at once."""
        back = self.kept.get(node, NONE) & self.written_by(author)
        if not back:
            return self
        left = self.kept[node] - back
        kept = self.kept.set(node, left) if left else self.kept.delete(node)
        return replace(self, kept=kept, may=knowing(self.may, (node,), back))


@lru_cache(maxsize=256)
def groundless(row: RowBelief) -> Versions:
    """What can't have happened yet, though its request is pending: there was nothing to change."""
    found = row.waiting.union(
        v for v in row.pending if not isinstance(row.versions[v].value, Value)
    )
    while True:
        grounded = frozenset(
            v for v in found - row.waiting if not found.issuperset(row.grounds_of(v))
        )
        if not grounded:
            return found
        found -= grounded


def knowing(knowledge: Knowledge, nodes: Iterable[str], versions: Versions) -> Knowledge:
    """The knowledge with these versions more on those nodes."""
    for node in nodes:
        knowledge = knowledge.set(node, knowledge.get(node, NONE) | versions)
    return knowledge
