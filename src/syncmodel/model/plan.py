"""What follows from the steps alone: the half of a world that generation and minimising read.

The same seed, or the same file, gives the same plan on every run and every system: nothing in here
depends on an outcome or on a sight.
"""

from __future__ import annotations

from collections.abc import Iterable

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.net import Net
from syncmodel.model.values import Row
from syncmodel.record import Record

NO_ROWS: frozenset[Row] = frozenset()


class Plan(Record, cache_hash=True):
    """The net, which rows were ever written, and which of them may show where.

    `known[n]` are the rows of which node n may know anything; `events` gives each event's case;
    `deleted` are rows whose latest write is a delete (a hint for generation, no promise);
    `titles` are the tokens and `increments` the amounts that were used.
    """

    net: Net
    known: Map[str, frozenset[Row]] = Map()
    rows: frozenset[Row] = NO_ROWS
    events: Map[str, str] = Map()
    deleted: frozenset[Row] = NO_ROWS
    titles: frozenset[str] = frozenset()
    increments: frozenset[int] = frozenset()

    def may_show(self, node: str) -> frozenset[Row]:
        """The rows of which the node may know anything."""
        return self.known.get(node, NO_ROWS)

    def wrote(
        self,
        node: str,
        row: Row,
        *,
        deleted: bool = False,
        title: str | None = None,
        by: int | None = None,
        case: str | None = None,
    ) -> Plan:
        """The plan once the node was asked to write the row.

        `title` and `by` are the token and the amount that the write uses up, `case` is the one
        that an event names.
        """
        known, one = self.known, frozenset({row})
        for hearer in self.net.reach[node]:
            heard = known.get(hearer, NO_ROWS)
            if row not in heard:
                known = known.set(hearer, heard | one)
        return replace(
            self,
            known=known,
            rows=self.rows | one,
            events=self.events if case is None else self.events.set(row.name, case),
            deleted=self.deleted | one if deleted else self.deleted - one,
            titles=self.titles if title is None else self.titles | {title},
            increments=self.increments if by is None else self.increments | {by},
        )

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


def contested(plan: Plan, node: str, rows: Iterable[Row]) -> list[Row]:
    """Those rows that some node may know and this one can't have heard of from it, in order."""
    mine = plan.net.reach[node]
    others = [other for other in plan.net.carriers if other not in mine]
    return sorted(row for row in rows if any(row in plan.may_show(other) for other in others))
