"""What one node answered at the same time: whether some order explains it, and what all orders say.

Each answer can be possible alone while all together are not: two creates of one row, two increments
of one counter. `served` searches the orders; `judge` owns what each single answer may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations

from syncmodel.model.asked import OF_ROWS
from syncmodel.model.belief import Belief
from syncmodel.model.columns import OnDelete
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.evidence import Proof
from syncmodel.model.noted import Entries
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import LANDED, Outcome
from syncmodel.model.reads import Look
from syncmodel.model.rows import RowBelief
from syncmodel.model.schema import Table
from syncmodel.model.served import Group, Served, Shows, anything
from syncmodel.model.values import Added, Assigned, Row, Tombstone, Value, Write, written
from syncmodel.record import Record

Call = tuple[Write, Outcome]
#: A read that was answered, and the rows that it showed.
Seen = tuple[Look, Mapping[Row, Value]]
#: Refusals that say something of the row itself.
TELLING = frozenset({"exists", "no_such_row"})
#: Of how many requests and arrivals at most the order is searched: what unanswered ones had made by
#: then is tried in every order.
SEARCHED = 6


def grouped(
    entered: Belief, calls: Sequence[Call], entries: Sequence[Entries], looks: Sequence[Seen] = ()
) -> list[Group]:
    """The simultaneous `calls` and `looks` whose order can be searched, by node, and by rows that
    have to do with each other.

    `entered` is the belief in which they are in *may*, as these `entries`.
    """
    if entered.net.quorum:
        return []
    nodes: dict[str, list[Served]] = {}
    siblings: dict[tuple[Row, int], Mapping[Row, int]] = {}
    for (write, outcome), mine in zip(calls, entries, strict=True):
        made = {entry.register: entry.number for entry in mine if entry.asked}
        took = {entry.register: entry.number for entry in mine if not entry.asked}
        siblings.update(dict.fromkeys(made.items(), made))
        if outcome.ok or outcome.code in OF_ROWS:
            one = Served(write.row, write.change, outcome, made, write.needs, took)
            nodes.setdefault(write.node, []).append(one)
    return [
        group
        for node, served in nodes.items()
        if any(one.outcome is not LANDED for one in served)
        for group in _Node(entered, node, served, looks, siblings).groups()
    ]


def out_of_order(groups: Sequence[Group]) -> Divergence | None:
    """The divergence of what no order explains, if there is one."""
    for group in groups:
        if group.before() is None:
            answered = [(one, one.outcome) for one in group.served if one.outcome is not None]
            accepted = any(outcome.ok for _, outcome in answered)
            kind = Kind.WRONGLY_ACCEPTED if accepted else Kind.WRONGLY_REFUSED
            told = [
                f"{_asked(group, one)}: {_words(one, outcome, group.table(one.row))}"
                for one, outcome in answered
            ]
            told += [f"{_asked(group, one)}: {one.sight or 'nothing'}" for one in _reads(group)]
            expected = "answers that some order explains"
            return Divergence(kind, group.node, answered[0][0].row, expected, "; ".join(told))
    return None


def _reads(group: Group) -> Iterator[Served]:
    return (one for one in group.served if one.reads)


def _asked(group: Group, one: Served) -> str:
    where = f" {one.row}" if group.whole else ""
    match one.change:
        case Assigned(column=column, value=value):
            return f"set{where} {column} to {written(value)}"
        case Added(column=column, by=by):
            return f"add{where} {by} to {column}"
        case Value():
            return f"create{where} with {one.change}"
        case Tombstone():
            return f"delete{where}"
        case None:
            return f"read{where}"


def _words(one: Served, outcome: Outcome, table: Table) -> str:
    """An answer: the columns that it carries, if it carries any; that of a delete need not."""
    if outcome.code:
        return f"refused ({outcome.code})"
    if outcome.row is None or isinstance(one.change, Tombstone):
        return "accepted"
    return f"accepted as {table.read(outcome.row)}"


# --- what all orders say -------------------------------------------------------------------------


def in_order(entered: Belief, groups: Sequence[Group]) -> Iterator[Proof]:
    """What one node accepted after something else in every order that explains its answers."""
    for group in groups:
        before = group.before() if group.causal else None
        if before is None:
            continue
        for (one, first), (other, then) in permutations(enumerate(group.served), 2):
            if then.outcome is None or (other, one) in before:
                continue
            for register in sorted(first.made.keys() & then.made.keys()):
                if entered.policy(register).causal:
                    row, shown = entered.row(register), frozenset({first.made[register]})
                    yield Proof(group.node, register, row, shown, number=then.made[register])
            if _took_along(group, then, first):
                row, number = entered.row(first.row), then.took[first.row]
                shown = frozenset({first.made[first.row]})
                yield Proof(group.node, first.row, row, shown, number=number)
                yield Proof(group.node, first.row, row, frozenset({number}))


def _took_along(group: Group, delete: Served, create: Served) -> bool:
    """Whether the delete took along what was created before it: nothing else touches that row, and
    nothing else deletes what it refers to."""
    if create.row not in delete.took or not (create.accepted and isinstance(create.change, Value)):
        return False
    named = group.belief.net.schema.bound_to(create.row, create.change.cells)
    others = [one for one in group.served if one is not create and one is not delete]
    deleted = {one.row for one in others if isinstance(one.change, Tombstone)}
    touched = {one.row for one in others}
    return delete.row in named and create.row not in touched and delete.row not in deleted


def outdone(groups: Sequence[Group]) -> Iterator[tuple[Row, int, Versions]]:
    """What something was written after on its node in every order, though not always the same: the
    row, the version that loses, and those of which one beats it."""
    for group in groups:
        for place, one in enumerate(group.served if group.causal else ()):
            loser = one.made.get(one.row)
            winners = group.accepted(one.row) - {loser}
            if loser is not None and len(winners) > 1 and not group.may_be_last(place):
                yield one.row, loser, winners


# --- which of them have to do with each other ----------------------------------------------------


class _Node(Record):
    """What one node answered at once; `siblings` has the versions that each was made with."""

    belief: Belief
    name: str
    served: Sequence[Served]
    looks: Sequence[Seen]
    siblings: Mapping[tuple[Row, int], Mapping[Row, int]]

    def groups(self) -> Iterator[Group]:
        """Rows that refer to each other together, if that can be searched; else each row alone."""
        together = set[Row]()
        for rows in self._linked() if len(self.served) > 1 else ():
            group = self._group(rows, [one for one in self.served if one.row in rows])
            if group is not None and group.causal:
                together.update(rows)
                yield group
        telling = [one for one in self.served if one.row not in together and _tells(one)]
        for row in dict.fromkeys(one.row for one in telling):
            group = self._group((row,), [one for one in telling if one.row == row])
            if group is not None:
                yield group

    def _linked(self) -> list[Sequence[Row]]:
        """Rows that are asked for and refer to each other, with all that have to do with them."""
        found: list[frozenset[Row]] = []
        for one in self.served:
            rows = self.belief.needed_by({one.row, *one.needs, *self._held_by(one)})
            apart = [other for other in found if other.isdisjoint(rows)]
            found = [*apart, rows.union(*(other for other in found if other not in apart))]
        return [sorted(rows) for rows in found if len(rows) > 1]

    def _held_by(self, one: Served) -> list[Row]:
        """The rows that a delete may take along, or that may stand against it."""
        if not isinstance(one.change, Tombstone):
            return []
        referring, found = self.belief.referring, [one.row]
        for row in found:
            for how in (OnDelete.CASCADE, OnDelete.RESTRICT):
                found += [other for other in referring(row, how) if other not in found]
        return found

    def _group(self, rows: Sequence[Row], served: Sequence[Served]) -> Group | None:
        """None where there is nothing to be put in order, or too much."""
        binding = self.belief.net.schema.binding
        # What a row alone shows says little where it may be hidden.
        seen = [row for row in rows if len(rows) > 1 or not binding[row.table]]
        asked = [*served, *(one for row in seen for one in self._sights(row))]
        starts: dict[Row, tuple[Sequence[Shows], Sequence[Shows]]] = {}
        for row in rows:
            start, meanwhile = self._row(row, served)
            starts[row] = start
            asked += meanwhile
            if len(asked) > SEARCHED:
                return None
        if sum(not one.arrives for one in asked) < 2:
            return None
        group = Group(self.belief, self.name, rows, asked, starts)
        return group if group.searchable else None

    def _sights(self, row: Row) -> Iterator[Served]:
        for look, rows in self.looks:
            if look.node == self.name and look.covers(row):
                yield Served(row, None, None, reads=True, sight=rows.get(row))

    def _row(
        self, name: Row, served: Sequence[Served]
    ) -> tuple[tuple[Sequence[Shows], Sequence[Shows]], list[Served]]:
        """What the node may have of a row to begin with, and what may come beside its answers.

        What got no answer, now or earlier, may have been served in any place, or not at all, and
        what other nodes wrote may have arrived in any. What got none earlier may have been served
        then, on whatever the node showed at that time.
        """
        row, policy = self.belief.row(name), self.belief.policy(name)
        own = {made[name] for one in served for made in (one.made, one.took) if name in made}
        lost = frozenset(v for v in row.pending if row.versions[v].node == self.name)
        known = row.known_by(self.name)
        others = row.candidates(self.name).difference(own, lost, known)
        first = row.order.best(known, known)
        if policy.leaves:
            first = policy.may_show(row, self.name).difference(own, lost)
        has = partial(self._stored, name, row)
        # It may have shown what it has lost since, or does not trust any more.
        gone = (row.grounds.get(v, NONE) for v in lost)
        earlier = row.possible(self.name).union(*gone).difference(own, lost) if lost else NONE
        nothing = [] if known else [None]
        start = [*map(has, first), *nothing], [*map(has, sorted(earlier)), *nothing]
        maybe = [
            Served(name, row.versions[v].value, None, {name: v}, self._needs(name, row, v))
            for v in sorted(lost)
        ]
        made = {v: self.siblings.get((name, v), {name: v}) for v in sorted(others)}
        return start, [
            *maybe,
            *(Served(name, has(v), None, all_of_it, arrives=True) for v, all_of_it in made.items()),
        ]

    def _needs(self, name: Row, row: RowBelief, version: int) -> tuple[Row, ...]:
        stored = row.versions[version].value
        cells = stored.cells if isinstance(stored, Value) else ()
        return tuple(self.belief.net.schema.bound_to(name, cells))

    def _stored(self, name: Row, row: RowBelief, version: int) -> Value | Tombstone:
        """What is stored in it; of a change whose base is not known, a row with what it changed."""
        stored = row.versions[version].value
        if not isinstance(stored, Assigned | Added):
            return stored
        return stored.over(anything(self.belief.net.schema.by_name[name.table]))


def _tells(one: Served) -> bool:
    """Whether the answer says something of its row alone."""
    return one.outcome is not None and (one.outcome.ok or one.outcome.code in TELLING)
