"""Whether a node may have answered as it did, and what its answer proves.

A request may be accepted if some state that the node may show allows it, refused if some state
forbids it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve
from msgspec.structs import replace

from syncmodel.model.belief import Belief, Entries
from syncmodel.model.cascades import may_take, must_take, with_cascades
from syncmodel.model.columns import OnDelete
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.naming import describe, wrong_sight
from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.registers import split, stores
from syncmodel.model.rows import RowBelief
from syncmodel.model.serial import out_of_order
from syncmodel.model.values import (
    ANY,
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

#: Refusals that say nothing of the rows: the application was not there to ask.
ABSENT = frozenset({"unreachable", "not_ready"})


class Moment(Record):
    """The circumstances of some simultaneous requests.

    `nets` are the nets before and after; `during` is what was up at any moment between;
    `unstable` are nodes that may have been down, `droppers` those that may have lost their log.
    """

    nets: tuple[Net, ...]
    during: Net
    unstable: frozenset[str] = frozenset()
    droppers: frozenset[str] = frozenset()

    def may_be_down(self, node: str) -> bool:
        """Whether the node's application may not have been there to answer."""
        return node in self.unstable or any(node in net.down for net in self.nets)

    def may_lack_plugin(self, node: str) -> bool:
        """Whether the plugin API may have answered 404 as a whole."""
        return any(net.plugin(node) is None for net in self.nets)

    def may_lack_quorum(self, node: str) -> bool:
        """Whether the node may not have reached most of the nodes."""
        return self.during.quorum and (
            bool(self.unstable) or any(node not in net.voters for net in self.nets)
        )


class Proof(Record):
    """What an answer proved: version `number` of a register rests on `base`, with that value."""

    register: Row
    number: int
    base: int
    value: Value


def fold(
    belief: Belief,
    calls: Sequence[tuple[Write, Outcome]],
    after: Net,
    touched: frozenset[str] = frozenset(),
) -> Belief:
    """The belief once `calls` were made at the same time, while the net became `after`.

    `touched` are the nodes whose application was restarted on the way. First every write enters
    *may* over every link that was up at any moment; then the answers are judged, each by itself
    and those of one node together; *must* grows last. Raises `DivergenceFound` if one can't be.
    """
    before = belief.net
    during, droppers = before.either(after), before.drops(after)
    moment = Moment((before, after), during, unstable=touched, droppers=droppers)
    for write, outcome in calls:
        _check_shape(belief, write, outcome)
    entered, entries = belief.entered(calls, after)
    if before.schema.cascading:
        entered, entries = with_cascades(belief, entered, calls, entries, after)
    proofs = [
        _judge(entered, write, mine, outcome, moment)
        for (write, outcome), mine in zip(calls, entries, strict=True)
    ]
    if len(calls) > 1 and droppers.isdisjoint(write.node for write, _ in calls):
        unordered = out_of_order(entered, calls, entries)
        if unordered is not None:
            raise DivergenceFound((unordered,))
    folded = entered
    for (write, outcome), mine, proved in zip(calls, entries, proofs, strict=True):
        if not outcome.ok:
            continue
        for one in proved:
            folded = folded.based(one.register, write.node, one.number, one.base, one.value)
        for entry in mine:
            if entry.sure:
                folded = folded.surely(entry.register, write.node, entry.number)
    return folded.rewired(after, touched)


def _check_shape(belief: Belief, write: Write, outcome: Outcome) -> None:
    """An accepted write answers with the row as stored, which has the shape of its table."""
    if not outcome.ok or isinstance(write.change, Tombstone):
        return
    if outcome.row is None and not belief.guarantees.answers_rows:
        return
    try:
        belief.net.schema.by_name[write.row.table].read(outcome.row)
    except ValueError as error:
        _raise(Kind.INVENTED, write, "the row as it was stored", str(error))


def _judge(
    belief: Belief, write: Write, entries: Entries, outcome: Outcome, moment: Moment
) -> tuple[Proof, ...]:
    """What the answer proves. Raises `DivergenceFound` if it can't be."""
    if outcome.answer is Answer.UNKNOWN:
        return ()
    asked = _Asked.of(belief, write, entries, moment)
    if outcome.answer is Answer.REFUSED:
        if not asked.may_refuse(outcome.code):
            _raise(Kind.WRONGLY_REFUSED, write, asked.expected, f"refused: {outcome.code}")
        return ()
    if not asked.may_accept():
        _raise(Kind.WRONGLY_ACCEPTED, write, asked.expected, "accepted")
    if isinstance(write.change, Tombstone):
        return asked.proved_by_delete()
    if outcome.row is None:
        return ()
    return asked.proved_by(outcome.row)


def _raise(kind: Kind, write: Write, expected: str, shown: str, row: Row | None = None) -> None:
    raise DivergenceFound((Divergence(kind, write.node, row or write.row, expected, shown),))


