"""What a read at any moment may show, and what it proves.

Nothing needs to be at rest: each row must be a version that may show on that node right now. What
was shown is known from then on: the node's later writes rest on it, and its later reads show no
less. `Guarantees.reads` says how much of that is promised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from attrs import evolve
from msgspec.structs import replace

from syncmodel.model.asked import ABSENT, Moment
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.evidence import Proof
from syncmodel.model.guarantees import ANY_READ, FRESH, SESSION
from syncmodel.model.naming import name_of_read
from syncmodel.model.order import NONE
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.registers import shown as by_register
from syncmodel.model.rows import RowBelief
from syncmodel.model.together import apart
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.record import Record

#: What a session promises, in place of the names that say the same of nodes at rest.
OLDER = frozenset(
    {Kind.MISSING, Kind.RESURRECTED, Kind.STALE, Kind.FLIPPED, Kind.WRITES_FOLLOW_READS}
)


class Look(Record):
    """A read of one row on one node, or of a whole table where `name` is None."""

    node: str
    table: str
    name: str | None = None

    def covers(self, row: Row) -> bool:
        """Whether it shows this row, if that is there."""
        return row.table == self.table and self.name in (None, row.name)


class Sight(Record):
    """What a reader saw of one register on a node: the one version that it can be, if one alone.

    `proof` is what follows for what the node knows, where reads are fresh.
    """

    node: str
    register: Row
    value: Value | None
    version: int | None
    proof: Proof | None = None


def looked(belief: Belief, look: Look, outcome: Outcome, moment: Moment) -> list[Sight]:
    """What a read says of each register. Raises `DivergenceFound` if it can't be."""
    if outcome.answer is Answer.UNKNOWN:
        return []
    row = None if look.name is None else Row(look.table, look.name)
    if outcome.answer is Answer.REFUSED:
        if not _may_refuse(look, outcome.code, moment):
            code = f"refused: {outcome.code}"
            _raise(Kind.WRONGLY_REFUSED, look.node, row, "an answer to a read", code)
        return []
    if not moment.during.carries(look.node):
        _raise(Kind.WRONGLY_ACCEPTED, look.node, row, "no answer to a read", "rows")
    view = outcome.view
    assert view is not None
    _check_form(belief, look, view, moment)
    shown = by_register(belief.net.schema, belief.guarantees, view)
    found: list[Sight] = []
    for register in sorted({*filter(look.covers, belief.rows), *shown}):
        if not register.column or register in shown:
            found += _Seen(belief, look.node, register, shown.get(register)).sights()
    if belief.guarantees.by_field and belief.guarantees.reads == FRESH:
        wrong = tuple(apart(belief, look.node, {row.whole for row in shown}, shown))
        if wrong:
            raise DivergenceFound(wrong)
    return found


def _raise(kind: Kind, node: str, row: Row | None, expected: str, shown: str) -> None:
    raise DivergenceFound((Divergence(kind, node, row, expected, shown),))


def _may_refuse(look: Look, code: str | None, moment: Moment) -> bool:
    if code == "no_plugin":
        return moment.may_lack_plugin(look.node)
    if code == "no_quorum":
        return moment.may_lack_quorum(look.node)
    return code in ABSENT and moment.may_be_down(look.node)


def _check_form(belief: Belief, look: Look, view: View, moment: Moment) -> None:
    """What is wrong with an answer whatever was written. Raises `DivergenceFound`."""
    table = belief.net.schema.by_name[look.table]
    versions = {net.plugin(look.node) for net in moment.nets}
    shapes = {table.shown(version) for version in versions if version is not None}
    times = Counter(row for row, _ in view.rows)
    for row, value in view.rows:
        if not look.covers(row):
            _raise(Kind.CONTROL_PLANE, look.node, row, "only what was asked for", str(value))
        if times[row] > 1:
            _raise(Kind.DUPLICATED, look.node, row, "the row once at most", str(value))
        if value.columns not in shapes:
            columns = " or ".join(sorted(", ".join(shape) for shape in shapes))
            _raise(Kind.CONTROL_PLANE, look.node, row, f"the columns {columns}", str(value))


