"""What may be true of the live system: the half of a world that outcomes and sights change.

Between rests the belief keeps two bounds per node and register, *must* and *may*. This file owns
how they move when steps have had their outcomes; `judge` owns which answers are possible and `rest`
owns the comparison of a settled system. `registers` defines what a register is: mostly a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Protocol

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.columns import OnDelete
from syncmodel.model.divergence import Divergence
from syncmodel.model.guarantees import SESSION, Guarantees
from syncmodel.model.logs import Logs
from syncmodel.model.net import Net
from syncmodel.model.noted import Entries, Entry, Marked, Rest, Seen, Touched
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.policies import Policy
from syncmodel.model.registers import merge_policy, split, stores, surely_stored
from syncmodel.model.rows import RowBelief, knowing
from syncmodel.model.schema import Table
from syncmodel.model.trust import granted, retrusted
from syncmodel.model.values import Row, Stored, Tombstone, Value, Version, Write
from syncmodel.record import Record

EMPTY = RowBelief()


class Answered(Protocol):
    """What answers said of one node, whose rest must not contradict it."""

    @property
    def node(self) -> str:
        """The node."""

    @property
    def lasts(self) -> bool:
        """Whether it is still true once the node was asked for more."""

    def not_left(self, belief: Belief, shown: Mapping[Row, Value]) -> Divergence | None:
        """The divergence of the settled node, if what it shows can't be what that left."""


