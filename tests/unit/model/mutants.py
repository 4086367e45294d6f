"""The correct system with one decision broken in each: what the model must see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

from attrs import evolve, frozen
from correct_rows import Cells, Key, Stored
from correct_system import CorrectSystem, Pause
from msgspec.structs import replace
from schemas import CONTRACT, SCHEMAS, VALUES

from syncmodel.model.columns import OnDelete
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import Answer, Outcome, refused
from syncmodel.model.schema import Schema
from syncmodel.model.values import Row, Scalar, Write
from syncmodel.model.view import View
from syncmodel.targets.wire import SUPERTEST

# --- broken whatever is promised ---------------------------------------------------------------


class TieByArrival(CorrectSystem):
    """Of two writes with one stamp, a node shows the one that it heard of last."""

    def winner(self, node: str, row: Row) -> Stored | None:
        newest = None
        for stored in self.versions(node, row):
            if newest is None or stored.stamp >= newest.stamp:
                newest = stored
        return newest


class TombstoneLost(CorrectSystem):
    """Half of the tombstones are not handed on."""

    def tells(self, node: str, stored: Stored) -> bool:
        return super().tells(node, stored) and (stored.cells is not None or stored.serial % 2 == 0)


class UpdateNotLater(CorrectSystem):
    """A write is stamped by the clock alone, and so may lose to what it was made on."""

    def stamp(self, stored: Stored) -> int:
        return stored.stamp


class RowDropped(CorrectSystem):
    """Now and then a version that arrives is not kept."""

    def arrives(self, source: str, hearer: str, stored: Stored) -> None:
        if self.rng.random() >= 0.05:
            super().arrives(source, hearer, stored)


class LeakAcrossCut(CorrectSystem):
    """When rest comes, nodes that run tell each other everything round the cut."""

    def rest(self) -> dict[str, View | None]:
        for source, hearer in permutations(self.nodes, 2):
            if self.carry({source, hearer}) and (source, hearer) in self.cut:
                for stored in [*self.known[source].values()]:
                    self.learn(hearer, stored)
        return super().rest()

    def carry(self, nodes: set[str]) -> bool:
        """Whether all of these run with the plugin."""
        return not nodes & self.down and all(self.plugin(node) for node in nodes)


class BackFromTheLostLog(CorrectSystem):
    """A dropped table is only hidden: its rows are back after the next start with the plugin."""

    def drop(self, node: str) -> None:
        self.attic = {**getattr(self, "attic", {}), node: self.known[node]}
        super().drop(node)

    def start(self, node: str) -> None:
        if self.plugin(node) is not None:
            self.known[node] |= getattr(self, "attic", {}).pop(node, {})
        super().start(node)


class PeersForgetTheLostLog(CorrectSystem):
    """Nobody tells a node again what it was told before it lost its log."""

    def drop(self, node: str) -> None:
        self.told = {**getattr(self, "told", {}), node: {*self.known[node]}}
        super().drop(node)

    def arrives(self, source: str, hearer: str, stored: Stored) -> None:
        if stored.key not in getattr(self, "told", {}).get(hearer, ()):
            super().arrives(source, hearer, stored)


class RowTwice(CorrectSystem):
    """A row that arrives again is put down again."""

    def view(self, node: str) -> View | None:
        view = super().view(node)
        again = len(self.known[node]) > 6
        return replace(view, rows=(*view.rows, *view.rows[:1])) if view and again else view


class AnsweredNotStored(CorrectSystem):
    """Now and then a write is answered and forgotten."""

    def learn(self, node: str, stored: Stored) -> None:
        if stored.author != node or stored.serial % 10:
            super().learn(node, stored)


class Mixture(CorrectSystem):
    """A node that knows two writes of a row mixes the columns of one with the other's numbers."""

    def has(self, node: str, row: Row) -> dict[str, Scalar] | None:
        cells = super().has(node, row)
        known = [stored.cells for stored in self.versions(node, row) if stored.cells is not None]
        if cells is None or "counter" not in cells:
            return cells
        return {**cells, "counter": max(int(one["counter"] or 0) for one in known)}


