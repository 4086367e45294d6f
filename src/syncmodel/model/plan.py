"""What follows from the steps alone: the half of a world that generation and minimising read.

The same seed, or the same file, gives the same plan on every run and every system: nothing in here
depends on an outcome or on a sight.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.columns import Column
from syncmodel.model.net import Net
from syncmodel.model.values import Row, Scalar
from syncmodel.record import Record

NO_ROWS: frozenset[Row] = frozenset()
UNUSED: frozenset[Scalar] = frozenset()
#: How many writes of one row a run may make: a node may refuse a stamp that runs too far ahead of
#: the clock (docs/contract.md, "Sync").
MOST_WRITES = 300


class Plan(Record, cache_hash=True):
    """The net, which rows were ever written, and which of them may show where.

    `known[n]` are the rows of which node n may know anything; `refs` gives the rows that a row
    names, in the order of its table's references; `deleted` are rows whose latest write is a delete
    (a hint for generation, no promise); `tokens` are the texts and numbers that writes set and
    `amounts` what they added; `writes` says how many writes of each row were asked for.
    `passed_over` are the rows in the middle of many that were made at once: no step is drawn for
    them, or there would be few about any other row.
    """

    net: Net
    known: Map[str, frozenset[Row]] = Map()
    rows: frozenset[Row] = NO_ROWS
    refs: Map[Row, tuple[str, ...]] = Map()
    deleted: frozenset[Row] = NO_ROWS
    tokens: frozenset[Scalar] = UNUSED
    amounts: frozenset[Scalar] = UNUSED
    writes: Map[Row, int] = Map()
    passed_over: frozenset[Row] = NO_ROWS
    #: The rows on the copy of each node's disk.
    saved: Map[str, frozenset[Row]] = Map()
    #: Whether deletes may have been forgotten.
    purged: bool = False

    def may_show(self, node: str) -> frozenset[Row]:
        """The rows of which the node may know anything."""
        return self.known.get(node, NO_ROWS)

    def drawn(self, node: str) -> frozenset[Row]:
        """Those of them that later steps are drawn for."""
        known = self.known.get(node, NO_ROWS)
        return _without(known, self.passed_over) if self.passed_over else known

    def has_room(self, row: Row) -> bool:
        """Whether the row may be written once more."""
        return self.writes.get(row, 0) < MOST_WRITES

    def used(self, column: Column) -> frozenset[Scalar]:
        """The values that writes of such a column used up."""
        return self.amounts if column.OP == "add" else self.tokens

    def wrote(
        self,
        node: str,
        row: Row,
        *,
        deleted: bool = False,
        tokens: Iterable[Scalar] = (),
        amount: Scalar = None,
        refs: tuple[str, ...] = (),
    ) -> Plan:
        """The plan once the node was asked to write the row.

        `tokens` and `amount` are what the write uses up, `refs` the rows that it names.
        """
        known, one = self.known, frozenset({row})
        # Nodes that know the same share it: it is long after a long run.
        more: dict[int, frozenset[Row]] = {}
        for hearer in self.net.reach[node]:
            heard = known.get(hearer, NO_ROWS)
            if row not in heard:
                if id(heard) not in more:
                    more[id(heard)] = heard | one
                known = known.set(hearer, more[id(heard)])
        return replace(
            self,
            known=known,
            rows=self.rows | one,
            refs=self.refs.set(row, refs) if refs else self.refs,
            deleted=self.deleted | one if deleted else self.deleted - one,
            tokens=self.tokens.union(tokens) if tokens else self.tokens,
            amounts=self.amounts if amount is None else self.amounts | {amount},
            writes=self.writes.set(row, self.writes.get(row, 0) + 1),
        )

    def filled(
        self,
        node: str,
        rows: frozenset[Row],
        *,
        between: frozenset[Row],
        tokens: frozenset[Scalar],
        refs: tuple[str, ...],
    ) -> Plan:
        """The plan once the node was asked to create all these rows; see `wrote`.

        `between` are those of them that no later step is drawn for.
        """
        heard = {n: self.may_show(n) | rows for n in self.net.reach[node]}
        return replace(
            self,
            known=self.known.update(heard),
            rows=self.rows | rows,
            refs=self.refs.update(dict.fromkeys(rows, refs)) if refs else self.refs,
            tokens=self.tokens | tokens,
            writes=self.writes.update({row: self.writes.get(row, 0) + 1 for row in rows}),
            passed_over=self.passed_over | between,
        )

    def copied(self, nodes: Iterable[str]) -> Plan:
        """The plan once the disks of these nodes were copied."""
        return replace(self, saved=self.saved.update({n: self.may_show(n) for n in nodes}))

    def put_back(self, nodes: Iterable[str]) -> Plan:
        """The plan once these disks may be as they were, and those that hear them know of it.

        What a node lost by that it may still be asked for: the plan knows no more than what may be.
        """
        known = self.known.update({n: self.may_show(n) | self.saved.get(n, NO_ROWS) for n in nodes})
        return replace(self, known=_flowed(known, self.net))

    def purging(self) -> Plan:
        """The plan once deletes were forgotten."""
        return replace(self, purged=True)

    def over(self, net: Net) -> Plan:
        """The same, as far as what follows goes over that net."""
        return replace(self, net=net)

    def rewired(self, after: Net) -> Plan:
        """The plan once the net became `after`."""
        if after is self.net or after == self.net:
            return self
        known = _flowed(self.known, self.net.either(after))
        if not after.passes_on:
            # Else what hears each other afterwards did so on the way: nothing more can come.
            known = _flowed(known, after)
        for node in self.net.drops(after):
            known = known.delete(node) if node in known else known
        return replace(self, net=after, known=known)


def _flowed(known: Map[str, frozenset[Row]], net: Net) -> Map[str, frozenset[Row]]:
    flowed = known
    for node, sources in net.sources.items():
        before = known.get(node)
        after = NO_ROWS if before is None else before
        for source in sources:
            told = known.get(source, NO_ROWS)
            # Nodes that know the same share one set, so that this is seldom more than `is`.
            if told is not after and not told <= after:
                after = told if after <= told else after | told
        if after is not before:
            flowed = flowed.set(node, after)
    return flowed


@lru_cache(maxsize=256)
def _without(known: frozenset[Row], passed_over: frozenset[Row]) -> frozenset[Row]:
    return known - passed_over


def contested(plan: Plan, node: str, rows: Iterable[Row]) -> list[Row]:
    """Those rows that some node may know and this one can't have heard of from it, in order."""
    mine = plan.net.reach[node]
    others = [other for other in plan.net.carriers if other not in mine]
    return sorted(row for row in rows if any(row in plan.may_show(other) for other in others))