class _Seen(Record):
    """One register on one node as a reader saw it; None is nothing."""

    belief: Belief
    node: str
    register: Row
    value: Value | None

    def sights(self) -> Iterator[Sight]:
        """What follows. Raises `DivergenceFound` if this can't show there."""
        fresh = self.belief.guarantees.reads == FRESH
        needed = () if self.register.column else self._needed()
        if self.value is not None:
            self._check(self.register)
            for row in needed if fresh else ():
                if not self.belief.may_have(self.node, row):
                    expected = f"hidden, as {row} is"
                    _raise(Kind.ORPHAN, self.node, self.register, expected, str(self.value))
                yield self._showed(row)
            yield self._sight(self.register, proves=fresh)
            return
        lacking = [row for row in needed if self._may_lack(row)]
        if not lacking:
            self._check(self.register)
            yield self._sight(self.register, proves=fresh)
        elif fresh and len(lacking) == 1 and not self._may_lack(self.register):
            yield self._sight(lacking[0], proves=True)

    def _needed(self) -> Sequence[Row]:
        """The rows without which it does not show."""
        return sorted(self.belief.needed_by(self.belief.bound_to(self.register)))

    def _row(self, register: Row) -> RowBelief:
        """What is believed of a register, as far as a reader is promised to see it."""
        row, reads = self.belief.row(register), self.belief.guarantees.reads
        if reads == FRESH:
            return row
        known = row.known_by(self.node)
        if self.node in row.beaten:
            # What beats a version that the node knows need not be read.
            row = replace(row, beaten=row.beaten.delete(self.node))
        if reads == SESSION:
            return replace(row, must=row.must.set(self.node, row.told_by(self.node) & known))
        anything = frozenset(range(len(row.versions)))
        return replace(
            row, must=row.must.set(self.node, NONE), may=row.may.set(self.node, anything)
        )

    def _may_lack(self, register: Row) -> bool:
        return self.belief.policy(register).may_lack(self._row(register), self.node)

    def _check(self, register: Row) -> None:
        row, net = self._row(register), self.belief.net
        columns = net.schema.shown(register.table, net.plugin(self.node))
        policy = self.belief.policy(register)
        found = policy.impossible(register, row, self.node, self.value, columns)
        if found is not None:
            if found.kind in OLDER:
                kind = name_of_read(row, self.node, self.value)
                judge = partial(
                    policy.impossible, register, node=self.node, sight=self.value, columns=columns
                )
                found = self.belief.logs.named(evolve(found, kind=kind), row, judge)
            raise DivergenceFound((found,))

    def _showed(self, row: Row) -> Sight:
        """A row that this one needs shows as well, as whatever it may be."""
        there = self.belief.row(row)
        shown = frozenset(there.present(self.belief.may_show(self.node, row)))
        return Sight(self.node, row, None, None, Proof(self.node, row, there, shown))

    def _sight(self, register: Row, *, proves: bool) -> Sight:
        row, policy = self._row(register), self.belief.policy(register)
        if policy.sums:
            return Sight(self.node, register, self.value, None)
        may = policy.may_show(row, self.node)
        shown = row.fitting(may, self.value) if self.value else frozenset(row.tombstones(may))
        nothing = self.value is None and not row.known_by(self.node)
        proof = None
        if proves:
            proof = Proof(self.node, register, row, shown, nothing=nothing, value=self.value)
        version = next(iter(shown)) if len(shown) == 1 and not nothing else None
        return Sight(self.node, register, self.value, version, proof)


def remembered(belief: Belief, sights: Iterable[Sight]) -> Belief:
    """The belief once readers saw this: it exists, and their next reads show no less."""
    reads = belief.guarantees.reads
    for sight in sights:
        if sight.version is None:
            continue
        row = belief.row(sight.register).proved(sight.version, sight.value)
        if reads != ANY_READ:
            row = row.surely(frozenset({sight.version}), sight.node)
            row = row.telling(sight.node, sight.version)
        belief = belief.with_row(sight.register, row)
    return belief