class _Asked(Record):
    """What one node may have shown when it answered one write.

    `row` is what is believed of the row (with `by_field`: of its being there), `versions` what the
    node may have shown, `absent` whether that may have been nothing.
    """

    belief: Belief
    write: Write
    entries: Entries
    moment: Moment
    row: RowBelief
    versions: Versions
    absent: bool

    @classmethod
    def of(cls, belief: Belief, write: Write, entries: Entries, moment: Moment) -> _Asked:
        if write.node in moment.droppers:
            belief = _without_must(belief, write.node)
        if belief.net.quorum:
            belief = _of_all(belief, write.node)
        policy, row = belief.policy(write.row), belief.row(write.row)
        own = next((e.number for e in entries if e.register == write.row and e.asked), None)
        versions = policy.may_show(row, write.node) - {own}
        absent = policy.may_lack(row, write.node)
        return cls(belief, write, entries, moment, row, versions, absent)

    @property
    def present(self) -> bool:
        return bool(self.row.present(self.versions))

    @property
    def table(self) -> str:
        return self.write.row.table

    def may_accept(self) -> bool:
        write, during, belief = self.write, self.moment.during, self.belief
        node = write.node
        if not during.carries(node) or node in during.readers:
            return False
        if during.quorum and not any(
            node in net.perhaps_voters for net in (*self.moment.nets, during)
        ):
            return False
        if write.creates:
            allowed = self.absent or self._upserts
            return allowed and all(belief.may_be_shown(node, needed) for needed in write.needs)
        return self.present and not self._must_be_referred_to

    def may_refuse(self, code: str | None) -> bool:
        reason = REASONS.get(code or "")
        if reason is not None:
            return reason(self)
        return code in ABSENT and self.moment.may_be_down(self.write.node)

    @property
    def _may_be_there(self) -> bool:
        return self.write.creates and self.present and not self._upserts

    @property
    def _may_be_missing(self) -> bool:
        return not self.write.creates and self.absent

    @property
    def _may_lack_a_reference(self) -> bool:
        # A row that is there is refused as such before what it refers to is looked for.
        lacks = any(self.belief.may_be_hidden(self.write.node, row) for row in self.write.needs)
        return lacks and (self.absent or self._upserts)

    @property
    def _may_be_referred_to(self) -> bool:
        """Whether a row that must not be deleted before others may have been among what goes."""
        belief, write = self.belief, self.write
        if write.op != "delete" or not self.present or not belief.net.schema.restricting:
            return False
        gone = {write.row, *may_take(belief, write.node, write.row)}
        rows = (row for one in gone for row in belief.referring(one, OnDelete.RESTRICT))
        return any(belief.may_have(write.node, row) for row in rows)

    @property
    def _must_be_referred_to(self) -> bool:
        """Whether it surely was; what goes itself may excuse."""
        belief, write = self.belief, self.write
        if write.op != "delete" or not belief.net.schema.restricting:
            return False
        gone = {write.row, *must_take(belief, write.node, write.row)}
        excused = {*may_take(belief, write.node, write.row)}
        rows = (row for one in gone for row in belief.referring(one, OnDelete.RESTRICT))
        return any(not belief.may_lack(write.node, row) for row in rows if row not in excused)

    @property
    def _upserts(self) -> bool:
        return self.belief.guarantees.upserts

    @property
    def _may_not_know_the_column(self) -> bool:
        """Whether the node may have run a version that lacks a column that is given."""
        columns = self.belief.net.schema.by_name[self.table].by_name
        given = (
            columns[name]
            for name, cell in self.write.values.items()
            if not (self.write.creates and cell == columns[name].start)
        )
        latest = max((column.since for column in given), default=0)
        versions = (net.plugin(self.write.node) for net in self.moment.nets)
        return any(version is not None and version < latest for version in versions)

    @property
    def expected(self) -> str:
        width = self._width
        shows = describe(self.row, self.versions, absent=self.absent, width=width)
        return f"an answer that fits one of: {shows}"

    @property
    def _width(self) -> int:
        net = self.belief.net
        version = net.plugin(self.write.node)
        return net.schema.by_name[self.table].width(version or 0) or 1

    # --- what an answer proves -----------------------------------------------------------------

    def proved_by_delete(self) -> tuple[Proof, ...]:
        """The leaf that a delete replaced, where policies ask for it and only one can be it."""
        policy, there = self.belief.policy(self.write.row), self.row.present(self.versions)
        number = next((e.number for e in self.entries if e.asked), None)
        if not policy.leaves or len(there) != 1 or number is None:
            return ()
        value = self.row.versions[there[0]].value
        if not isinstance(value, Value):
            return ()
        return (Proof(self.write.row, number, there[0], value),)

    def proved_by(self, answer: object) -> tuple[Proof, ...]:
        """What the stored row was made from; raises if no possible state of the node gives it."""
        schema, guarantees = self.belief.net.schema, self.belief.guarantees
        table = schema.by_name[self.table]
        stored = table.read(answer)
        if not guarantees.by_field:
            proof = self._proved(self.write.row, self.write.change, stored)
            return () if proof is None else (proof,)
        asked = dict(stores(schema, guarantees, self.write))
        proofs = list[Proof]()
        for register, shown in split(table, self.write.row, stored):
            if register in asked:
                proof = self._proved(register, asked[register], shown)
                proofs += [] if proof is None else [proof]
            elif register != self.write.row:
                self._check_beside(register, shown)
        return tuple(proofs)

    def _check_beside(self, register: Row, shown: Value) -> None:
        """A column that the write did not touch shows what it may."""
        row, node = self.belief.row(register), self.write.node
        found = self.belief.policy(register).impossible(register, row, node, shown, 1)
        if found is not None:
            raise DivergenceFound((found,))

    def _proved(self, register: Row, asked: Stored, stored: Value) -> Proof | None:
        policy, row = self.belief.policy(register), self.belief.row(register)
        number = next(e.number for e in self.entries if e.register == register)
        if isinstance(asked, Value) and policy.sums:
            self._check_sum(register, row, number, stored)
            return None
        if isinstance(asked, Value):
            if not asked.fits(stored):
                _raise(Kind.INVENTED, self.write, f"{asked} stored", f"{stored} stored", register)
            return None
        assert isinstance(asked, Assigned | Added)
        below = asked.under(stored)
        if policy.sums:
            if below is None or not isinstance(below.get(asked.column), int):
                self._raise_other(asked, stored, register)
            self._check_sum(register, row, number, stored)
            return None
        if below is None:
            self._raise_other(asked, stored, register)
            return None
        versions = self.versions if register == self.write.row else self._shown(register, number)
        fitting = [v for v in row.present(versions) if row.fits(v, below)]
        if not fitting:
            self._raise_bad_base(register, row, versions, below, stored)
        if len(fitting) != 1:
            return None
        value = row.versions[fitting[0]].value
        known = value if isinstance(value, Value) else below
        if any(cell is ANY for _, cell in known.cells):
            return None
        return Proof(register, number, fitting[0], known)

    def _shown(self, register: Row, own: int) -> Versions:
        row = self.belief.row(register)
        return self.belief.policy(register).may_show(row, self.write.node) - {own}

    def _check_sum(self, register: Row, row: RowBelief, number: int, stored: Value) -> None:
        """What was added is in the sum that was answered, and nothing else that can't be."""
        sure = row.surely(frozenset({number}), self.write.node)
        found = self.belief.policy(register).impossible(register, sure, self.write.node, stored, 1)
        if found is not None:
            raise DivergenceFound((found,))

    def _raise_other(self, asked: Assigned | Added, stored: Value, register: Row) -> None:
        what = asked.value if isinstance(asked, Assigned) else f"{asked.by} or more"
        expected = f"{asked.column} {written(what)} stored"
        _raise(Kind.INVENTED, self.write, expected, f"{stored} stored", register)

    def _raise_bad_base(
        self, register: Row, row: RowBelief, versions: Versions, below: Value, stored: Value
    ) -> None:
        """No version that the node may show gives what it stored; perhaps an older one does."""
        known = (version.value for version in row.versions)
        old = next((v for v in known if isinstance(v, Value) and below.fits(v)), None)
        if old is None:
            _raise(Kind.INVENTED, self.write, self.expected, f"{stored} stored", register)
            return
        expected = describe(row, versions, absent=False, width=self._width)
        found = wrong_sight(register, row, self.write.node, old, expected)
        shown = f"the write was made on {found.shown}"
        raise DivergenceFound((evolve(found, shown=shown),))


