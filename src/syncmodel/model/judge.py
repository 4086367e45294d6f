"""Whether a node may have answered as it did, and what its answer proves.

A request may be accepted if some state that the node may show allows it, refused if some state
forbids it.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from msgspec.structs import replace

from syncmodel.model.belief import Belief, Write, read_value
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.naming import describe, wrong_sight
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.rows import RowBelief
from syncmodel.model.serial import out_of_order
from syncmodel.model.values import Case, Event, Incremented, Retitled, Tombstone, Value
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


class Base(Record):
    """What an answer proved: the version that the write rests on, and that one's value."""

    version: int
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
        _check_shape(write, outcome)
    entered, numbers = belief.entered(calls, moment.during, moment.droppers)
    bases = [
        _judge(entered, write, number, outcome, moment)
        for (write, outcome), number in zip(calls, numbers, strict=True)
    ]
    if len(calls) > 1 and droppers.isdisjoint(write.node for write, _ in calls):
        unordered = out_of_order(entered, calls, numbers)
        if unordered is not None:
            raise DivergenceFound((unordered,))
    folded = entered
    for (write, outcome), number, base in zip(calls, numbers, bases, strict=True):
        if number is None or not outcome.ok:
            continue
        if base is not None:
            folded = folded.based(write, number, base.version, base.value)
        folded = folded.surely(write, number)
    return folded.rewired(after, touched)


def _check_shape(write: Write, outcome: Outcome) -> None:
    """An accepted write answers with the row as stored, which has the shape of its table."""
    if not outcome.ok or isinstance(write.value, Tombstone):
        return
    try:
        read_value(write.row, outcome.row)
    except ValueError as error:
        raise DivergenceFound(
            (
                Divergence(
                    Kind.INVENTED, write.node, write.row, "the row as it was stored", str(error)
                ),
            )
        ) from None


def _judge(
    belief: Belief, write: Write, number: int | None, outcome: Outcome, moment: Moment
) -> Base | None:
    if outcome.answer is Answer.UNKNOWN:
        return None
    sight = _Sight.of(belief, write, number, moment)
    if outcome.answer is Answer.REFUSED:
        if not sight.may_refuse(outcome.code):
            _raise(Kind.WRONGLY_REFUSED, write, sight.expected, f"refused: {outcome.code}")
        return None
    if not moment.during.carries(write.node) or not sight.may_accept():
        _raise(Kind.WRONGLY_ACCEPTED, write, sight.expected, "accepted")
    if isinstance(write.value, Tombstone):
        return None
    return sight.base(read_value(write.row, outcome.row))


def _raise(kind: Kind, write: Write, expected: str, shown: str) -> None:
    raise DivergenceFound((Divergence(kind, write.node, write.row, expected, shown),))


class _Sight(Record):
    """What one node may have shown when it answered one write."""

    belief: Belief
    write: Write
    moment: Moment
    row: RowBelief
    versions: frozenset[int]
    absent: bool

    @classmethod
    def of(cls, belief: Belief, write: Write, number: int | None, moment: Moment) -> _Sight:
        if write.node in moment.droppers:
            belief = _without_must(belief, write)
        row = belief.row(write.row)
        versions = belief.may_show(write.node, write.row) - {number}
        absent = not row.known_by(write.node) or bool(row.tombstones(versions))
        return cls(belief, write, moment, row, versions, absent)

    @property
    def present(self) -> bool:
        return bool(self.row.present(self.versions))

    def may_accept(self) -> bool:
        allowed = self.absent if self.write.creates else self.present
        return allowed and (
            self.write.needs is None or self.belief.may_have(self.write.node, self.write.needs)
        )

    def may_refuse(self, code: str | None) -> bool:
        node = self.write.node
        match code:
            case "exists":
                return self.write.creates and self.present
            case "no_such_row":
                return not self.write.creates and self.absent
            case "missing_case":
                # An event that is there is refused as such before its case is looked for.
                needs = self.write.needs
                return needs is not None and self.absent and self.belief.may_lack(node, needs)
            case "no_plugin":
                return self.moment.may_lack_plugin(node)
            case _:
                return code in ABSENT and self.moment.may_be_down(node)

    @property
    def expected(self) -> str:
        shows = describe(self.row, self.versions, absent=self.absent)
        return f"an answer that fits one of: {shows}"

    def base(self, stored: Value) -> Base | None:
        """What the stored row was made from; raises if no possible state of the node gives it."""
        asked = self.write.value
        if isinstance(asked, Case | Event):
            if stored != asked:
                _raise(Kind.INVENTED, self.write, f"{asked} stored", f"{stored} stored")
            return None
        assert isinstance(stored, Case)
        if isinstance(asked, Incremented):
            below = Case(stored.title, stored.counter - asked.by)
            fitting = [v for v in self.row.present(self.versions) if self.row.fits(v, below)]
            if not fitting:
                self._raise_bad_base(below)
            return Base(fitting[0], below) if len(fitting) == 1 else None
        assert isinstance(asked, Retitled)
        return self._base_of_update(asked, stored)

    def _base_of_update(self, asked: Retitled, stored: Case) -> Base | None:
        if stored.title != asked.title:
            _raise(Kind.INVENTED, self.write, f"title {asked.title} stored", f"{stored} stored")
        possible = self.row.present(self.versions)
        fitting = [v for v in possible if self.row.has_counter(v, stored.counter)]
        if not fitting:
            old = self._with_counter(stored.counter)
            if old is None:
                _raise(Kind.INVENTED, self.write, self.expected, f"{stored} stored")
            else:
                self._raise_bad_base(old)
        value = self.row.versions[fitting[0]].value
        return Base(fitting[0], value) if len(fitting) == 1 and isinstance(value, Case) else None

    def _with_counter(self, counter: int) -> Case | None:
        """Some known value with that counter, so that a write on an old version gets its name."""
        values = (version.value for version in self.row.versions)
        return next(
            (
                v
                for v in values
                if isinstance(v, Case) and v.counter == counter and v.title != self._title
            ),
            None,
        )

    @property
    def _title(self) -> str | None:
        return self.write.value.title if isinstance(self.write.value, Retitled) else None

    def _raise_bad_base(self, below: Case) -> None:
        expected = describe(self.row, self.versions, absent=False)
        found = wrong_sight(self.write.row, self.row, self.write.node, below, expected)
        shown = f"the write was made on {found.shown}"
        raise DivergenceFound((evolve(found, shown=shown),))


def _without_must(belief: Belief, write: Write) -> Belief:
    """The belief of a moment at which the writing node may have lost its log."""
    rows = [write.row] if write.needs is None else [write.row, write.needs]
    for name in rows:
        row = belief.row(name)
        if write.node in row.must:
            belief = belief.with_row(name, replace(row, must=row.must.delete(write.node)))
    return belief