class OrphansShow(CorrectSystem):
    """A row shows whether the one that it refers to does or not."""

    def shows(self, node: str, row: Row) -> bool:
        return True


class EventBeforeCaseDropped(CorrectSystem):
    """An event that arrives before its case is thrown away."""

    def arrives(self, source: str, hearer: str, stored: Stored) -> None:
        case = (stored.cells or {}).get("case")
        if case is None or any(self.versions(hearer, Row("cases", str(case)))):
            super().arrives(source, hearer, stored)


class DecidesAgain(CorrectSystem):
    """Ties are broken the other way round by a cluster in which somebody crashed."""

    crashed = False

    async def crash(self, node: str) -> None:
        self.crashed = True
        await super().crash(node)

    def winner(self, node: str, row: Row) -> Stored | None:
        def rank(stored: Stored) -> tuple[int, int]:
            return (stored.stamp, -stored.tie if self.crashed else stored.tie)

        return max(self.versions(node, row), key=rank, default=None)


class DeletedTwice(CorrectSystem):
    """A request to delete what is gone is accepted."""

    def ask(self, write: Write, serial: int) -> Outcome:
        outcome = super().ask(write, serial)
        if outcome.code == "no_such_row" and write.op == "delete":
            return Outcome(Answer.OK, str(serial))
        return outcome


class NeverAgain(CorrectSystem):
    """A row that was deleted can't be created again."""

    def refusal(self, write: Write) -> str | None:
        if write.creates and any(self.versions(write.node, write.row)):
            return "exists"
        return super().refusal(write)


class RollbackKeepsApi(CorrectSystem):
    """The plugin API still answers after the rollback that removed it."""

    def view(self, node: str) -> View | None:
        return super().view(node) or View()


class LostInTheCrash(CorrectSystem):
    """A write that was acknowledged is gone after a crash if nobody heard of it before."""

    async def crash(self, node: str) -> None:
        await super().crash(node)
        others = {s for other in self.nodes if other != node for s in self.known[other]}
        self.known[node] = {s: v for s, v in self.known[node].items() if s in others}
        self.relink()


class CheckThenAct(CorrectSystem):
    """A request is answered from what showed when it came, though others were served meanwhile."""

    remembered: tuple[str, Row, dict[str, Scalar] | None] | None = None

    async def write(self, node: str, write: Write) -> Outcome:
        before = self.has(node, write.row)
        await Pause()
        self.serials += 1
        self.remembered = (node, write.row, before)
        outcome = self.ask(write, self.serials)
        self.remembered = None
        return outcome

    def has(self, node: str, row: Row) -> dict[str, Scalar] | None:
        if self.remembered is not None and self.remembered[:2] == (node, row):
            return self.remembered[2]
        return super().has(node, row)


class NoReferenceNeeded(CorrectSystem):
    """A row is created whether the one that it refers to shows or not."""

    def refusal(self, write: Write) -> str | None:
        code = super().refusal(write)
        return None if code == "missing_reference" else code


class UnknownColumnDropped(CorrectSystem):
    """An older node that changes a row loses the columns that its version does not know."""

    def changed(self, node: str, write: Write) -> Cells | None:
        cells = super().changed(node, write)
        ours = {column.name for column in self.columns(node, write.row)}
        return cells if cells is None else {n: cell for n, cell in cells.items() if n in ours}


class AnotherDefault(CorrectSystem):
    """A column of a later version shows something else on rows of the earlier one."""

    def answer(self, node: str, row: Row, cells: Cells) -> dict[str, Scalar]:
        shown = super().answer(node, row, cells)
        return {n: "none" if c == "normal" else c for n, c in shown.items()}


# --- each breaks one guarantee -----------------------------------------------------------------


class LosesAnIncrement(CorrectSystem):
    """Of more than two increments the oldest is forgotten."""

    def counted(self, node: str, row: Row) -> list[Stored]:
        counted = super().counted(node, row)
        return counted[1:] if len(counted) > 2 else counted


