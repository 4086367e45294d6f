"""One node as it serves requests one after another: which orders explain its answers.

Arrivals from other nodes come in between, each at any place or never. The order is searched with a
memory of the states from which nothing explains the rest (Wing and Gong, Testing and verifying
concurrent objects, JPDC 17, 1993; Lowe, Testing for linearizability, 2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations, product

from syncmodel.model.belief import Belief
from syncmodel.model.columns import OnDelete
from syncmodel.model.divergence import Divergence
from syncmodel.model.naming import wrong_sight
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import Outcome
from syncmodel.model.schema import Table
from syncmodel.model.values import (
    ANY,
    TOMBSTONE,
    Added,
    Assigned,
    Pattern,
    Row,
    Stored,
    Tombstone,
    Value,
)
from syncmodel.record import Record

#: (place of one, place of another) where the one may have been served before the other.
Pairs = frozenset[tuple[int, int]]
#: What a node has of a row; None if it knows nothing of it.
Shows = Value | Tombstone | None
#: The same of each row of a group.
State = tuple[Shows, ...]
#: Refusals that say something of other rows.
OF_OTHERS = frozenset({"missing_reference", "referenced"})
#: From how many states at most a search begins.
MOST_STARTS = 32


class Served(Record):
    """A request of a group: what it changes, its answer if it got one, and the versions it made.

    Or what it `reads`, the `sight` of the row; or no request, but what `arrives` of another node.
    `needs`: rows that must show for it to be accepted; `took`: tombstones of what a delete may have
    taken along.
    """

    row: Row
    change: Stored | None
    outcome: Outcome | None
    made: Mapping[Row, int] = {}
    needs: tuple[Row, ...] = ()
    took: Mapping[Row, int] = {}
    arrives: bool = False
    reads: bool = False
    sight: Value | None = None

    @property
    def must_be(self) -> bool:
        """Whether it surely was served."""
        return self.reads or self.outcome is not None

    @property
    def accepted(self) -> bool:
        """Whether it was answered, and made something of its row."""
        return self.outcome is not None and self.row in self.made


def anything(table: Table) -> Value:
    """A row of which nothing is known but that it is there."""
    return Pattern(tuple((column.name, ANY) for column in table.columns))


class Group:
    """Some rows on one node: how requests change them, one after another.

    `whole`: all rows that one of them refers to, or takes along, are among them; else there is one,
    and nothing is said of others.
    """

    def __init__(
        self,
        belief: Belief,
        node: str,
        rows: Sequence[Row],
        served: Sequence[Served],
        starts: Mapping[Row, tuple[Sequence[Shows], Sequence[Shows]]],
    ) -> None:
        """`starts`: for each row what the node may have first, and what requests without an answer
        may have been served on by then."""
        self.node, self.rows, self.served = node, tuple(rows), served
        self.whole = len(rows) > 1
        self.belief, self._schema = belief, belief.net.schema
        self._places = {row: place for place, row in enumerate(self.rows)}
        self._upserts = belief.guarantees.upserts
        #: Where columns merge by themselves, only whether the row is there is followed.
        self._by_field = belief.guarantees.by_field
        leaves = [row for row in rows if belief.policy(row).leaves]
        self._single = frozenset(row for row in leaves if self._has_one_leaf(row))
        self._found: dict[tuple[State, frozenset[int], int | None], Pairs | None] = {}
        self._next: dict[tuple[int, State], list[State]] = {}
        each = (
            dict.fromkeys([*first, *(state for base in bases for state in self._on(row, base))])
            for row, (first, bases) in starts.items()
        )
        self._starts = list(product(*each))

    @property
    def causal(self) -> bool:
        """Whether what is written beats all that its node had."""
        return all(self.belief.policy(row).causal for row in self.rows)

    def table(self, row: Row) -> Table:
        """The row's table."""
        return self._schema.by_name[row.table]

    @property
    def searchable(self) -> bool:
        """Whether it begins in few states, and all that its rows refer to is known."""
        return len(self._starts) <= MOST_STARTS and not (self.whole and self._is_vague())

    def _is_vague(self) -> bool:
        stored = [(one.row, one.change) for one in self.served]
        stored += [(row, start[self._places[row]]) for start in self._starts for row in self.rows]
        return any(
            value.get(column) is ANY
            for row, value in stored
            if isinstance(value, Value)
            for column in self._schema.binding[row.table]
        )

    def _on(self, row: Row, base: Shows) -> Iterator[Shows]:
        """What some requests that got no answer make of it, in any order."""
        lost = [
            one
            for one in self.served
            if one.row == row and one.outcome is None and not one.reads | one.arrives
        ]
        for count in range(1, len(lost) + 1):
            for order in permutations(lost, count):
                states: list[Shows] = [base]
                for one in order:
                    states = [s for state in states for s in self._alone(one, state) or (state,)]
                yield from states

    def accepted(self, row: Row) -> Versions:
        """What was made of the row by the requests that were accepted."""
        return frozenset(one.made[row] for one in self.served if one.row == row and one.accepted)

    def before(self) -> Pairs | None:
        """The pairs of places of which the first may have been served before the second; None: in
        no order the node may give these answers."""
        found = [self._before(start, self._all) for start in self._starts]
        pairs = [one for one in found if one is not None]
        return Pairs().union(*pairs) if pairs else None

    def may_be_last(self, place: int) -> bool:
        """Whether nothing need have been accepted for its row after it; an arrival need not have
        come."""
        return any(self._before(start, self._all, place) is not None for start in self._starts)

    @property
    def lasts(self) -> bool:
        """Other requests may have changed these rows since."""
        return False

    def not_left(self, belief: Belief, shown: Mapping[Row, Value]) -> Divergence | None:
        """The rest shows what is there as a read of all these rows would, after all else."""
        if self._may_end_in(shown):
            return None
        asked = next(one.row for one in self.served if one.outcome is not None or one.reads)
        row, words = belief.row(asked), "what some order of its answers leaves"
        return wrong_sight(asked, row, self.node, shown.get(asked), words)

    def _may_end_in(self, shown: Mapping[Row, Value]) -> bool:
        """Whether some order leaves what the node then shows."""
        found: set[tuple[State, frozenset[int]]] = set()

        def ends(state: State, waiting: frozenset[int]) -> bool:
            if (state, waiting) in found:
                return False
            found.add((state, waiting))
            must = any(self.served[place].must_be for place in waiting)
            return (not must and self._would_show(state, shown)) or any(
                ends(then, waiting - {place})
                for place in sorted(waiting)
                for then in self._after(place, state)
            )

        return any(ends(start, self._all) for start in self._starts)

    def _would_show(self, state: State, shown: Mapping[Row, Value]) -> bool:
        """Whether the node may show this, where its rows are in that state."""
        for row, value in zip(self.rows, state, strict=True):
            sight, there = shown.get(row), value if isinstance(value, Value) else None
            hidden = self._schema.binding[row.table]
            if self.whole and there is not None and not self._shows(row, state):
                there = None
            elif hidden and not self.whole and sight is None:
                continue
            if not self._fits_sight(sight, there):
                return False
        return True

    @property
    def _all(self) -> frozenset[int]:
        return frozenset(range(len(self.served)))

    def _before(
        self, state: State, waiting: frozenset[int], last: int | None = None
    ) -> Pairs | None:
        """The same of those that wait, once the rows are in this state; where one is the `last`, no
        write of its row is accepted after it."""
        if last is not None and last not in waiting:
            row = self.served[last].row
            if any(self.served[one].accepted and self.served[one].row == row for one in waiting):
                return None
        if (state, waiting, last) in self._found:
            return self._found[state, waiting, last]
        must = any(self.served[place].must_be for place in waiting)
        found = None if must else Pairs()
        for place in sorted(waiting):
            others = waiting - {place}
            for then in self._after(place, state):
                rest = self._before(then, others, last)
                if rest is not None:
                    found = rest.union(found or (), ((place, other) for other in others))
        self._found[state, waiting, last] = found
        return found

    def _after(self, place: int, state: State) -> list[State]:
        """The states after this one was served; none where that can't be."""
        found = self._next.get((place, state))
        if found is None:
            found = self._next[place, state] = self._states(self.served[place], state)
        return found

    def _states(self, one: Served, state: State) -> list[State]:
        """What the rows may be once this was served; none where that can't be."""
        place = self._places[one.row]
        if self.whole and one.reads:
            return [state] if self._sees(one, state) else []
        if self.whole and not one.arrives and not self._allows(one, state):
            return []
        before, after = state[:place], state[place + 1 :]
        found = [(*before, now, *after) for now in self._alone(one, state[place])]
        deletes = isinstance(one.change, Tombstone) and not one.arrives
        if self.whole and deletes and (one.outcome is None or one.outcome.ok):
            found = [self._without(then, self._taken(one.row, state)) for then in found]
        return found

    # --- rows that refer to each other -----------------------------------------------------------

    def _allows(self, one: Served, state: State) -> bool:
        """Whether other rows let it be answered as it was, or be served at all."""
        code = None if one.outcome is None else one.outcome.code
        there = isinstance(state[self._places[one.row]], Value)
        lacks = not all(self._shows(row, state) for row in one.needs)
        held = isinstance(one.change, Tombstone) and self._is_held(one.row, state)
        if code == "missing_reference":
            return lacks and (not there or self._upserts)
        if code == "referenced":
            return there and held
        refused = one.outcome is not None and not one.outcome.ok
        return refused or not (lacks or held)

    def _sees(self, one: Served, state: State) -> bool:
        value = state[self._places[one.row]] if self._shows(one.row, state) else None
        return self._fits_sight(one.sight, value if isinstance(value, Value) else None)

    def _shows(self, row: Row, state: State) -> bool:
        value = state[self._places[row]]
        if not isinstance(value, Value):
            return False
        return all(self._shows(one, state) for one in self._schema.bound_to(row, value.cells))

    def _referring(self, row: Row, state: State, how: OnDelete) -> list[Row]:
        """The rows that the node has, and that refer to this one in this way."""
        columns = {
            (table.name, ref.name)
            for table, ref in self._schema.referring[row.table]
            if ref.on_delete is how
        }
        return [
            other
            for other, value in zip(self.rows, state, strict=True)
            if isinstance(value, Value)
            and any(t == other.table and value.get(c) == row.name for t, c in columns)
        ]

    def _is_held(self, row: Row, state: State) -> bool:
        taken = self._taken(row, state)
        return any(self._referring(one, state, OnDelete.RESTRICT) for one in (row, *taken))

    def _taken(self, row: Row, state: State) -> list[Row]:
        """What a delete of the row takes along."""
        found = [row]
        for one in found:
            found += [o for o in self._referring(one, state, OnDelete.CASCADE) if o not in found]
        return found[1:]

    def _without(self, state: State, rows: Sequence[Row]) -> State:
        gone = {self._places[row] for row in rows}
        return tuple(TOMBSTONE if place in gone else one for place, one in enumerate(state))

    # --- one row ---------------------------------------------------------------------------------

    def _alone(self, one: Served, state: Shows) -> tuple[Shows, ...]:
        """What its row may be once this was served, whatever others are; none if that can't be."""
        there = state if isinstance(state, Value) else None
        if not one.arrives and not self._fits(one, there):
            return ()
        refused = one.outcome is not None and not one.outcome.ok
        if refused or one.change is None:
            return (state,)
        made, policy = self._made(one.change, there), self.belief.policy(one.row)
        if isinstance(made, Value) and one.outcome is not None and one.outcome.row is not None:
            # The answer has what is stored, but for what it does not show.
            made = made if self._by_field else self._answered(one).widened(made)
        if state is None or policy.causal or one.row in self._single:
            return (made,)
        # It need not win.
        return (made, anything(self.table(one.row))) if policy.leaves else (made, state)

    def _has_one_leaf(self, row: Row) -> bool:
        """Whether the node never has two leaves of the row to choose from, whatever comes: nobody
        creates it there meanwhile, and at most one version by others is no tombstone and may not
        have been replaced."""
        mine = [one for one in self.served if one.row == row and not one.arrives]
        if any(isinstance(one.change, Value) for one in mine):
            return False
        belief = self.belief.row(row)
        others = belief.possible(self.node).difference(one.made.get(row) for one in mine)
        known, replaced = belief.known_by(self.node), belief.order.causal
        return sum(known.isdisjoint(replaced.get(v, NONE)) for v in belief.present(others)) <= 1

    def _fits(self, one: Served, there: Value | None) -> bool:
        """Whether it can be served, and answered as it was, where this row is there or none is."""
        if one.change is None:
            return self._fits_sight(one.sight, there)
        creates, outcome = isinstance(one.change, Value), one.outcome
        allowed = (there is None) is creates or (creates and self._upserts)
        if outcome is not None and not outcome.ok:
            return not allowed or outcome.code in OF_OTHERS
        made = self._made(one.change, there) if allowed else None
        if self._by_field or not isinstance(made, Value) or outcome is None or outcome.row is None:
            return allowed
        return made.fits(self._answered(one))

    def _answered(self, one: Served) -> Value:
        """The row as its answer has it, which has one."""
        assert one.outcome is not None
        return self.table(one.row).read(one.outcome.row)

    def _fits_sight(self, sight: Value | None, there: Value | None) -> bool:
        if sight is None or there is None:
            return sight is there
        return self._by_field or there.fits(sight)

    def _made(self, change: Stored, there: Value | None) -> Shows:
        """What the write makes of a row that is there, or of none."""
        if not isinstance(change, Assigned | Added):
            return change
        assert there is not None
        return there if self._by_field else change.over(there)
