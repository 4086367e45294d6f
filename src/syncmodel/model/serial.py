"""Which orders explain the answers that one node gave at the same time, and what all of them say.

Each can be possible alone while all together are not: two creates of one row, two increments of
one counter. What may arrive from other nodes meanwhile may do so at any place; `judge` owns what
each single answer may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, permutations

from syncmodel.model.belief import Belief, Entries
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.evidence import Proof
from syncmodel.model.order import Versions
from syncmodel.model.outcome import Outcome
from syncmodel.model.reads import Look
from syncmodel.model.rows import RowBelief
from syncmodel.model.schema import Table
from syncmodel.model.values import (
    ANY,
    Added,
    Assigned,
    Pattern,
    Row,
    Stored,
    Tombstone,
    Value,
    Write,
    written,
)
from syncmodel.record import Record

Call = tuple[Write, Outcome]
#: A read that was answered, and the rows that it showed.
Seen = tuple[Look, Mapping[Row, Value]]
#: (place of one, place of another) where the one may have been served before the other.
Pairs = frozenset[tuple[int, int]]
#: What a node has of a row.
Shows = Value | Tombstone
#: Refusals that say something of the row itself.
TELLING = frozenset({"exists", "no_such_row"})
#: Of how many requests and arrivals at most the order is searched: what unanswered ones had made by
#: then is tried in every order.
SEARCHED = 6


def grouped(
    entered: Belief, calls: Sequence[Call], entries: Sequence[Entries], looks: Sequence[Seen] = ()
) -> list[Group]:
    """The simultaneous `calls` and `looks` whose order can be searched, by row and node.

    `entered` is the belief in which they are in *may*, as these `entries`.
    """
    return [*_groups(entered, calls, entries, looks)]


def out_of_order(groups: Sequence[Group]) -> Divergence | None:
    """The divergence of what no order explains, if there is one."""
    for group in groups:
        if group.before() is None:
            accepted = any(outcome.ok for _, outcome in group.answered)
            kind = Kind.WRONGLY_ACCEPTED if accepted else Kind.WRONGLY_REFUSED
            told = [
                f"{_asked(one.change)}: {group.words(one.change, answer)}"
                for one, answer in group.answered
            ]
            told += [f"read: {one.sight or 'nothing'}" for one in group.served if one.reads]
            shown = "; ".join(told)
            expected = "answers that some order explains"
            return Divergence(kind, group.node, group.name, expected, shown)
    return None


def in_order(entered: Belief, groups: Sequence[Group]) -> Iterator[Proof]:
    """What one node accepted after something else in every order that explains its answers."""
    for group in groups:
        before = group.before() if group.policy.causal else None
        if before is None:
            continue
        for (one, first), (other, then) in permutations(enumerate(group.served), 2):
            if then.outcome is None or (other, one) in before:
                continue
            for register in sorted(first.made.keys() & then.made.keys()):
                if entered.policy(register).causal:
                    row, shown = entered.row(register), frozenset({first.made[register]})
                    yield Proof(group.node, register, row, shown, number=then.made[register])


def outdone(groups: Sequence[Group]) -> Iterator[tuple[Row, int, Versions]]:
    """What something was written after on its node in every order, though not always the same: the
    row, the version that loses, and those of which one beats it."""
    for group in groups:
        if not group.policy.causal or len(group.accepted) < 2:
            continue
        made = [one.made.get(group.name) for one in group.served]
        for place, loser in enumerate(made):
            winners = group.accepted - {loser}
            if loser is not None and len(winners) > 1 and not group.may_be_last(place):
                yield group.name, loser, winners


def _asked(change: Stored | None) -> str:
    match change:
        case Assigned(column=column, value=value):
            return f"set {column} to {written(value)}"
        case Added(column=column, by=by):
            return f"add {by} to {column}"
        case Value():
            return f"create with {change}"
        case _:
            return "delete"


def _groups(
    entered: Belief, calls: Sequence[Call], entries: Sequence[Entries], looks: Sequence[Seen]
) -> Iterator[Group]:
    """The requests about one row to one node, with whatever else can have changed it meanwhile.

    What got no answer, now or earlier, may have been served in any place, or not at all, and what
    other nodes wrote may have arrived in any. What got none earlier may have been served then, on
    whatever the node showed at that time.
    """
    if entered.net.quorum:
        return
    groups: dict[tuple[str, Row], list[Served]] = {}
    written: dict[tuple[Row, int], Mapping[Row, int]] = {}
    for (write, outcome), mine in zip(calls, entries, strict=True):
        made = {entry.register: entry.number for entry in mine if entry.asked}
        written.update(dict.fromkeys(made.items(), made))
        if outcome.ok or outcome.code in TELLING:
            one = Served(write.change, outcome, made)
            groups.setdefault((write.node, write.row), []).append(one)
    for (node, name), served in groups.items():
        seen = (rows.get(name) for look, rows in looks if look.node == node and look.covers(name))
        # A row that refers to another may be hidden.
        if not entered.net.schema.binding[name.table]:
            served += [Served(None, None, reads=True, sight=sight) for sight in seen]
        row, policy = entered.row(name), entered.policy(name)
        own = frozenset(one.made[name] for one in served if name in one.made)
        lost = frozenset(v for v in row.pending if row.versions[v].node == node)
        others = row.candidates(node).difference(own, lost, row.known_by(node))
        if len(served) < 2 or len(served) + len(lost) + len(others) > SEARCHED:
            continue
        has = partial(_stored, entered, name, row)
        first = row.order.best(*[row.known_by(node)] * 2)
        if policy.leaves:
            first = policy.may_show(row, node).difference(own, lost)
        starts = [*map(has, first), *([] if row.known_by(node) else [None])]
        earlier = row.possible(node).difference(own, lost) if lost else frozenset[int]()
        maybe = [Served(row.versions[v].value, None, {name: v}) for v in sorted(lost)]
        whole = {v: written.get((name, v), {name: v}) for v in sorted(others)}
        come = [Served(has(v), None, made, arrives=True) for v, made in whole.items()]
        bases = [*map(has, sorted(earlier))]
        yield Group(entered, (node, name), [*served, *maybe, *come], starts, bases)


def _stored(belief: Belief, name: Row, row: RowBelief, version: int) -> Shows:
    """What is stored in it; of a change whose base is not known, a row with what it changed."""
    stored = row.versions[version].value
    if not isinstance(stored, Assigned | Added):
        return stored
    return stored.over(_anything(belief.net.schema.by_name[name.table]))


def _anything(table: Table) -> Value:
    """A row of which nothing is known but that it is there."""
    return Pattern(tuple((column.name, ANY) for column in table.columns))


class Served(Record):
    """A request of a group: what it changes, its answer if it got one, and the versions it made.

    Or what it `reads`, the `sight` of the row; or no request, but what `arrives` of another node.
    """

    change: Stored | None
    outcome: Outcome | None
    made: Mapping[Row, int] = {}
    arrives: bool = False
    reads: bool = False
    sight: Value | None = None

    @property
    def must_be(self) -> bool:
        """Whether it surely was served."""
        return self.reads or self.outcome is not None


class Group:
    """One row on one node: how requests change it, one after another."""

    def __init__(
        self,
        belief: Belief,
        place: tuple[str, Row],
        served: Sequence[Served],
        starts: Sequence[Shows | None],
        bases: Sequence[Shows],
    ) -> None:
        """`place`: which row, on which node. `starts`: what it may show first, None where the node
        knows nothing of it; or what requests without an answer had made of one of the `bases` by
        then."""
        (self.node, self.name), self.served = place, served
        self.policy = belief.policy(self.name)
        self._table = belief.net.schema.by_name[self.name.table]
        self._upserts = belief.guarantees.upserts
        #: Where columns merge by themselves, only whether the row is there is followed.
        self._by_field = belief.guarantees.by_field
        self._found: dict[tuple[Shows | None, frozenset[int], int | None], Pairs | None] = {}
        made = (self._served_on(base) for base in bases)
        self._starts = list(dict.fromkeys([*starts, *chain(*made)]))

    def _served_on(self, base: Shows) -> Iterator[Shows | None]:
        """What some requests that got no answer make of it, in any order."""
        lost = [one for one in self.served if one.outcome is None and not one.reads | one.arrives]
        for count in range(1, len(lost) + 1):
            for order in permutations(lost, count):
                states: list[Shows | None] = [base]
                for one in order:
                    states = [s for state in states for s in self._states(one, state) or (state,)]
                yield from states

    @property
    def accepted(self) -> Versions:
        """What was made of the row by the requests that were accepted."""
        ok = (one for one in self.served if one.outcome is not None)
        return frozenset(one.made[self.name] for one in ok if self.name in one.made)

    @property
    def answered(self) -> list[tuple[Served, Outcome]]:
        """The requests that were answered."""
        return [(one, one.outcome) for one in self.served if one.outcome is not None]

    def words(self, change: Stored | None, outcome: Outcome) -> str:
        """An answer: the columns that it carries, if it carries any; that of a delete need not."""
        if outcome.code:
            return f"refused ({outcome.code})"
        if outcome.row is None or isinstance(change, Tombstone):
            return "accepted"
        return f"accepted as {self._table.read(outcome.row)}"

    def before(self) -> Pairs | None:
        """The pairs of places of which the first may have been served before the second; None: in
        no order the node may give these answers."""
        waiting = frozenset(range(len(self.served)))
        found = [self._before(start, waiting) for start in self._starts]
        pairs = [one for one in found if one is not None]
        return Pairs().union(*pairs) if pairs else None

    def may_be_last(self, place: int) -> bool:
        """Whether nothing need have been accepted after it; an arrival need not have come."""
        waiting = frozenset(range(len(self.served)))
        return any(self._before(start, waiting, place) is not None for start in self._starts)

    def _before(
        self, state: Shows | None, waiting: frozenset[int], last: int | None = None
    ) -> Pairs | None:
        """The same of those that wait, once the row is in this state; where one is the `last`, no
        write is accepted after it."""
        if last not in waiting and last is not None and any(map(self._is_accepted, waiting)):
            return None
        if (state, waiting, last) in self._found:
            return self._found[state, waiting, last]
        must = any(self.served[place].must_be for place in waiting)
        found = None if must else Pairs()
        for place in sorted(waiting):
            others = waiting - {place}
            for then in self._states(self.served[place], state):
                rest = self._before(then, others, last)
                if rest is not None:
                    found = rest.union(found or (), ((place, other) for other in others))
        self._found[state, waiting, last] = found
        return found

    def _is_accepted(self, place: int) -> bool:
        one = self.served[place]
        return one.outcome is not None and self.name in one.made

    def _states(self, one: Served, state: Shows | None) -> tuple[Shows | None, ...]:
        """What the row may show once this was served; none where that can't be."""
        there = state if isinstance(state, Value) else None
        if not one.arrives and not self._fits(one, there):
            return ()
        refused = one.outcome is not None and not one.outcome.ok
        if refused or one.change is None:
            return (state,)
        made = self._made(one.change, there)
        if state is None or self.policy.causal:
            return (made,)
        # It need not win.
        return (made, _anything(self._table)) if self.policy.leaves else (made, state)

    def _fits(self, one: Served, there: Value | None) -> bool:
        """Whether it can be served, and answered as it was, where this row is there or none is."""
        if one.change is None:
            return self._shows(one.sight, there)
        creates, outcome = isinstance(one.change, Value), one.outcome
        allowed = (there is None) is creates or (creates and self._upserts)
        if outcome is not None and not outcome.ok:
            return not allowed
        made = self._made(one.change, there) if allowed else None
        if self._by_field or not isinstance(made, Value) or outcome is None or outcome.row is None:
            return allowed
        return made.fits(self._table.read(outcome.row))

    def _shows(self, sight: Value | None, there: Value | None) -> bool:
        if sight is None or there is None:
            return sight is there
        return self._by_field or there.fits(sight)

    def _made(self, change: Stored, there: Value | None) -> Shows:
        """What the write makes of a row that is there, or of none."""
        if not isinstance(change, Assigned | Added):
            return change
        assert there is not None
        return there if self._by_field else change.over(there)