class CountsTwice(CorrectSystem):
    """An increment that arrives counts twice."""

    def total(self, node: str, row: Row, column: str) -> int:
        mine = sum(
            int((stored.cells or {})[column] or 0)
            for stored in self.counted(node, row)
            if stored.author != node and stored.adds == column
        )
        return super().total(node, row, column) + mine


class WholeRows(CorrectSystem):
    """Rows merge whole: of two columns set on two sides of a cut one is lost."""

    def merged(self, node: str, row: Row) -> dict[str, Scalar] | None:
        latest = max(self.versions(node, row), key=self.rank, default=None)
        if latest is None or latest.cells is None:
            return None
        cells = dict[str, Scalar]()
        for stored in sorted(self.versions(node, row), key=self.rank):
            if stored.serial in latest.over or stored is latest:
                cells |= stored.cells or {}
        return cells if len(cells) > 1 else super().merged(node, row)

    def replaced(self, node: str, write: Write) -> frozenset[int]:
        return frozenset(stored.serial for stored in self.versions(node, write.row))


class LosesLeaves(CorrectSystem):
    """A write replaces every leaf that its node knows, and not only the one that shows."""

    def replaced(self, node: str, write: Write) -> frozenset[int]:
        return frozenset(stored.serial for stored in self.versions(node, write.row))


class LeafByArrival(CorrectSystem):
    """Of several leaves a node shows the one that it heard of last."""

    def rank(self, stored: Stored) -> tuple[int, int]:
        places = [
            [*known].index(stored.key) for known in self.known.values() if stored.key in known
        ]
        return (0, places[stored.serial % len(places)])


class TombstoneWins(CorrectSystem):
    """A tombstone beats every leaf."""

    def winner(self, node: str, row: Row) -> Stored | None:
        gone = [stored for stored in self.leaves(node, row) if stored.cells is None]
        return gone[0] if gone else super().winner(node, row)


class KeepsTheOldValue(CorrectSystem):
    """A create of a row that is there is accepted and changes nothing."""

    def changed(self, node: str, write: Write) -> Cells | None:
        has = self.has(node, write.row)
        return has if write.creates and has is not None else super().changed(node, write)

    def as_stored(self, stored: Stored) -> dict[str, Scalar] | None:
        return None


class KeepsTheOldNumbers(CorrectSystem):
    """A create of a row that is there keeps its counters."""

    def changed(self, node: str, write: Write) -> Cells | None:
        has, cells = self.has(node, write.row), super().changed(node, write)
        if write.creates and has and cells and "counter" in cells:
            return {**cells, "counter": has["counter"]}
        return cells


class RefusesUpserts(CorrectSystem):
    """A create of a row that is there is refused."""

    def refusal(self, write: Write) -> str | None:
        has = self.has(write.node, write.row)
        return "exists" if write.creates and has is not None else super().refusal(write)


class MinorityAccepts(CorrectSystem):
    """A node that reaches few of the others writes all the same."""

    def unready(self, node: str) -> str | None:
        code = super().unready(node)
        return None if code == "no_quorum" else code


class MajorityRefuses(CorrectSystem):
    """A node writes only if it reaches all others."""

    def quorum(self, node: str) -> frozenset[str]:
        members = super().quorum(node)
        return members if len(members) == len(self.nodes) - 1 else frozenset()


class AsksNobody(CorrectSystem):
    """A node that reaches most of the others writes without a word to them."""

    def asked(self, node: str) -> frozenset[str]:
        return frozenset()


class ReaderAccepts(CorrectSystem):
    """A reader takes writes."""

    def unready(self, node: str) -> str | None:
        code = super().unready(node)
        return None if code == "read_only" else code


class WriterRefuses(CorrectSystem):
    """A node that is no reader refuses as if it were one."""

    def unready(self, node: str) -> str | None:
        return super().unready(node) or ("read_only" if node == "n1" else None)


class CascadeForgets(CorrectSystem):
    """A delete takes nothing along: the rows are back with the row that they refer to."""

    def deleted_with(self, node: str, row: Row) -> set[Row]:
        return {row}