#: What may make a node refuse, by the code that it gives.
REASONS: Mapping[str, Callable[[_Asked], bool]] = {
    "exists": lambda asked: asked._may_be_there,
    "no_such_row": lambda asked: asked._may_be_missing,
    "missing_reference": lambda asked: asked._may_lack_a_reference,
    "referenced": lambda asked: asked._may_be_referred_to,
    "malformed": lambda asked: asked._may_not_know_the_column,
    "no_plugin": lambda asked: asked.moment.may_lack_plugin(asked.write.node),
    "read_only": lambda asked: asked.write.node in asked.moment.during.readers,
    "no_quorum": lambda asked: asked.moment.may_lack_quorum(asked.write.node),
}


def _without_must(belief: Belief, node: str) -> Belief:
    """The belief of a moment at which the writing node may have lost its log."""
    for name, row in belief.rows.items():
        if node in row.must:
            belief = belief.with_row(name, replace(row, must=row.must.delete(node)))
    return belief


def _of_all(belief: Belief, node: str) -> Belief:
    """The belief of a node that asks most of the others before it answers: it knows what was
    accepted anywhere."""
    for name, row in belief.rows.items():
        must = NONE.union(*row.must.values())
        may = NONE.union(*row.may.values())
        there = replace(row, must=row.must.set(node, must), may=row.may.set(node, may))
        belief = belief.with_row(name, there)
    return belief
