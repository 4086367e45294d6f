"""What a delete takes along: the rows that refer to the deleted one, where references cascade.

A node deletes those that it has, at any depth. A delete of unknown outcome decides what it takes
when it lands: until it is seen it may take whatever reaches its node. A row that is taken gets a
tombstone by the node that deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.columns import OnDelete
from syncmodel.model.net import Net
from syncmodel.model.noted import Entries, Entry
from syncmodel.model.outcome import Outcome
from syncmodel.model.schema import Schema
from syncmodel.model.values import TOMBSTONE, Row, Version, Write
from syncmodel.record import Record


class Sure(Record):
    """What an accepted delete surely took: all that its node had in `belief`, in which all that was
    written at once may have come, of tables from which no other delete `contested` rows."""

    belief: Belief
    contested: frozenset[str]

    def has(self, node: str, row: Row) -> bool:
        """Whether the row was there for the delete to take."""
        return row.table not in self.contested and not self.belief.may_lack(node, row)


#: A tombstone, by its row and number.
Deleted = tuple[Row, int]


def with_cascades(
    before: Belief,
    entered: Belief,
    calls: Sequence[tuple[Write, Outcome]],
    entries: Sequence[Entries],
    after: Net,
) -> tuple[Belief, list[Entries]]:
    """The belief with the rows that these calls, or earlier ones that are still unknown, take.

    `entered` is the belief with the writes themselves, as `entries`. What an accepted delete surely
    took comes back among its entries.
    """
    belief, taken = entered, list(entries)
    for place, (write, outcome) in enumerate(calls):
        for entry in entries[place]:
            if write.op == "delete":
                others = [one for one, _ in calls if one is not write and one.op == "delete"]
                contested = {t for one in others for t in _below(entered.net.schema, one.row.table)}
                deleted = (entry.register, entry.number)
                sure = Sure(entered, frozenset(contested)) if outcome.ok else None
                belief, more = _taken(belief, before, deleted, write.node, after, sure=sure)
                taken[place] += more
    return _by_pending(belief, before, after), taken


def _below(schema: Schema, table: str) -> frozenset[str]:
    """The tables of which a delete in this one may take rows, at any depth."""
    refs = [(below.name, ref) for below, ref in schema.referring[table]]
    names = frozenset(name for name, ref in refs if ref.on_delete is OnDelete.CASCADE)
    return names.union(*(_below(schema, name) for name in names - {table}))


def _by_pending(belief: Belief, before: Belief, after: Net) -> Belief:
    """With what the deletes that may still land may take, now that more has reached their nodes."""
    for table in belief.net.schema.cascading_in_order:
        for row in sorted(belief.rows):
            if row.table == table and not row.column:
                for number, version in enumerate(belief.row(row).versions):
                    if version.is_tombstone and number in belief.row(row).pending:
                        belief, _ = _taken(
                            belief, before, (row, number), version.node, after, sure=None
                        )
    return belief


def _taken(
    belief: Belief,
    before: Belief,
    deleted: Deleted,
    node: str,
    after: Net,
    *,
    sure: Sure | None,
) -> tuple[Belief, Entries]:
    """With the rows that this tombstone takes along on its node, and has not taken yet."""
    row, number = deleted
    entries: Entries = ()
    if number not in belief.row(row).perhaps_known_by(node):
        return belief, entries  # Its node lost its log: nothing of it is under way any more.
    for other in list(belief.referring(row, OnDelete.CASCADE)):
        if (row, number, other) in belief.taken or not belief.may_have(node, other):
            continue
        surely = sure is not None and sure.has(node, other)
        belief, tombstone = belief.with_version(
            other,
            Version(node, TOMBSTONE, sure=surely),
            before.writes_on(node, other),
            before.net.either(after),
            creates=False,
            pending=number in belief.row(row).pending,
        )
        if not belief.row(row).versions[number].sure:
            belief = replace(belief, taken=belief.taken.set((row, number, other), tombstone))
        entries += (Entry(other, tombstone, surely, asked=False),)
        below = sure if surely else None
        belief, more = _taken(belief, before, (other, tombstone), node, after, sure=below)
        entries += more
    return belief, entries