class CascadeStopsHalfway(CorrectSystem):
    """A delete takes along what refers to the row, and not what refers to that."""

    def deleted_with(self, node: str, row: Row) -> set[Row]:
        return {row} | self.referring(node, {row}, OnDelete.CASCADE)


class CascadesAll(CorrectSystem):
    """A delete takes along whatever refers to the row, as if it cascaded."""

    def deleted_with(self, node: str, row: Row) -> set[Row]:
        return {row} | self.referring(node, {row}, OnDelete.HIDE)


class NotRestricted(CorrectSystem):
    """A row that others refer to is deleted."""

    def is_restricted(self, node: str, row: Row) -> bool:
        return False


class AlwaysRestricted(CorrectSystem):
    """A row that nothing refers to can't be deleted."""

    def is_restricted(self, node: str, row: Row) -> bool:
        return row.table == "authors"


class HidesAll(CorrectSystem):
    """A reference hides, though it is a plain value."""

    def shows(self, node: str, row: Row) -> bool:
        cells = self.has(node, row) or {}
        return all(
            self.has(node, Row(ref.table, str(cells[ref.name]))) is not None
            for ref in self.schema.table(row.table).refs
        )


class ResyncDoesNothing(CorrectSystem):
    """A resync is accepted, and brings nothing."""

    async def resync(self, node: str, *, full: bool) -> Outcome:
        await Pause()
        return refused("unreachable") if node in self.down else Outcome(Answer.OK)


class OnlyResync(CorrectSystem):
    """A healed link brings nothing of what was missed."""

    def relink(self) -> None:
        self.guarantees = evolve(self.guarantees, heal_catches_up=False)
        super().relink()


class NotPassedOn(CorrectSystem):
    """A node hands on nothing but what it wrote."""

    def tells(self, node: str, stored: Stored) -> bool:
        return stored.author == node


class ClockChangesItsMind(DecidesAgain):
    """The same where the clock alone decides."""


class MixtureUnanswered(Mixture):
    """The same where no answer tells."""


class TellsHalf(CorrectSystem):
    """Half of what a node wrote itself is told to nobody."""

    def tells(self, node: str, stored: Stored) -> bool:
        return super().tells(node, stored) and stored.serial % 2 == 0


class ReadsLag(CorrectSystem):
    """A read shows what the node knew once, since it lost its log last."""

    def read(self, node: str) -> View:
        now, past = self.known[node], self.past[node]
        begun = max(at for at, known in enumerate(past) if not known)
        self.known[node] = self.rng.choice(past[begun:])
        view = self.view(node)
        self.known[node] = now
        assert view is not None
        return view


class ReadsLackOwnWrites(ReadsLag):
    """The same, of what the node wrote itself."""


class ReadsGoBack(ReadsLag):
    """The same, of what was read before."""


class SessionsGoBack(ReadsLag):
    """The same where no less than what was read is promised."""


class WriteBeforeRead(UpdateNotLater):
    """The same, of a write that follows a read."""


class ReadsMixture(Mixture):
    """The same where a read may show anything that was written."""


class DropsTheLog(CorrectSystem):
    """A rollback loses the rows that it should keep."""

    def drop(self, node: str) -> None:
        self.known[node] = {}


class OutOfOrder(CorrectSystem):
    """What was written last comes first, though logs are promised to be applied in order."""

    def next_of(self, waiting: Sequence[Key]) -> Key:
        return waiting[-1]


@frozen
class Broken:
    """What a mutant is seen as, where these guarantees were given and this is stored."""

    kind: Kind
    guarantees: Guarantees = CONTRACT
    schema: Schema = SUPERTEST


def _given(kind: Kind, name: str, schema: Schema = SUPERTEST, **more: Any) -> Broken:
    return Broken(kind, Guarantees(**{**VALUES[name], **more}), schema)


def _stored(kind: Kind, name: str) -> Broken:
    return Broken(kind, schema=SCHEMAS[name])


