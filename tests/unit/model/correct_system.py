"""A correct system, small and abstract: what the model must never call wrong.

Written from docs/semantics.md alone and independent of the reference node: a node is the set of
versions that it knows, a hidden total order says which of them shows, and single versions cross
links in any order. Subclasses (`mutants`) break one decision each. No clock, no sockets: all
chance comes from one `Random`, and coroutines are driven by hand at their pauses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Iterator, Mapping, Sequence
from itertools import permutations
from random import Random
from typing import Any, TypeVar, cast

from attrs import frozen

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.values import CASES, EVENTS, Case, Event, Row, Value
from syncmodel.model.view import View
from syncmodel.steps.base import CutsLinks, Deploys, Request, Resyncs, Stops

Result = TypeVar("Result")


@frozen
class Stored:
    """One accepted write: `value` None is a tombstone; the greatest `rank` of a row shows."""

    serial: int
    row: Row
    author: str
    value: Value | None
    stamp: int
    tie: int

    @property
    def rank(self) -> tuple[int, int]:
        """The hidden total order."""
        return (self.stamp, self.tie)


@frozen
class Late:
    """A request that timed out and may land while the application it was sent to still runs."""

    serial: int
    node: str
    life: int
    request: Request


class Pause:
    """A place where anything else may happen."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class CorrectSystem(CutsLinks, Resyncs, Deploys, Stops):
    """Nodes, links and knowledge; a target of steps that is driven by `run`.

    `known[n]` are the versions that node n knows by serial number; `lost_logs`, `landed` and
    `hidden` count what a test wants to have seen.
    """

    #: The share of requests that time out.
    TIMEOUTS = 0.08
    cut: frozenset[Link] = frozenset()

    def __init__(self, rng: Random, net: Net, guarantees: Guarantees) -> None:
        self.rng = rng
        self.nodes = net.nodes
        self.cut = net.cut
        self.down = set(net.down)
        self.booting: set[str] = set()
        self.running = dict(net.running)
        self.generations = net.generations
        self.guarantees = guarantees
        self.known: dict[str, dict[int, Stored]] = {node: {} for node in net.nodes}
        self.outbox: dict[Link, dict[int, Stored]] = {}
        self.lives = dict.fromkeys(net.nodes, 0)
        self.late: list[Late] = []
        self.skew = {node: rng.choice((-2, 0, 0, 2)) for node in net.nodes}
        self.now = 10
        self.serials = 0
        self.lost_logs = self.landed = self.hidden = 0
        self.relink()

    # --- driving -------------------------------------------------------------------------------

    def run(self, calls: Coroutine[Any, Any, Result]) -> Result:
        """Drive one coroutine to its end; at each pause other things may happen."""
        while True:
            try:
                calls.send(None)
            except StopIteration as end:
                return cast(Result, end.value)
            self.stir()

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """All at once: their pauses interleave at random."""
        coroutines = dict(enumerate(cast(Sequence[Coroutine[Any, Any, Outcome]], calls)))
        outcomes: dict[int, Outcome] = {}
        while coroutines:
            chosen = self.rng.choice(sorted(coroutines))
            try:
                coroutines[chosen].send(None)
                self.stir()
            except StopIteration as end:
                outcomes[chosen] = end.value
                del coroutines[chosen]
        return [outcomes[place] for place in range(len(calls))]

    def stir(self) -> None:
        """Some versions travel, some late request lands, or nothing happens."""
        for _ in range(self.rng.choice((0, 0, 0, 1, 2, 6))):
            self.deliver()
        if self.late and self.rng.random() < 0.2:
            self.land()

    def rest(self) -> dict[str, View | None]:
        """Everything that is under way arrives; then what each running node shows."""
        if self.late and self.rng.random() < 0.3:
            self.land()
        while self.deliver():
            pass
        return {node: self.view(node) for node in self.nodes if node not in self.down}

    # --- requests ------------------------------------------------------------------------------

    async def request(self, node: str, request: Request) -> Outcome:
        """One request; it may time out, and then land now, later or never."""
        self.serials += 1
        serial = self.serials
        await Pause()
        if self.rng.random() >= self.TIMEOUTS or node in self.down:
            return self.ask(node, request, serial)
        fate = self.rng.choice(("now", "late", "late", "never"))
        if fate == "now":
            self.ask(node, request, serial)
        elif fate == "late":
            self.late.append(Late(serial, node, self.lives[node], request))
        return unknown(f"timeout {serial}")

    def land(self) -> None:
        """One late request reaches its node, if that still runs the same application."""
        late = self.late.pop(self.rng.randrange(len(self.late)))
        if late.life == self.lives[late.node]:
            self.landed += self.ask(late.node, late.request, late.serial).ok

    def ask(self, node: str, request: Request, serial: int) -> Outcome:
        """The node answers, after contract.md."""
        row = Row(request.table, request.name)
        code = self.refusal(node, row, request)
        if code is not None:
            return refused(code)
        value = None if request.method == "DELETE" else self.changed(self.shown(node, row), request)
        self.store(node, row, value, serial)
        return accepted({**_fields(value), "serial": serial})

    def refusal(self, node: str, row: Row, request: Request) -> str | None:
        """The code of the first reason to refuse, if there is one."""
        creates = request.method == "POST" and request.action is None
        body = request.body or {}
        shown = self.shown(node, row)
        case = Row(CASES, body.get("case_id", ""))
        reasons = {
            "not_ready": node in self.booting,
            "unreachable": node in self.down,
            "no_plugin": self.plugin(node) is None,
            "malformed": creates and not body,
            "exists": creates and shown is not None,
            "no_such_row": not creates and shown is None,
            "missing_case": creates and row.table == EVENTS and self.shown(node, case) is None,
        }
        return next((code for code, holds in reasons.items() if holds), None)

    def changed(self, shown: Value | None, request: Request) -> Value:
        """The value that a request makes of what shows."""
        body = request.body or {}
        if request.table == EVENTS:
            return Event(body["case_id"], body["body"])
        if shown is None:
            return Case(body["title"], 0)
        assert isinstance(shown, Case)
        if request.action == "increment":
            return Case(shown.title, shown.counter + body["by"])
        return Case(body["title"], shown.counter)

    def store(self, node: str, row: Row, value: Value | None, serial: int) -> None:
        """The node accepts a write."""
        self.now += self.rng.random() < 0.3
        stored = Stored(serial, row, node, value, self.stamp(node, row), self.rng.getrandbits(30))
        self.learn(node, stored)

    def stamp(self, node: str, row: Row) -> int:
        """The clock's reading; where causality is promised, later than all that is replaced."""
        clock = self.now + self.skew[node]
        if self.guarantees.policies[row.table] != "causal-lww":
            return clock
        return max([clock, *(known.stamp + 1 for known in self.versions(node, row))])

    # --- knowledge -----------------------------------------------------------------------------

    def versions(self, node: str, row: Row) -> Iterator[Stored]:
        """What the node knows of the row."""
        return (stored for stored in self.known[node].values() if stored.row == row)

    def winner(self, node: str, row: Row) -> Stored | None:
        """The version that decides what shows."""
        return max(self.versions(node, row), key=lambda stored: stored.rank, default=None)

    def shown(self, node: str, row: Row) -> Value | None:
        """What the node has of the row, though an event of it may be hidden."""
        winner = self.winner(node, row)
        return None if winner is None else winner.value

    def learn(self, node: str, stored: Stored) -> None:
        """The node knows a version from now on, and tells whoever hears it."""
        if stored.serial in self.known[node]:
            return
        self.known[node][stored.serial] = stored
        for (source, _), waiting in self.outbox.items():
            if source == node and self.tells(node, stored):
                waiting[stored.serial] = stored

    def tells(self, node: str, stored: Stored) -> bool:
        """Whether the node hands this version on."""
        return self.guarantees.passes_on or stored.author == node

    def deliver(self) -> bool:
        """Any version under way arrives; False if there is none."""
        busy = [link for link, waiting in self.outbox.items() if waiting]
        if not busy:
            return False
        source, hearer = link = self.rng.choice(busy)
        serial = self.rng.choice(list(self.outbox[link]))
        self.arrives(source, hearer, self.outbox[link].pop(serial))
        return True

    def arrives(self, source: str, hearer: str, stored: Stored) -> None:
        """One version reached a node."""
        del source
        self.learn(hearer, stored)

    # --- links ---------------------------------------------------------------------------------

    def plugin(self, node: str) -> int | None:
        """The plugin's version on the node."""
        return self.generations[self.running[node]]

    def is_up(self, link: Link) -> bool:
        """Whether versions may cross."""
        return link not in self.cut and all(
            node not in self.down and self.plugin(node) is not None for node in link
        )

    def relink(self) -> None:
        """Connect and disconnect; a link that is up again starts from the beginning, or empty."""
        for link in permutations(self.nodes, 2):
            if not self.is_up(link):
                self.outbox.pop(link, None)
            elif link not in self.outbox:
                self.outbox[link] = {}
                if self.guarantees.heal_catches_up:
                    self.refill(link)

    def refill(self, link: Link) -> None:
        """Everything that the source has to tell is under way again."""
        source, _ = link
        self.outbox[link] = {
            serial: stored
            for serial, stored in self.known[source].items()
            if self.tells(source, stored)
        }

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """One link after another, in any order."""
        changing = sorted(cut ^ self.cut)
        self.rng.shuffle(changing)
        for link in changing:
            await Pause()
            self.cut ^= {link}
            self.relink()

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """Whoever the node hears starts from the beginning."""
        del full
        await Pause()
        if node in self.down:
            return refused("unreachable")
        if self.rng.random() < self.TIMEOUTS:
            return unknown("timeout")
        for link in self.outbox:
            if link[1] == node:
                self.refill(link)
        return accepted()

    # --- lives ---------------------------------------------------------------------------------

    async def crash(self, node: str) -> None:
        """What is known is durable; what was asked and not answered is gone."""
        await Pause()
        self.stop(node)

    async def restart(self, node: str) -> None:
        """Down for a moment."""
        await Pause()
        self.stop(node)
        self.booting.add(node)
        await Pause()
        self.start(node)

    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """One node after another; tables that the new generation does not know are dropped."""
        del back
        for node in nodes:
            await Pause()
            self.stop(node)
            self.booting.update(node for _ in range(self.rng.randint(0, 1)))
            await Pause()
            before = self.plugin(node)
            self.running[node] = generation
            if before is not None and self.plugin(node) is None:
                self.drop(node)
            self.start(node)
        return accepted()

    def stop(self, node: str) -> None:
        """The application is gone."""
        self.down.add(node)
        self.lives[node] += 1
        self.relink()

    def start(self, node: str) -> None:
        """The application runs again."""
        self.down.discard(node)
        self.booting.discard(node)
        self.relink()

    def drop(self, node: str) -> None:
        """The tables and their log are gone."""
        if not self.guarantees.rollback_keeps_log:
            self.lost_logs += bool(self.known[node])
            self.known[node] = {}

    # --- sights --------------------------------------------------------------------------------

    def view(self, node: str) -> View | None:
        """What the node shows."""
        if self.plugin(node) is None:
            return None
        rows = {stored.row: self.shown(node, stored.row) for stored in self.known[node].values()}
        cases = {r.name: v for r, v in rows.items() if isinstance(v, Case)}
        events = {r.name: v for r, v in rows.items() if isinstance(v, Event)}
        showing = {name: event for name, event in events.items() if self.is_open(event, cases)}
        self.hidden += len(events) - len(showing)
        return View(tuple(sorted(cases.items())), tuple(sorted(showing.items())))

    def is_open(self, event: Event, cases: Mapping[str, Case]) -> bool:
        """Whether an event shows: its case does."""
        return event.case in cases


def _fields(value: Value | None) -> dict[str, object]:
    """A stored row as the plugin API answers it."""
    match value:
        case Case(title, counter):
            return {"title": title, "counter": counter}
        case Event(case, body):
            return {"case_id": case, "body": body}
        case _:
            return {"deleted": True}