class Belief(Record, eq=False):
    """The net as it is believed to be, and what is believed of every register. A value.

    What only saves work does not count for it: `rested`, `seen`, `noted` and `marks`. Nor do
    `answers`, of which only the next rest asks.
    """

    net: Net
    guarantees: Guarantees = Guarantees()
    rows: Map[Row, RowBelief] = Map()
    #: (row, number of its tombstone, row that this one may take along) -> the tombstone that this
    #: one got, where nobody knows yet what the delete took: see `cascades`.
    taken: Map[tuple[Row, int, Row], int] = Map()
    #: What each register was compared with at the last rest, so that what did not change is not
    #: compared again.
    rested: Map[Row, Rest] = Map()
    #: The same of all of them at once, so that only those are looked at that may have changed.
    seen: Seen | None = None
    #: What `touched` follows from.
    noted: Touched | None = None
    #: What `marked` follows from.
    marks: Marked | None = None
    #: What is in nodes' logs; kept only where these are applied in order: see `prefix`.
    logs: Logs = Logs()
    #: What nodes answered since the last rest: more than the bounds can say.
    answers: Sequence[Answered] = ()

    @property
    def _value(self) -> tuple[object, ...]:
        return self.net, self.guarantees, self.rows, self.taken, self.logs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Belief) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    @property
    def touched(self) -> frozenset[Row] | None:
        """The registers whose belief is another one than at the last rest; None: not known."""
        noted = self.noted
        if noted is None or noted.seen is not self.seen or noted.rows is not self.rows:
            return None
        return noted.names

    def _noting(self, rows: Map[Row, RowBelief], names: Iterable[Row]) -> Touched | None:
        touched = self.touched
        if touched is None or self.seen is None:
            return None
        return Touched(self.seen, rows, touched.union(names))

    @property
    def marked(self) -> Marked:
        """The registers with something `beaten` or `waiting`: a long run has many others."""
        marks = self.marks
        if marks is not None and marks.rows is self.rows:
            return marks
        return self.marking(self.rows, self.rows, Marked(self.rows))

    def marking(
        self,
        rows: Map[Row, RowBelief],
        changed: Mapping[Row, RowBelief],
        before: Marked | None = None,
    ) -> Marked:
        """The same for `rows`, in which those that changed are others."""
        before = self.marked if before is None else before
        names, hideable, binding = before.names, before.hideable, self.net.schema.binding
        on: list[Row] = []
        off: list[Row] = []
        new: list[Row] = []
        for name, row in changed.items():
            if row.beaten or row.waiting:
                if name not in names:
                    on.append(name)
            elif name in names:
                off.append(name)
            if binding[name.table] and name not in hideable:
                new.append(name)
        if off or on:
            names = names.difference(off).union(on)
        return Marked(rows, names, hideable.union(new) if new else hideable)

    def row(self, row: Row) -> RowBelief:
        """What is believed of a register; an empty belief for one that was never written."""
        return self.rows.get(row, EMPTY)

    def policy(self, row: Row) -> Policy:
        """The merge policy of the register."""
        if not row.column:
            return self.guarantees.policy(row.table)
        return merge_policy(self.net.schema, self.guarantees, row)

    def with_row(self, row: Row, belief: RowBelief) -> Belief:
        """This belief with another one of that register."""
        return self._with(self.rows.set(row, belief), {row: belief})

    def with_rows(self, changed: Mapping[Row, RowBelief]) -> Belief:
        """This belief with others of these registers."""
        return self._with(self.rows.update(changed), changed)

    def _with(self, rows: Map[Row, RowBelief], changed: Mapping[Row, RowBelief]) -> Belief:
        return Belief(
            self.net,
            self.guarantees,
            rows,
            self.taken,
            self.rested,
            self.seen,
            self._noting(rows, changed),
            self.marking(rows, changed),
            self.logs,
        )

    def may_show(self, node: str, row: Row) -> Versions:
        """The versions that the node may show; see also `may_lack`."""
        return self.policy(row).may_show(self.row(row), node)

    def may_lack(self, node: str, row: Row) -> bool:
        """Whether the node may show nothing for the row."""
        return self.policy(row).may_lack(self.row(row), node)

    def may_have(self, node: str, row: Row) -> bool:
        """Whether the node may have the row, shown or hidden."""
        return bool(self.row(row).present(self.may_show(node, row)))

    def bound_to(self, row: Row) -> frozenset[Row]:
        """The rows without which this one does not show."""
        if not self.net.schema.binding[row.table]:
            return frozenset()
        values = (version.value for version in self.row(row.whole).versions)
        bound = self.net.schema.bound_to
        return frozenset().union(*(bound(row, v.cells) for v in values if isinstance(v, Value)))

    def needed_by(self, rows: Iterable[Row]) -> frozenset[Row]:
        """These rows and all without which they do not show, however far up."""
        found: set[Row] = set()
        waiting = list(rows)
        while waiting:
            row = waiting.pop()
            if row not in found:
                found.add(row)
                waiting += self.bound_to(row)
        return frozenset(found)

    def referring(self, row: Row, how: OnDelete) -> Iterator[Row]:
        """The rows that refer to this one in this way and may have been written, in order."""
        columns = {
            (table.name, ref.name)
            for table, ref in self.net.schema.referring[row.table]
            if ref.on_delete is how
        }
        for other in sorted(self.rows) if columns else ():
            named = (column for table, column in columns if table == other.table)
            if not other.column and any(self._names(other, column, row) for column in named):
                yield other

    def _names(self, row: Row, column: str, named: Row) -> bool:
        """Whether some version of a row names that other one there."""
        values = (version.value for version in self.row(row).versions)
        return any(isinstance(v, Value) and v.get(column) == named.name for v in values)

    # --- how the bounds move -------------------------------------------------------------------

    def entered(
        self, calls: Sequence[tuple[Write, Outcome]], after: Net
    ) -> tuple[Belief, list[Entries]]:
        """The belief once these writes, made while the net became `after`, may have travelled.

        Gives what each call stored, nothing where it certainly did not. A node that loses its log
        on the way took its write before: its table is gone then. What was written earlier travels
        as well, over every link that was up at any moment.
        """
        belief, entries = self, []
        during = self.net.either(after)
        several = len(calls) > 1
        creates = Counter([write.row for write, _ in calls if write.creates]) if several else {}
        for write, outcome in calls:
            mine, late = [], outcome.answer is Answer.UNKNOWN or creates.get(write.row, 0) > 1
            made = self._stored(write, outcome, after, late=late)
            along = belief._along(write, made, after) if len(made) > 1 else ()
            for register, stored in made:
                knows = self._knows_column(write.node, register, after)
                belief, number = belief.with_version(
                    register,
                    Version(
                        write.node, stored, outcome.ok and knows, () if register.column else along
                    ),
                    self.writes_on(write.node, register) if knows else NONE,
                    during,
                    creates=write.creates and not self._may_replace(after),
                    pending=outcome.answer is Answer.UNKNOWN,
                )
                mine.append(Entry(register, number, outcome.ok and knows))
            entries.append(tuple(mine))
        travels = during is not self.net and during != self.net
        return (belief.carried(during) if travels else belief), entries

    def _stored(
        self, write: Write, outcome: Outcome, after: Net, *, late: bool
    ) -> tuple[tuple[Row, Stored], ...]:
        """What a write stored: as the answer has it, else as far as the request decides it; `late`
        if perhaps after another create of the row."""
        if outcome.answer is Answer.REFUSED:
            return ()
        asked = stores(self.net.schema, self.guarantees, write)
        if isinstance(write.change, Tombstone):
            return asked
        table = self.net.schema.by_name[write.row.table]
        value = None if not outcome.ok or outcome.row is None else table.read(outcome.row)
        # A node may keep what its version does not know, and passes it over where it is given.
        given = isinstance(write.change, Value) and table.given(write.change)
        if self.guarantees.by_field:
            answered = {} if value is None else dict(split(table, write.row, value))
            asked = (
                surely_stored(asked, self._columns(write.node, table, after)) if given else asked
            )
            return tuple(
                (register, stored if self.policy(register).sums else answered.get(register, stored))
                for register, stored in asked
            )
        ((row, stored),) = asked
        replaces = self.guarantees.upserts and (late or self.may_have(write.node, write.row))
        if isinstance(stored, Value) and (replaces or given):
            stored = stored.only(self._columns(write.node, table, after))
        if value is None:
            return ((row, stored),)
        return ((row, value.widened(stored) if isinstance(stored, Value) else value),)

    def _along(
        self, write: Write, made: tuple[tuple[Row, Stored], ...], after: Net
    ) -> tuple[tuple[Row, int], ...]:
        """The versions of columns that come with a create, wherever it comes."""
        return tuple(
            (register, len(self.row(register).versions))
            for register, _ in made
            if register.column and self._knows_column(write.node, register, after)
        )

    def _may_replace(self, after: Net) -> bool:
        """Whether a create may rest on a version that some node which receives it lacks."""
        hidden = bool(self.net.distrusts or after.distrusts)
        return self.guarantees.upserts or not after.passes_on or hidden

    def _columns(self, node: str, table: Table, after: Net) -> tuple[str, ...]:
        """Those that each version has that the node may have run until the net was `after`."""
        versions = {self.net.plugin(node), after.plugin(node)} - {None} or {0}
        return tuple(c.name for c in table.columns if all(c.there(v or 0) for v in versions))

    def _knows_column(self, node: str, register: Row, after: Net) -> bool:
        """Whether the node surely wrote that column of a row, and did not leave its default."""
        if not register.column:
            return True
        table = self.net.schema.by_name[register.table]
        return register.column in self._columns(node, table, after)

    def writes_on(self, node: str, register: Row) -> Versions:
        """What the node must have known when it took a write: with a quorum, all that was taken."""
        row = self.row(register)
        return NONE.union(*row.must.values()) if self.net.quorum else row.known_by(node)

    def with_version(
        self,
        register: Row,
        version: Version,
        parents: Versions,
        during: Net,
        *,
        creates: bool,
        pending: bool,
    ) -> tuple[Belief, int]:
        """The belief with a version more, and its number; it may travel over `during`.

        `pending`: its request may still land.
        """
        row = self.row(register)
        number = len(row.versions)
        order = self.policy(register).written(row.order, number, parents, creates=creates)
        waiting = row.pending | {number} if pending else row.pending
        reached = during.reach_of(version.node)[version.node]
        row = replace(
            row,
            versions=(*row.versions, version),
            order=order,
            pending=waiting,
            may=knowing(row.may, reached, frozenset({number})),
        )
        return self.with_row(register, row), number

    def surely(self, register: Row, node: str, number: int) -> Belief:
        """The node acknowledged this version: it must know it from now on."""
        before = self.row(register)
        row = before.surely(frozenset({number}), node)
        told = row.telling(node, number) if self.guarantees.reads == SESSION else row
        return self if told is before else self.with_row(register, told)

    def had(self, register: Row, node: str, number: int) -> Belief:
        """The node took this version, and told nobody: it must know it from now on."""
        return self.with_row(register, self.row(register).surely(frozenset({number}), node))

    def ended(self, touched: frozenset[str], before: Belief, after: Net) -> Belief:
        """The belief once these nodes were stopped; `before` has what was asked until then."""
        if not touched:
            return self
        rows = {
            name: ended
            for name, row in self.rows.items()
            if row.pending
            and (ended := row.ended(touched, len(before.row(name).versions), after.down)) is not row
        }
        return self.with_rows(rows) if rows else self

    def granting(self, after: Net) -> Belief:
        """The belief as it may be while trust becomes that of `after`."""
        before, now = self.net.distrusts, after.distrusts
        if before == now:
            return self
        return replace(self, rows=granted(self.rows, before, now))

    def rewired(self, after: Net, touched: frozenset[str] = frozenset()) -> Belief:
        """The belief once the net became `after`: links, lives and generations.

        What the links could carry on the way is in *may* already (see `entered`), and what is up
        afterwards was up then; a node whose tables were dropped knows nothing. `touched` are nodes
        that were restarted on the way.
        """
        if not self.guarantees.heal_catches_up:
            after = self.net.interrupt(after, touched)
        if after is self.net or after == self.net:
            return self
        rows, dropped, marks = self.rows, self.net.drops(after), self.marks
        if dropped:
            rows = Map(
                {name: reduce(RowBelief.dropped, dropped, row) for name, row in rows.items()}
            )
        if self.net.distrusts != after.distrusts:
            rows = retrusted(rows, self.net.distrusts, after.distrusts)
        of, rested, seen, noted = self.guarantees, self.rested, self.seen, self.noted
        return Belief(after, of, rows, self.taken, rested, seen, noted, marks, self.logs)

    def carried(self, net: Net) -> Belief:
        """The belief once everything that may be known may have travelled over this net."""
        rows = {
            name: flowed
            for name, row in self.rows.items()
            if (flowed := row.flowed_may(net)) is not row
        }
        return self.with_rows(rows) if rows else self