MUTANTS: Mapping[type[CorrectSystem], Broken] = {
    TieByArrival: Broken(Kind.DISAGREEMENT),
    TombstoneLost: Broken(Kind.RESURRECTED),
    UpdateNotLater: Broken(Kind.STALE),
    RowDropped: Broken(Kind.MISSING),
    LeakAcrossCut: Broken(Kind.LEAKED),
    BackFromTheLostLog: Broken(Kind.LEAKED),
    PeersForgetTheLostLog: Broken(Kind.MISSING),
    RowTwice: Broken(Kind.DUPLICATED),
    AnsweredNotStored: Broken(Kind.MISSING),
    Mixture: Broken(Kind.INVENTED),
    OrphansShow: Broken(Kind.ORPHAN),
    EventBeforeCaseDropped: Broken(Kind.MISSING),
    DecidesAgain: Broken(Kind.FLIPPED),
    DeletedTwice: Broken(Kind.WRONGLY_ACCEPTED),
    NeverAgain: Broken(Kind.WRONGLY_REFUSED),
    RollbackKeepsApi: Broken(Kind.CONTROL_PLANE),
    LostInTheCrash: Broken(Kind.MISSING),
    CheckThenAct: Broken(Kind.WRONGLY_ACCEPTED),
    NoReferenceNeeded: Broken(Kind.WRONGLY_ACCEPTED),
    UnknownColumnDropped: Broken(Kind.INVENTED),
    AnotherDefault: Broken(Kind.INVENTED),
    LosesAnIncrement: _given(Kind.STALE, "sums"),
    CountsTwice: _given(Kind.INVENTED, "sums"),
    WholeRows: _given(Kind.STALE, "by field"),
    LosesLeaves: _given(Kind.MISSING, "multi-value"),
    LeafByArrival: _given(Kind.DISAGREEMENT, "multi-value"),
    TombstoneWins: _given(Kind.MISSING, "multi-value"),
    KeepsTheOldValue: _given(Kind.STALE, "upserts", answers_rows=False),
    KeepsTheOldNumbers: _given(Kind.INVENTED, "upserts"),
    RefusesUpserts: _given(Kind.WRONGLY_REFUSED, "upserts"),
    MinorityAccepts: _given(Kind.WRONGLY_ACCEPTED, "quorum"),
    MajorityRefuses: _given(Kind.WRONGLY_REFUSED, "quorum"),
    AsksNobody: _given(Kind.STALE, "quorum"),
    ReaderAccepts: _given(Kind.WRONGLY_ACCEPTED, "readers"),
    WriterRefuses: _given(Kind.WRONGLY_REFUSED, "readers"),
    CascadeForgets: _stored(Kind.RESURRECTED, "cascade"),
    CascadeStopsHalfway: _stored(Kind.WRONGLY_ACCEPTED, "cascade"),
    CascadesAll: _stored(Kind.MISSING, "hide"),
    NotRestricted: _stored(Kind.WRONGLY_ACCEPTED, "restrict"),
    AlwaysRestricted: _stored(Kind.WRONGLY_REFUSED, "restrict"),
    HidesAll: _stored(Kind.MISSING, "nothing"),
    ResyncDoesNothing: _given(Kind.MISSING, "only a resync"),
    ClockChangesItsMind: _given(Kind.FLIPPED, "wallclock"),
    MixtureUnanswered: _given(Kind.INVENTED, "no rows answered"),
    TellsHalf: _given(Kind.MISSING, "not passed on"),
    ReadsLag: Broken(Kind.STALE_READ),
    ReadsLackOwnWrites: Broken(Kind.READ_YOUR_WRITES),
    ReadsGoBack: Broken(Kind.MONOTONIC_READS),
    WriteBeforeRead: Broken(Kind.WRITES_FOLLOW_READS),
    SessionsGoBack: _given(Kind.MONOTONIC_READS, "session reads"),
    ReadsMixture: _given(Kind.INVENTED, "any reads"),
    OnlyResync: Broken(Kind.MISSING),
    NotPassedOn: Broken(Kind.MISSING),
    OutOfOrder: _given(Kind.GAP, "in order"),
    DropsTheLog: _given(Kind.MISSING, "keeps log"),
}
