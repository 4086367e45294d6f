"""Which orders explain the answers that one node gave at the same time, and what all of them say.

Each can be possible alone while all together are not: two creates of one row, two increments of
one counter. What may arrive from other nodes meanwhile may do so at any place; `judge` owns what
each single answer may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, permutations

from syncmodel.model.belief import Belief, Entries
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.evidence import Proof
from syncmodel.model.outcome import Outcome
from syncmodel.model.reads import Look
from syncmodel.model.values import (
    Added,
    Assigned,
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
    """What one node accepted after another in every order that explains its answers."""
    for group in groups:
        made = {
            place: one.number
            for place, one in enumerate(group.served)
            if one.outcome is not None and one.number is not None
        }
        before = group.before() if len(made) > 1 else None
        row = entered.row(group.name)
        for one, other in permutations(made, 2):
            if before is not None and (other, one) not in before:
                shown = frozenset({made[one]})
                yield Proof(group.node, group.name, row, shown, number=made[other])


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
    for (write, outcome), mine in zip(calls, entries, strict=True):
        number = next((e.number for e in mine if e.register == write.row and e.asked), None)
        if outcome.ok or outcome.code in TELLING:
            one = Served(write.change, outcome, number)
            groups.setdefault((write.node, write.row), []).append(one)
    for (node, name), served in groups.items():
        seen = (rows.get(name) for look, rows in looks if look.node == node and look.covers(name))
        # A row that refers to another may be hidden.
        if not entered.net.schema.binding[name.table]:
            served += [Served(None, None, None, reads=True, sight=sight) for sight in seen]
        row = entered.row(name)
        own = frozenset(one.number for one in served if one.number is not None)
        lost = frozenset(v for v in row.pending if row.versions[v].node == node)
        others = row.candidates(node).difference(own, lost, row.known_by(node))
        if len(served) < 2 or not entered.policy(name).causal:
            continue
        starts = [row.versions[v].value for v in row.order.best(*[row.known_by(node)] * 2)]
        come = [row.versions[v].value for v in sorted(others)]
        earlier = row.possible(node).difference(own, lost) if lost else frozenset[int]()
        bases = [row.versions[v].value for v in sorted(earlier)]
        if len(served) + len(lost) + len(come) <= SEARCHED and not any(
            map(_is_change, [*starts, *come, *bases])
        ):
            maybe = [Served(row.versions[v].value, None, v) for v in sorted(lost)]
            arriving = [Served(stored, None, None, arrives=True) for stored in come]
            yield Group(entered, (node, name), [*served, *maybe, *arriving], starts, bases)


def _state(stored: Stored) -> Value | None:
    """What a reader sees of it."""
    return stored if isinstance(stored, Value) else None


def _is_change(stored: Stored) -> bool:
    return isinstance(stored, Assigned | Added)


class Served(Record):
    """A request of a group: what it changes, its answer if it got one, and the version it made.

    Or what it `reads`, the `sight` of the row; or no request, but what `arrives` of another node.
    """

    change: Stored | None
    outcome: Outcome | None
    number: int | None
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
        starts: Sequence[Stored],
        bases: Sequence[Stored],
    ) -> None:
        """`place`: which row, on which node. `starts`: what it may show first; or what requests
        without an answer had made of one of the `bases` by then."""
        (self.node, self.name), self.served = place, served
        self._table = belief.net.schema.by_name[self.name.table]
        self._upserts = belief.guarantees.upserts
        #: Where columns merge by themselves, only whether the row is there is followed.
        self._by_field = belief.guarantees.by_field
        self._found: dict[
            tuple[Value | None, frozenset[int]], frozenset[tuple[int, int]] | None
        ] = {}
        made = (self._served_on(base) for base in map(_state, bases or ()))
        self._starts = list(dict.fromkeys([*map(_state, starts or [Tombstone()]), *chain(*made)]))

    def _served_on(self, base: Value | None) -> Iterator[Value | None]:
        """What some requests that got no answer make of it, in any order."""
        lost = [one for one in self.served if one.outcome is None and not one.reads | one.arrives]
        for count in range(1, len(lost) + 1):
            for order in permutations(lost, count):
                state = base
                for one in order:
                    state = self._after(one, state) if self._fits(one, state) else state
                yield state

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

    def _before(self, state: Value | None, waiting: frozenset[int]) -> Pairs | None:
        """The same of those that wait, once the row is in this state."""
        if (state, waiting) in self._found:
            return self._found[state, waiting]
        must = any(self.served[place].must_be for place in waiting)
        found = None if must else Pairs()
        for place in sorted(waiting):
            one, others = self.served[place], waiting - {place}
            rest = self._before(self._after(one, state), others) if self._fits(one, state) else None
            if rest is not None:
                found = rest.union(found or (), ((place, other) for other in others))
        self._found[state, waiting] = found
        return found

    def _after(self, one: Served, state: Value | None) -> Value | None:
        refused = one.outcome is not None and not one.outcome.ok
        return state if refused or one.change is None else self._made(one.change, state)

    def _fits(self, one: Served, state: Value | None) -> bool:
        if one.arrives:
            return True
        if one.change is None:
            return self._shows(one.sight, state)
        creates, outcome = isinstance(one.change, Value), one.outcome
        allowed = (state is None) is creates or (creates and self._upserts)
        if outcome is not None and not outcome.ok:
            return not allowed
        made = self._made(one.change, state) if allowed else None
        if self._by_field or made is None or outcome is None or outcome.row is None:
            return allowed
        return made.fits(self._table.read(outcome.row))

    def _shows(self, sight: Value | None, state: Value | None) -> bool:
        if sight is None or state is None:
            return sight is state
        return self._by_field or state.fits(sight)

    def _made(self, change: Stored, state: Value | None) -> Value | None:
        """What the write makes of a state that allows it."""
        match change:
            case Tombstone():
                return None
            case Value() as value:
                return value
            case Assigned() | Added():
                assert state is not None
                return state if self._by_field else change.over(state)
