"""Possible worlds: an exact answer to whether a correct system could have done all this.

A world is a whole hidden truth: for each row one total order of its versions, what each node
really knows, and which requests of unknown outcome may still land. Whatever may happen is tried,
and a world that contradicts an answer or a sight is dropped. A history is possible as long as one
is left.
Written from docs/semantics.md alone: it shares the steps and the net with the model, and nothing of
what the model believes. Rows merge whole here, references hide, and all columns are of version 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from worlds import Cells, Version, World

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.values import Added, Assigned, Row, Tombstone, Write
from syncmodel.model.view import View
from syncmodel.steps import Burst, Concurrently, Data, Read, Step

NOBODY: frozenset[str] = frozenset()


class TooMany(Exception):  # noqa: N818 (no error: nobody can say whether the history is possible)
    """There are more worlds than anyone wants to wait for."""


#: Something that happens once while a step goes on: the worlds that may come of a world.
Event = Callable[[World], Iterable[World]]


class Scene(NamedTuple):
    """The circumstances of some requests; `touched` are nodes that are stopped meanwhile."""

    before: Net
    after: Net
    touched: frozenset[str]

    @property
    def during(self) -> Net:
        """What is up at any moment."""
        return self.before.either(self.after)

    def may_be_down(self, node: str) -> bool:
        return node in self.touched or node in self.before.still | self.after.still

    def may_lack_plugin(self, node: str) -> bool:
        return None in (self.before.plugin(node), self.after.plugin(node))


class Oracle:
    """All worlds in which a history is possible. `take` gives it one step more."""

    def __init__(self, net: Net, guarantees: Guarantees, most: int = 20_000) -> None:
        self.net = net
        self.guarantees = guarantees
        self.most = most
        self.worlds: set[World] = {World()}
        self.asked: list[Write] = []
        self.looks: list[Read] = []

    @property
    def possible(self) -> bool:
        """Whether some world is left."""
        return bool(self.worlds)

    def take(self, step: Step, outcome: Outcome, views: Mapping[str, View | None]) -> None:
        """One step, and the rest after it. Raises `TooMany`."""
        if isinstance(step, Burst):
            for part, answer in zip(step.steps, outcome.parts, strict=True):
                self._happen(part, answer)
        else:
            self._happen(step, outcome)
        self._rest(views)

    # --- what happens --------------------------------------------------------------------------

    def _happen(self, step: Step, outcome: Outcome) -> None:
        """One step, or several at once: every order of the answers, anything in between."""
        before, after, touched = self.net, step.becomes(self.net, outcome), step.disturbs()
        if not self.guarantees.heal_catches_up:
            after = before.interrupt(after, touched)
        scene = Scene(before, after, touched)
        calls, late = dict[int, Outcome](), set[int]()
        for read, answer in _reads(step, outcome):
            if answer.answer is not Answer.UNKNOWN:
                self.looks.append(read)
                calls[-len(self.looks)] = answer
        for write, answer in _calls(step, outcome, self.net):
            if answer.answer is Answer.UNKNOWN:
                late.add(len(self.asked))
            else:
                calls[len(self.asked)] = answer
            self.asked.append(write)
        # What an application that ends now had no plugin to take, the next one never gets.
        never = {
            n
            for n, w in enumerate(self.asked)
            if w.node in touched and w.node not in before.paused and not before.carries(w.node)
        }
        worlds = {w._replace(pending=w.pending - (never - late) | late) for w in self.worlds}
        for pair in before.distrusts - after.distrusts:
            worlds = {trusting for world in worlds for trusting in world.trusting(*pair)}
        events = {**self._answers(calls, scene), **self._disks(step)}
        worlds = self._served(worlds, events, scene) if events else worlds
        if after != before or touched:
            worlds = self._closed(worlds, scene.during)
            worlds = {self._ended(w, scene, late).forgetting(before.drops(after)) for w in worlds}
        for pair in after.distrusts - before.distrusts:
            worlds = {world.distrusting(*pair) for world in worlds}
        self.worlds, self.net = worlds, after

    def _answers(self, calls: Mapping[int, Outcome], scene: Scene) -> dict[str, Event]:
        return {
            f"answer {serial}": partial(self._answered, serial=serial, outcome=outcome, scene=scene)
            for serial, outcome in calls.items()
        }

    def _disks(self, step: Step) -> dict[str, Event]:
        """Each disk is copied at any moment; those that are put back go down together."""
        disks, events = step.disks(), dict[str, Event]()
        for node in disks.saved:
            events[f"copy {node}"] = partial(_copied, node=node)
        if back := disks.restored:
            asked = frozenset(n for n, write in enumerate(self.asked) if write.node in back)
            events["restore"] = partial(_put_back, nodes=back, asked=asked)
        return events

    def _served(self, worlds: set[World], events: Mapping[str, Event], scene: Scene) -> set[World]:
        """The worlds after these answers and the like, in whatever order they came."""
        served: dict[frozenset[str], set[World]] = {frozenset(): worlds}
        for _ in events:
            more = defaultdict[frozenset[str], set[World]](set)
            for done, reached in served.items():
                closed = self._closed(reached, scene.during)
                for name in events.keys() - done:
                    for world in closed:
                        more[done | {name}].update(events[name](world))
            served = more
        return served[frozenset(events)]

    def _ended(self, world: World, scene: Scene, late: set[int]) -> World:
        """A stop ends the requests of that life; one that came beside a restart may be younger."""
        ended = {
            serial
            for serial in world.pending
            if (node := self.asked[serial].node) in scene.touched
            and (serial not in late or node in scene.after.down)
        }
        return world._replace(pending=world.pending - ended)

    def _closed(self, worlds: Iterable[World], net: Net) -> set[World]:
        """With all that may come of them: versions travel one by one, late requests land."""
        found = set(worlds)
        waiting = list(found)
        while waiting:
            for world in self._next(waiting.pop(), net):
                if world not in found:
                    found.add(world)
                    waiting.append(world)
            if len(found) > self.most:
                raise TooMany
        return found

    def _next(self, world: World, net: Net) -> Iterator[World]:
        for hearer, serial in self._under_way(world, net, world.kept):
            yield world._replace(knows=world.knows | {(hearer, serial)})
        for serial in world.pending:
            if net.carries(self.asked[serial].node):
                yield from self._accepted(world, serial, self.asked[serial])

    def _under_way(
        self, world: World, net: Net, kept: frozenset[tuple[str, int]] = frozenset()
    ) -> Iterator[tuple[str, int]]:
        """What one step over one link brings, to whom: of what nodes know, or `kept`."""
        authors = {v.serial: v.author for _, order in world.orders for v in order}
        for source, hearer in net.told:
            for node, serial in world.knows | kept:
                author = authors[serial]
                told = node == source and (net.passes_on or author == source)
                news = (hearer, serial) not in world.knows
                if told and news and (hearer, author) not in net.distrusts:
                    yield hearer, serial

    def _rest(self, views: Mapping[str, View | None]) -> None:
        """Everything that must arrives; what shows then is what was seen."""
        net, must = self.net, self.net.whole
        worlds = self.worlds
        if must.told != net.told or any(world.pending or world.kept for world in worlds):
            worlds = self._closed(worlds, net)
        shown = {node: dict(view.rows) for node, view in views.items() if view is not None}
        settled = {self._settled(world, must) for world in worlds}
        self.worlds = {w for w in settled if all(self._shows(w, n, v) for n, v in shown.items())}

    def _settled(self, world: World, net: Net) -> World:
        while more := set(self._under_way(world, net)):
            world = world._replace(knows=world.knows | more)
        return world

    def _shows(self, world: World, node: str, rows: Mapping[Row, object]) -> bool:
        return self._shows_of(world, node, rows, {row for row, _ in world.orders} | rows.keys())

    def _shows_of(
        self, world: World, node: str, rows: Mapping[Row, object], asked: Iterable[Row]
    ) -> bool:
        return all(
            rows.get(row) is None
            if (cells := self._visible(world, node, row)) is None
            else rows.get(row) == self.net.schema.by_name[row.table].read(dict(cells))
            for row in asked
        )

    # --- what a node has -----------------------------------------------------------------------

    def _winner(self, world: World, node: str, row: Row) -> Version | None:
        known = world.known(node, row)
        if self.guarantees.policy(row.table).leaves:
            replaced = frozenset[int]().union(*(v.over for v in known))
            known = [v for v in known if v.serial not in replaced]
            known = [v for v in known if v.cells is not None] or known
        return known[-1] if known else None

    def _has(self, world: World, node: str, row: Row) -> Cells:
        winner = self._winner(world, node, row)
        return None if winner is None else winner.cells

    def _visible(self, world: World, node: str, row: Row) -> Cells:
        """What shows of the row: nothing, unless all that it refers to shows."""
        cells = self._has(world, node, row)
        if cells is None:
            return None
        named = [Row(ref.table, str(dict(cells)[ref.name])) for ref in self._refs(row)]
        return cells if all(self._visible(world, node, one) for one in named) else None

    def _refs(self, row: Row) -> Iterator[Any]:
        return (ref for ref in self.net.schema.by_name[row.table].refs if ref.binds)

    # --- answers -------------------------------------------------------------------------------

    def _refusal(self, world: World, write: Write) -> str | None:
        """Why a node that is there must refuse a write; None: it accepts."""
        there = self._has(world, write.node, write.row) is not None
        if write.node in self.guarantees.readers:
            return "read_only"
        if write.creates and there and not self.guarantees.upserts:
            return "exists"
        if not write.creates and not there:
            return "no_such_row"
        needed = (self._visible(world, write.node, row) for row in write.needs)
        return "missing_reference" if None in needed else None

    def _answered(
        self, world: World, serial: int, outcome: Outcome, scene: Scene
    ) -> Iterator[World]:
        """The worlds in which the node gives this answer now."""
        if serial < 0:
            if self._is_read(world, self.looks[-serial - 1], outcome, scene):
                yield world
            return
        write = self.asked[serial]
        carries = scene.during.carries(write.node)
        if outcome.ok:
            accepted = self._accepted(world, serial, write) if carries else ()
            yield from (w for w in accepted if self._stored(w, serial, write.row, outcome))
        elif outcome.code in ("unreachable", "not_ready"):
            if scene.may_be_down(write.node):
                yield world
        elif outcome.code == "no_plugin":
            if scene.may_lack_plugin(write.node):
                yield world
        elif carries and self._refusal(world, write) == outcome.code:
            yield world

    def _is_read(self, world: World, read: Read, outcome: Outcome, scene: Scene) -> bool:
        """Whether the node gives this answer to a reader now."""
        if outcome.code == "no_plugin":
            return scene.may_lack_plugin(read.node)
        if outcome.view is None:
            return outcome.code in ("unreachable", "not_ready") and scene.may_be_down(read.node)
        rows = dict(outcome.view.rows)
        asked = {row for row, _ in world.orders if row.table == read.table} | rows.keys()
        if read.row is not None:
            asked = {row for row in asked if row.name == read.row}
        shows = self._shows_of(world, read.node, rows, asked)
        return scene.during.carries(read.node) and rows.keys() <= asked and shows

    def _stored(self, world: World, serial: int, row: Row, outcome: Outcome) -> bool:
        """Whether the answer has the row as it was stored."""
        (cells,) = (v.cells for v in world.order(row) if v.serial == serial)
        return outcome.row is None or (cells is not None and outcome.row == dict(cells))

    def _accepted(self, world: World, serial: int, write: Write) -> Iterator[World]:
        """The node takes a write: one world for each place that it may have in the order."""
        if self._refusal(world, write) is not None:
            return
        node, row = write.node, write.row
        order = world.order(row)
        known = [place for place, v in enumerate(order) if (node, v.serial) in world.knows]
        causal = self.guarantees.policy(row.table).name == "causal-lww"
        first = known[-1] + 1 if causal and known else 0
        cells = self._made(write, self._has(world, node, row))
        for over in self._replaced(world, write):
            for place in range(first, len(order) + 1):
                yield world.inserted(row, place, Version(serial, node, cells, over))

    def _replaced(self, world: World, write: Write) -> set[frozenset[int]]:
        """What a write replaces, where leaves are kept: over a tombstone it may, or begin anew."""
        winner = self._winner(world, write.node, write.row)
        if winner is None or not self.guarantees.policy(write.row.table).leaves:
            return {frozenset()}
        ways = {winner.over | {winner.serial}}
        return ways | {frozenset()} if winner.cells is None else ways

    def _made(self, write: Write, under: Cells) -> Cells:
        before = dict(under or ())
        match write.change:
            case Tombstone():
                return None
            case Assigned(column, value):
                return tuple({**before, column: value}.items())
            case Added(column, by):
                return tuple({**before, column: int(before[column] or 0) + by}.items())
            case _:
                return tuple(write.values.items())


def _copied(world: World, node: str) -> Iterable[World]:
    return (world.copied(node),)


def _put_back(world: World, nodes: frozenset[str], asked: frozenset[int]) -> Iterable[World]:
    return (world.put_back(nodes, asked),)


def _reads(step: Step, outcome: Outcome) -> Iterator[tuple[Read, Outcome]]:
    if isinstance(step, Concurrently):
        for part, answer in zip(step.steps, outcome.parts, strict=True):
            yield from _reads(part, answer)
    elif isinstance(step, Read):
        yield step, outcome


def _calls(step: Step, outcome: Outcome, net: Net) -> Iterator[tuple[Write, Outcome]]:
    if isinstance(step, Concurrently):
        for part, answer in zip(step.steps, outcome.parts, strict=True):
            yield from _calls(part, answer, net)
    elif isinstance(step, Data):
        yield step.asks(net.schema), outcome
