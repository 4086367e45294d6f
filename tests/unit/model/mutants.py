"""The correct system with one decision broken in each: what the model must see."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

from correct_system import CorrectSystem, Pause, Stored
from msgspec.structs import replace

from syncmodel.model.divergence import Kind
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.model.values import CASES, Case, Event, Row, Value
from syncmodel.model.view import View
from syncmodel.steps import Request


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
        return super().tells(node, stored) and (stored.value is not None or stored.serial % 2 == 0)


class UpdateNotLater(CorrectSystem):
    """A write is stamped by the clock alone, and so may lose to what it was made on."""

    def stamp(self, node: str, row: Row) -> int:
        return self.now + self.skew[node]


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
        if stored.serial not in getattr(self, "told", {}).get(hearer, ()):
            super().arrives(source, hearer, stored)


class RowTwice(CorrectSystem):
    """A row that arrives again is put down again."""

    def view(self, node: str) -> View | None:
        view = super().view(node)
        again = len(self.known[node]) > 6
        return replace(view, cases=(*view.cases, *view.cases[:1])) if view and again else view


class AnsweredNotStored(CorrectSystem):
    """Now and then a write is answered and forgotten."""

    def learn(self, node: str, stored: Stored) -> None:
        if stored.author != node or stored.serial % 10:
            super().learn(node, stored)


class Mixture(CorrectSystem):
    """A node that knows two writes of a case mixes the title of one with the other's counter."""

    def shown(self, node: str, row: Row) -> Value | None:
        value = super().shown(node, row)
        values = [v.value for v in self.versions(node, row) if isinstance(v.value, Case)]
        if not isinstance(value, Case):
            return value
        return Case(value.title, max(value.counter for value in values))


class OrphansShow(CorrectSystem):
    """An event shows whether its case does or not."""

    def is_open(self, event: Event, cases: Mapping[str, Case]) -> bool:
        return True


class EventBeforeCaseDropped(CorrectSystem):
    """An event that arrives before its case is thrown away."""

    def arrives(self, source: str, hearer: str, stored: Stored) -> None:
        value = stored.value
        if not isinstance(value, Event) or any(self.versions(hearer, Row(CASES, value.case))):
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

    def ask(self, node: str, request: Request, serial: int) -> Outcome:
        outcome = super().ask(node, request, serial)
        if outcome.code == "no_such_row" and request.method == "DELETE":
            return accepted({"deleted": True, "serial": serial})
        return outcome


class NeverAgain(CorrectSystem):
    """A row that was deleted can't be created again."""

    def ask(self, node: str, request: Request, serial: int) -> Outcome:
        row = Row(request.table, request.name)
        creates = request.method == "POST" and request.action is None and request.body
        if creates and node not in self.down and any(self.versions(node, row)):
            return refused("exists")
        return super().ask(node, request, serial)


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

    remembered: tuple[str, Row, Value | None] | None = None

    async def request(self, node: str, request: Request) -> Outcome:
        row = Row(request.table, request.name)
        before = self.shown(node, row)
        await Pause()
        self.serials += 1
        self.remembered = (node, row, before)
        outcome = self.ask(node, request, self.serials)
        self.remembered = None
        return outcome

    def shown(self, node: str, row: Row) -> Value | None:
        if self.remembered is not None and self.remembered[:2] == (node, row):
            return self.remembered[2]
        return super().shown(node, row)


MUTANTS: dict[type[CorrectSystem], Kind] = {
    TieByArrival: Kind.DISAGREEMENT,
    TombstoneLost: Kind.RESURRECTED,
    UpdateNotLater: Kind.STALE,
    RowDropped: Kind.MISSING,
    LeakAcrossCut: Kind.LEAKED,
    BackFromTheLostLog: Kind.LEAKED,
    PeersForgetTheLostLog: Kind.MISSING,
    RowTwice: Kind.DUPLICATED,
    AnsweredNotStored: Kind.MISSING,
    Mixture: Kind.INVENTED,
    OrphansShow: Kind.ORPHAN,
    EventBeforeCaseDropped: Kind.MISSING,
    DecidesAgain: Kind.FLIPPED,
    DeletedTwice: Kind.WRONGLY_ACCEPTED,
    NeverAgain: Kind.WRONGLY_REFUSED,
    RollbackKeepsApi: Kind.CONTROL_PLANE,
    LostInTheCrash: Kind.MISSING,
    CheckThenAct: Kind.WRONGLY_ACCEPTED,
}
