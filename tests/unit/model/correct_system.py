"""A correct system, small and abstract: what the model must never call wrong.

A node is the set of writes that it knows; `correct_rows` says what it has of each row then. Single
writes cross links in any order. Subclasses (`mutants`) break one decision each. No clock, no
sockets: all chance comes from one `Random`, and coroutines are driven by hand at their pauses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Coroutine, Generator, Sequence
from itertools import permutations
from random import Random
from typing import Any, TypeVar, cast

import networkx as nx
from attrs import evolve, frozen
from correct_rows import Key, Merging, Stored, Ways

from syncmodel.model.columns import OnDelete
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Answer, Outcome, refused, shown, unknown
from syncmodel.model.values import TOMBSTONE, Row, Scalar, Write
from syncmodel.model.view import View
from syncmodel.steps.base import (
    Deploys,
    HangsLinks,
    Malforms,
    Pauses,
    Reads,
    Resyncs,
    SetsClocks,
    Stops,
)
from syncmodel.steps.membership import HasMembers
from syncmodel.steps.purging import Purges
from syncmodel.steps.restoring import PutsBack
from syncmodel.steps.trusting import Trusts

Result = TypeVar("Result")


@frozen
class Late:
    """A request that timed out and may land while the application it was sent to still runs."""

    serial: int
    life: int
    write: Write


class Pause:
    """A place where anything else may happen."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class CorrectSystem(
    Merging,
    HangsLinks,
    Resyncs,
    Deploys,
    HasMembers,
    Trusts,
    Stops,
    Pauses,
    SetsClocks,
    PutsBack,
    Purges,
    Malforms,
    Reads,
):
    """Nodes, links and knowledge; a target of steps that is driven by `run`.

    `known[n]` are the writes that node n knows.
    """

    #: The share of requests that time out.
    TIMEOUTS = 0.08
    cut: frozenset[Link] = frozenset()

    def __init__(self, rng: Random, net: Net, guarantees: Guarantees) -> None:
        self.rng = rng
        self.schema = net.schema
        self.nodes = net.nodes
        self.cut = net.cut
        self.down = set(net.down)
        self.booting: set[str] = set()
        #: Nodes that stand still, each with what was sent to it over links that are gone by now.
        self.paused: dict[str, list[tuple[str, Stored]]] = {}
        self.running = dict(net.running)
        #: Who is no member, as far as each node was told; whom each does not trust, with what it
        #: has kept of it.
        self.away: dict[str, set[str]] = {node: set() for node in net.nodes}
        self.distrusted: dict[str, dict[str, dict[Key, Stored]]] = {n: {} for n in net.nodes}
        #: Whether nodes keep what they have of who they do not trust, and whether they hand it on.
        self.keeps = self.hands_on = False
        self.guarantees = guarantees
        self.ways = Ways.draw(rng)
        self.known: dict[str, dict[Key, Stored]] = {node: {} for node in net.nodes}
        self.outbox: dict[Link, dict[Key, Stored]] = {}
        #: All that each node knew at any time, one after another; and from where on a session may
        #: be shown it.
        self.past: dict[str, list[dict[Key, Stored]]] = {node: [{}] for node in net.nodes}
        self.floor = dict.fromkeys(net.nodes, 0)
        self.lives = dict.fromkeys(net.nodes, 0)
        #: What was copied of each node's disk: what it knew, and its generation.
        self.copies: dict[str, tuple[dict[Key, Stored], int]] = {}
        self.purged: set[Key] = set()
        self.late: list[Late] = []
        self.skew = {node: rng.choice((-2, 0, 0, 2)) for node in net.nodes}
        self.now = 10
        self.serials = 0
        self.happened: Counter[str] = Counter()
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
        """Some writes travel, some late request lands, or nothing happens."""
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
        up = [node for node in self.nodes if node not in self.down and node not in self.paused]
        return {node: self.view(node) for node in up}

    # --- requests ------------------------------------------------------------------------------

    async def write(self, node: str, write: Write) -> Outcome:
        """One request; it may time out, and then land now, later or never."""
        assert node == write.node
        self.serials += 1
        serial = self.serials
        await Pause()
        if node in self.paused:
            self.late.append(Late(serial, self.lives[node], write))
            return unknown(str(serial))
        if self.rng.random() >= self.TIMEOUTS or node in self.down:
            answer = self.ask(write, serial)
            if answer.ok:
                self.floor[node] = len(self.past[node]) - 1
            return answer
        fate = self.rng.choice(("now", "late", "late", "never"))
        if fate == "now":
            self.ask(write, serial)
        elif fate == "late":
            self.late.append(Late(serial, self.lives[node], write))
        return unknown(str(serial))

    async def look(self, node: str, table: str, name: str | None) -> Outcome:
        """What the node shows, or showed once where less is promised."""
        await Pause()
        if node in self.paused:
            return unknown("paused")
        code = next((code for code, holds in self.absent(node).items() if holds), None)
        if code is not None:
            return refused(code)
        if self.rng.random() < self.TIMEOUTS:
            return unknown("timeout")
        view = self.read(node)
        rows = (one for one in view.rows if one[0].table == table)
        self.happened["reads"] += 1
        return shown(View(tuple(one for one in rows if name in (None, one[0].name))))

    def read(self, node: str) -> View:
        """What a reader of the node is shown."""
        now, past = self.known[node], self.past[node]
        match self.guarantees.reads:
            case "session":
                at = self.rng.randrange(self.floor[node], len(past))
                self.known[node], self.floor[node] = past[at], at
            case "any":
                self.known[node] = self.rng.choice(self.past[self.rng.choice(self.nodes)])
        view = self.view(node)
        self.happened["older reads"] += self.known[node].keys() != now.keys()
        self.known[node] = now
        assert view is not None
        return view

    async def malformed(self, node: str, write: Write) -> Outcome:
        """What can be said without a look at the rows is said before that it is malformed."""
        await Pause()
        return refused(self.unready(node) or "malformed")

    def land(self) -> None:
        """One late request reaches its node, if that still runs the same application."""
        late = self.late.pop(self.rng.randrange(len(self.late)))
        if late.write.node in self.paused:
            self.late.append(late)
        elif late.life == self.lives[late.write.node]:
            self.happened["landed late"] += self.ask(late.write, late.serial).ok

    def ask(self, write: Write, serial: int) -> Outcome:
        """The node answers."""
        node = write.node
        code = self.unready(node)
        if code is None:
            for member in self.asked(node):
                for stored in [*self.known[member].values()]:
                    self.learn(node, stored)
            code = self.refusal(write)
        if code is not None:
            self.happened[code] += 1
            return refused(code)
        self.happened["upserts that replaced"] += write.creates and bool(self.has(node, write.row))
        forgotten = any(row == write.row for _, row in self.purged)
        self.happened["created again after a purge"] += write.creates and forgotten
        stored = self.store(write, serial)
        return Outcome(Answer.OK, str(serial), self.as_stored(stored))

    def as_stored(self, stored: Stored) -> dict[str, Scalar] | None:
        """The row as it was stored, which need not be what shows."""
        if not self.guarantees.answers_rows or stored.cells is None:
            return None
        cells = stored.cells
        if self.guarantees.by_field:
            sums = {c for c in cells if self.sums(self.schema.table(stored.row.table).by_name[c])}
            merged = self.has(stored.author, stored.row) or {}
            cells = merged | {c: cell for c, cell in cells.items() if c not in sums}
        return self.answer(stored.author, stored.row, cells)

    def unready(self, node: str) -> str | None:
        """The code of the first reason to refuse whatever is asked, if there is one."""
        reasons = self.absent(node) | {
            "read_only": node in self.guarantees.readers,
            "no_quorum": self.guarantees.quorum and not self.quorum(node),
        }
        return next((code for code, holds in reasons.items() if holds), None)

    def absent(self, node: str) -> dict[str, bool]:
        """By code, whether nobody is there who could answer."""
        return {
            "not_ready": node in self.booting,
            "unreachable": node in self.down,
            "no_plugin": self.plugin(node) is None,
        }

    def refusal(self, write: Write) -> str | None:
        """The code of the first reason to refuse this write, if there is one."""
        node, row, creates = write.node, write.row, write.creates
        has = self.has(node, row) is not None
        reasons = {
            "malformed": self.names_unknown_columns(write),
            "exists": creates and has and not self.guarantees.upserts,
            "no_such_row": not creates and not has,
            "missing_reference": any(not self.is_visible(node, one) for one in write.needs),
            "referenced": write.op == "delete" and self.is_restricted(node, row),
        }
        return next((code for code, holds in reasons.items() if holds), None)

    def names_unknown_columns(self, write: Write) -> bool:
        """Whether it gives a column that the node's version lacks; a default is left out."""
        known = {column.name for column in self.columns(write.node, write.row)}
        columns = self.schema.table(write.row.table).by_name
        return any(
            name not in known and not (write.creates and cell == columns[name].start)
            for name, cell in write.values.items()
        )

    def is_restricted(self, node: str, row: Row) -> bool:
        """Whether a row that the delete takes along is one that must stay."""
        gone = self.deleted_with(node, row)
        return bool(self.referring(node, gone, OnDelete.RESTRICT))

    def store(self, write: Write, serial: int) -> Stored:
        """The node accepts a write, and with a delete those of the rows that go with it."""
        node = write.node
        self.now += self.rng.random() < 0.3
        writes = [write]
        if write.op == "delete":
            gone = sorted(self.deleted_with(node, write.row) - {write.row})
            self.happened["cascades"] += bool(gone)
            writes += [Write(node, row, TOMBSTONE) for row in gone]
        stored = [self.made(one, serial) for one in writes]
        asked = self.asked(node)
        for member in asked if self.guarantees.in_order else ():
            for one in [*self.known[node].values()]:
                self.learn(member, one)
        for one in stored:
            for member in [node, *asked]:
                self.learn(member, one)
        if write.op == "delete" and self.has(node, write.row) is not None:
            self.happened["uncovered leaves"] += 1
        return stored[0]

    def made(self, write: Write, serial: int) -> Stored:
        """What the node makes of a write."""
        node, row = write.node, write.row
        column = next(iter(write.values), "") if write.op == "add" else ""
        adds = column if column and self.sums(self.schema.table(row.table).by_name[column]) else ""
        stored = Stored(
            serial,
            row,
            node,
            self.plugin(node) or 0,
            self.changed(node, write),
            stamp=self.now + self.skew[node],
            tie=self.rng.getrandbits(30),
            creates=write.creates,
            adds=adds,
            over=self.replaced(node, write),
        )
        return evolve(stored, stamp=self.stamp(stored))

    def stamp(self, stored: Stored) -> int:
        """The clock's reading; where causality is promised, later than all that is replaced."""
        if self.policy(stored.row) != "causal-lww":
            return stored.stamp
        known = self.versions(stored.author, stored.row)
        by_field = self.guarantees.by_field
        before = [k.stamp + 1 for k in known if not by_field or k.fields & stored.fields]
        return max([stored.stamp, *before])

    def quorum(self, node: str) -> frozenset[str]:
        """The others that answer this node where a quorum decides: none if they are too few."""
        if not self.guarantees.quorum:
            return frozenset()
        graph: Any = nx.DiGraph()
        graph.add_edges_from(
            link for link in self.outbox if self.is_up(link) and self.is_going_on(link)
        )
        graph.add_node(node)
        if self.ways.relays:
            joined = nx.descendants(graph, node) & nx.descendants(graph.reverse(), node)
        else:
            joined = {n for n in graph.successors(node) if graph.has_edge(n, node)}
        is_most = 2 * len({*joined, node}) > len(self.nodes)
        return frozenset(joined - {node}) if is_most else frozenset()

    def asked(self, node: str) -> frozenset[str]:
        """The others whose knowledge goes into a write, and who know it when it is answered."""
        return self.quorum(node)

    # --- knowledge -----------------------------------------------------------------------------

    def learn(self, node: str, stored: Stored) -> None:
        """The node knows a write from now on, and tells whoever hears it."""
        if stored.key in self.known[node] or stored.author in self.distrusted[node]:
            return
        self.known[node][stored.key] = stored
        self.past[node].append(dict(self.known[node]))
        for (source, _), waiting in self.outbox.items():
            if source == node and self.tells(node, stored):
                waiting[stored.key] = stored

    def tells(self, node: str, stored: Stored) -> bool:
        """Whether the node hands this write on."""
        return self.guarantees.passes_on or stored.author == node

    def deliver(self) -> bool:
        """Any write under way arrives; False if there is none."""
        busy = [link for link, waiting in self.outbox.items() if waiting and self.is_going_on(link)]
        if not busy:
            return False
        source, hearer = link = self.rng.choice(busy)
        key = self.next_of(list(self.outbox[link]))
        self.arrives(source, hearer, self.outbox[link].pop(key))
        return True

    def next_of(self, waiting: Sequence[Key]) -> Key:
        """Which of these, in the order in which they were sent, arrives next."""
        return waiting[0] if self.guarantees.in_order else self.rng.choice(waiting)

    def arrives(self, source: str, hearer: str, stored: Stored) -> None:
        """One write reached a node."""
        del source
        self.learn(hearer, stored)

    # --- links ---------------------------------------------------------------------------------

    def plugin(self, node: str) -> int | None:
        """The plugin's version on the node."""
        return self.schema.deployment[self.running[node]]

    def is_up(self, link: Link) -> bool:
        """Whether writes may cross."""
        told = self.away[link[0]] | self.away[link[1]]
        return link not in self.cut and all(
            node not in self.down and self.plugin(node) is not None and node not in told
            for node in link
        )

    def is_going_on(self, link: Link) -> bool:
        """Whether neither node stands still."""
        return self.paused.keys().isdisjoint(link)

    def relink(self) -> None:
        """Connect and disconnect; a link that is up again starts from the beginning, or empty."""
        for link in permutations(self.nodes, 2):
            if not self.is_up(link):
                lost = self.outbox.pop(link, {})
                if link[1] in self.paused and link[0] not in self.paused:
                    some = [one for one in lost.values() if self.rng.random() < 0.5]
                    if self.guarantees.in_order:
                        some = [*lost.values()][: len(some)]
                    self.paused[link[1]] += [(link[0], one) for one in some]
            elif link not in self.outbox:
                self.outbox[link] = {}
                if self.guarantees.heal_catches_up:
                    self.refill(link)

    def refill(self, link: Link) -> None:
        """Everything that the source has to tell is under way again."""
        source, _ = link
        kept = self.distrusted[source].values() if self.hands_on else ()
        self.outbox[link] = {
            key: stored
            for known in (self.known[source], *kept)
            for key, stored in known.items()
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

    async def hang(self, link: Link) -> None:
        """As a cut: whether the nodes are told of it changes nothing here."""
        await self.set_cut(self.cut | {link})

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """Whoever the node hears starts from the beginning."""
        del full
        await Pause()
        if node in self.paused:
            return unknown("paused")
        if node in self.down:
            return refused("unreachable")
        if self.rng.random() < self.TIMEOUTS:
            return unknown("timeout")
        for link in self.outbox:
            if link[1] == node:
                self.refill(link)
        return Outcome(Answer.OK)

    # --- members and trust ---------------------------------------------------------------------

    @property
    def running_now(self) -> list[str]:
        """The nodes that can be told anything."""
        return [node for node in self.nodes if node not in self.down and node not in self.paused]

    async def leave(self, node: str) -> Outcome:
        """Each node that runs is told, in any order."""
        for told in self.rng.sample(self.running_now, len(self.running_now)):
            await Pause()
            self.away[told].add(node)
            self.relink()
        return Outcome(Answer.OK)

    async def join(self, node: str, *, new: bool) -> Outcome:
        """Each node that runs is told, in any order."""
        del new
        for told in self.rng.sample(self.running_now, len(self.running_now)):
            await Pause()
            self.away[told].discard(node)
            self.relink()
        return Outcome(Answer.OK)

    async def trust(self, node: str, peer: str, *, trusted: bool) -> Outcome:
        """What it has of that author goes, or is there again; and all is asked for again."""
        await Pause()
        known = self.known[node]
        if not trusted:
            self.keeps, self.hands_on = self.rng.random() < 0.7, self.rng.random() < 0.5
            kept = {key: one for key, one in known.items() if one.author == peer}
            self.known[node] = {key: one for key, one in known.items() if key not in kept}
            self.distrusted[node][peer] = kept if self.keeps else {}
            self.happened["hidden by distrust"] += bool(kept)
            self.past[node].append(dict(self.known[node]))
            self.floor[node] = len(self.past[node]) - 1
            return Outcome(Answer.OK)
        for stored in self.distrusted[node].pop(peer, {}).values():
            self.learn(node, stored)
        for link in self.outbox:
            if link[1] == node:
                self.refill(link)
        return Outcome(Answer.OK)

    # --- lives ---------------------------------------------------------------------------------

    async def crash(self, node: str) -> None:
        """What is known is durable; what was asked and not answered is gone."""
        await Pause()
        self.paused.pop(node, None)
        self.stop(node)

    async def pause(self, node: str) -> None:
        """Nothing is lost: what is under way to it waits."""
        await Pause()
        self.paused[node] = []

    async def set_clock(self, node: str, ahead_s: int) -> None:
        """It jumps."""
        self.skew[node] = ahead_s

    async def resume(self, node: str) -> None:
        """It finds what was sent to it, over links that are cut by now, too."""
        await Pause()
        self.go_on(node)

    def go_on(self, node: str) -> None:
        """What waits for the node arrives."""
        for source, stored in self.paused.pop(node, ()):
            if self.plugin(node) is not None:
                self.happened["came while it stood still"] += stored.key not in self.known[node]
                self.arrives(source, node, stored)

    async def restart(self, node: str) -> None:
        """Down for a moment; one that stands still goes on, to hear that it is to end."""
        await Pause()
        self.go_on(node)
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
        return Outcome(Answer.OK)

    async def backup(self, nodes: Sequence[str]) -> None:
        """One disk after another is copied."""
        for node in nodes:
            await Pause()
            self.copies[node] = (dict(self.known[node]), self.running[node])

    async def restore(self, nodes: Sequence[str], *, plain: bool) -> None:
        """All go down; then one after another starts with the disk that was copied."""
        del plain
        for node in nodes:
            await Pause()
            self.paused.pop(node, None)
            self.stop(node)
        for node in nodes:
            await Pause()
            known, self.running[node] = self.copies[node]
            self.happened["restores that lost rows"] += not self.known[node].keys() <= known.keys()
            self.happened["restores that brought rows back"] += (
                not known.keys() <= self.known[node].keys()
            )
            self.known[node] = dict(known)
            self.past[node].append(dict(known))
            self.floor[node] = len(self.past[node]) - 1
            self.start(node)

    async def purge(self) -> Outcome:
        """Of a deleted row all versions go, if every node can be asked and has them alike."""
        nodes = self.nodes
        able = all(n not in self.paused and not any(self.absent(n).values()) for n in nodes)
        for row in sorted({one.row for one in self.known[nodes[0]].values()}) if able else ():
            alike = {frozenset(one.key for one in self.versions(node, row)) for node in nodes}
            deleted = any(one.cells is None for one in self.versions(nodes[0], row))
            if deleted and len(alike) == 1 and all(self.has(node, row) is None for node in nodes):
                self.happened["purged"] += 1
                self.purged |= alike.pop()
        return Outcome(Answer.OK)

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
            self.happened["logs lost"] += bool(self.known[node])
            self.known[node] = {}
            self.distrusted[node] = {peer: {} for peer in self.distrusted[node]}
            self.past[node].append({})
            self.floor[node] = len(self.past[node]) - 1

    # --- sights --------------------------------------------------------------------------------

    def view(self, node: str) -> View | None:
        """What the node shows."""
        if self.plugin(node) is None:
            return None
        rows = self.present(node)
        showing = [row for row in rows if self.shows(node, row)]
        self.happened["hidden rows"] += len(rows) - len(showing)
        shown = [(row, self.answer(node, row, self.has(node, row) or {})) for row in showing]
        tables = {
            table: [(row.name, cells) for row, cells in shown if row.table == table]
            for table in self.schema.by_name
        }
        return View.of(self.schema, tables)

    def shows(self, node: str, row: Row) -> bool:
        """Whether the node shows a row that it has."""
        return self.is_visible(node, row)
