"""Possible worlds of what `oracle` leaves out, so that the model is held against these as well.

Rows that merge column by column, counters that add up, a quorum, columns of a later version of the
plugin, references of every kind, and requests that must be refused. Written from docs/semantics.md
and docs/guarantees.md alone. A request travels whole: who knows one register of it knows all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import Any

from oracle import Oracle, Scene
from worlds import Cells, Version, World

from syncmodel.model.columns import Column, OnDelete
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.schema import Table
from syncmodel.model.values import TOMBSTONE, Added, Assigned, Row, Scalar, Write
from syncmodel.model.view import View
from syncmodel.steps import Refused, Step

#: Refusals for which the node did not look at its rows.
BLIND = frozenset({"unreachable", "not_ready", "no_plugin", "no_quorum"})


class WideOracle(Oracle):
    """All worlds in which a history is possible, whatever is stored and promised.

    `orders` are those of registers: of rows, or of each column of them.
    """

    def __init__(self, net: Net, guarantees: Guarantees, most: int = 20_000) -> None:
        super().__init__(net, guarantees, most)
        self.nets: tuple[Net, Net] = (net, net)
        #: How many requests were asked before the step that happens now.
        self.older = 0
        #: The serial numbers of what deletes took along: below zero.
        self.along: dict[tuple[int, Row], int] = {}

    def _happen(self, step: Step, outcome: Outcome) -> None:
        self.nets = (self.net, step.becomes(self.net, outcome))
        self.older = len(self.asked)
        if isinstance(step, Refused):
            self._refuse(step, outcome)
        else:
            super()._happen(step, outcome)

    def _refuse(self, step: Refused, outcome: Outcome) -> None:
        """A bad request must be refused for this reason, in every world that is left."""
        if outcome.answer is Answer.UNKNOWN:
            return
        if outcome.code != step.why:
            self.worlds = set()
        elif step.why != "malformed":
            scene = Scene(self.net, self.net, frozenset())
            calls = {len(self.asked): outcome}
            self.asked.append(step.step.asks(self.net.schema))
            self.worlds = self._served(self.worlds, self._answers(calls, scene), scene)

    def _rest(self, views: Mapping[str, View | None]) -> None:
        self.nets, self.older = (self.net, self.net), len(self.asked)
        super()._rest(views)

    def _shows(self, world: World, node: str, rows: Mapping[Row, object]) -> bool:
        written = {row.whole for row, _ in world.orders}
        return self._shows_as(world, node, rows, written | rows.keys(), self.net.plugin(node) or 0)

    def _shows_of(
        self, world: World, node: str, rows: Mapping[Row, object], asked: Iterable[Row]
    ) -> bool:
        """Read before or after a deployment beside it."""
        wanted = {row.whole for row in asked}
        versions = {v for net in self.nets if (v := net.plugin(node)) is not None}
        return any(self._shows_as(world, node, rows, wanted, version) for version in versions)

    def _shows_as(
        self,
        world: World,
        node: str,
        rows: Mapping[Row, object],
        asked: Iterable[Row],
        version: int,
    ) -> bool:
        for row in asked:
            cells, shown = self._visible(world, node, row), rows.get(row)
            if cells is None or shown is None:
                if cells is not shown:
                    return False
            else:
                table = self.net.schema.by_name[row.table]
                if shown != table.read(_as_shown(table, cells, version)):
                    return False
        return True

    # --- what a node has -----------------------------------------------------------------------

    def _has(self, world: World, node: str, row: Row) -> Cells:
        there = super()._has(world, node, row)
        if there is None or not self.guarantees.by_field:
            return there
        cells = dict(there)
        for column in self._changing(row):
            register = row._replace(column=column.name)
            if self._sums(column):
                cells[column.name] = _total(world.known(node, register), column.name)
            elif known := world.known(node, register):
                cells.update(known[-1].cells or ())
        return _ordered(self.net.schema.by_name[row.table], cells)

    def _changing(self, row: Row) -> list[Column]:
        return [c for c in self.net.schema.by_name[row.table].columns if c.op is not None]

    def _sums(self, column: Column) -> bool:
        return self.guarantees.sums and column.OP == "add"

    def _referring(
        self, world: World, node: str, rows: Iterable[Row], kind: OnDelete
    ) -> Iterator[Row]:
        """The rows that the node has and that refer to these in this way."""
        names = {*rows}
        for row in sorted({row.whole for row, _ in world.orders}):
            refs = [r for r in self.net.schema.by_name[row.table].refs if r.on_delete is kind]
            cells = self._has(world, node, row) if refs else None
            for ref in refs if cells is not None else ():
                if Row(ref.table, str(dict(cells or ())[ref.name])) in names:
                    yield row

    def _deleted_with(self, world: World, node: str, row: Row) -> list[Row]:
        gone = {row}
        while more := {*self._referring(world, node, gone, OnDelete.CASCADE)} - gone:
            gone |= more
        return sorted(gone)

    # --- answers -------------------------------------------------------------------------------

    def _versions(self, serial: int) -> set[int]:
        """The plugin's versions that the node may have as it serves this request."""
        node = self.asked[serial].node
        nets = self.nets if serial >= self.older else self.nets[:1]
        return {version for net in nets if (version := net.plugin(node)) is not None}

    def _codes(self, world: World, write: Write, version: int) -> set[str | None]:
        """Why a node of that version may refuse a write; None: it accepts."""
        code = self._refusal(world, write)
        if code is None and write.op == "delete":
            gone = self._deleted_with(world, write.node, write.row)
            if any(self._referring(world, write.node, gone, OnDelete.RESTRICT)):
                code = "referenced"
        columns = self.net.schema.by_name[write.row.table].by_name
        for name, cell in write.values.items():
            column = columns[name]
            if not column.there(version) and not (write.creates and cell == column.start):
                return {"malformed"} if code is None else {"malformed", code}
        return {code}

    def _answered(
        self, world: World, serial: int, outcome: Outcome, scene: Scene
    ) -> Iterator[World]:
        node = self.looks[-serial - 1].node if serial < 0 else self.asked[serial].node
        if outcome.code == "no_quorum":
            if self._may_lack_quorum(node, scene):
                yield world
            return
        if serial < 0:
            for one in {world, self._informed(world, node)}:
                yield from super()._answered(one, serial, outcome, scene)
            return
        write = self.asked[serial]
        if outcome.ok or outcome.code in BLIND:
            yield from super()._answered(world, serial, outcome, scene)
        elif scene.during.carries(write.node) and self._may_have_quorum(write.node):
            informed = self._informed(world, write.node)
            versions = self._versions(serial)
            if any(outcome.code in self._codes(informed, write, one) for one in versions):
                yield informed

    def _may_lack_quorum(self, node: str, scene: Scene) -> bool:
        if not self.guarantees.quorum or scene.touched or scene.before.paused | scene.after.paused:
            return self.guarantees.quorum
        cut = scene.before.cut | scene.after.cut
        nets = (scene.before, scene.after, scene.before.with_cut(cut))
        return any(node not in net.voters for net in nets)

    def _may_have_quorum(self, node: str) -> bool:
        nets = (*self.nets, self.nets[0].either(self.nets[1]))
        return not self.guarantees.quorum or any(node in net.perhaps_voters for net in nets)

    def _informed(self, world: World, node: str) -> World:
        """With a quorum a node that answers knows all that was accepted anywhere."""
        if not self.guarantees.quorum:
            return world
        every = {(node, v.serial) for _, order in world.orders for v in order}
        return world._replace(knows=world.knows | every)

    def _stored(self, world: World, serial: int, row: Row, outcome: Outcome) -> bool:
        if outcome.row is None:
            return True
        if self.asked[serial].op == "delete":
            return False
        table, cells = self.net.schema.by_name[row.table], dict[str, Scalar]()
        if self.guarantees.by_field:
            cells.update(self._has(world, self.asked[serial].node, row) or ())
        for column in ("", *(c.name for c in self._changing(row))):
            for version in world.order(row._replace(column=column)):
                if version.serial == serial and not (column and self._sums(table.by_name[column])):
                    cells.update(version.cells or ())
        shown = _as_shown(table, _ordered(table, cells), None)
        given = {name: cell for name, cell in outcome.row.items() if name in shown}
        first = {c.name for c in table.columns if c.since == 1 and c.until is None}
        return given.keys() >= first and given.items() <= shown.items()

    def _accepted(self, world: World, serial: int, write: Write) -> Iterator[World]:
        if not self._may_have_quorum(write.node):
            return
        world, found = self._informed(world, write.node), set[World]()
        for version in self._versions(serial):
            if None in self._codes(world, write, version):
                found.update(self._taken(world, serial, write, version))
        yield from found

    def _taken(self, world: World, serial: int, write: Write, version: int) -> set[World]:
        """The worlds in which a node of that version took the write, and what goes with it."""
        worlds, writes = {world}, [(serial, write)]
        if write.op == "delete":
            for row in self._deleted_with(world, write.node, write.row):
                if row != write.row:
                    number = self.along.setdefault((serial, row), -1 - len(self.along))
                    writes.append((number, Write(write.node, row, TOMBSTONE)))
        for number, one in writes:
            ways = self._ways(world, one, version)
            worlds = {
                after
                for before in worlds
                for way in ways
                for after in self._put(before, number, one, way)
            }
        return worlds

    def _ways(self, world: World, write: Write, version: int) -> list[Sequence[tuple[Row, Cells]]]:
        """What the write may store, register by register."""
        row, has = write.row, self._has(world, write.node, write.row)
        table = self.net.schema.by_name[row.table]
        if write.op == "delete":
            return [[(row, None)]]
        if not write.creates and not self.guarantees.by_field:
            return [[(row, _ordered(table, dict(self._made(write, has) or ())))]]
        if not write.creates:
            return [[self._changed(write, has)]]
        unknown = {c.name for c in table.columns if not c.there(version)}
        cells = {name: cell for name, cell in write.values.items() if name not in unknown}
        if not self.guarantees.by_field:
            kept = {name: cell for name, cell in has or () if name in unknown}
            ways = [cells, {**kept, **cells}] if kept else [cells]
            return [[(row, _ordered(table, way))] for way in ways]
        changing = [c.name for c in self._changing(row)]
        there = {name: cell for name, cell in cells.items() if name not in changing}
        first = [(row, _ordered(table, there))]
        first += [(row._replace(column=n), ((n, cells[n]),)) for n in changing if n in cells]
        starts = {name: table.by_name[name].start for name in changing if name in unknown}
        more = [(row._replace(column=n), ((n, _scalar(start)),)) for n, start in starts.items()]
        # Whether the old columns stay is for the system to say.
        return [[*first, *some] for some in _subsets(more)]

    def _changed(self, write: Write, has: Cells) -> tuple[Row, Cells]:
        """The one column that a set or an add stores."""
        change = write.change
        assert isinstance(change, Assigned | Added)
        register = write.row._replace(column=change.column)
        column = self.net.schema.by_name[write.row.table].by_name[change.column]
        if isinstance(change, Added) and self._sums(column):
            return register, ((change.column, change.by),)
        return register, tuple(
            one for one in self._made(write, has) or () if one[0] == change.column
        )

    def _put(
        self, world: World, serial: int, write: Write, way: Sequence[tuple[Row, Cells]]
    ) -> Iterator[World]:
        """Every place that these may have in the orders of their registers."""
        if not way:
            yield world
            return
        (register, cells), rest = way[0], way[1:]
        column = self.net.schema.by_name[register.table].by_name.get(register.column)
        if column is not None and self._sums(column):
            placed = self._added(world, serial, write, register, cells)
        else:
            placed = self._placed(world, serial, write, register, cells)
        for one in placed:
            yield from self._put(one, serial, write, rest)

    def _placed(
        self, world: World, serial: int, write: Write, register: Row, cells: Cells
    ) -> Iterator[World]:
        node, order = write.node, world.order(register)
        known = [place for place, v in enumerate(order) if (node, v.serial) in world.knows]
        causal = self.guarantees.policy(register.table).name == "causal-lww"
        first = known[-1] + 1 if causal and known else 0
        for over in self._replaced(world, write):
            for place in range(first, len(order) + 1):
                yield world.inserted(register, place, Version(serial, node, cells, over))

    def _added(
        self, world: World, serial: int, write: Write, register: Row, cells: Cells
    ) -> Iterator[World]:
        """Increments have no order; `over` are those that a create takes out of the sum.

        It may take out any that was not made knowing it.
        """
        order, node = world.order(register), write.node
        new = Version(serial, node, cells)
        if write.creates:
            made = [v.serial for v in order if _by(v)]
            for some in _subsets(made):
                version = new._replace(over=frozenset(some))
                yield _sorted(world.inserted(register, 0, version), register)
            return
        creates = [v for v in order if not _by(v) and (node, v.serial) not in world.knows]
        for some in _subsets(creates):
            mine = {v.serial for v in some}
            changed = tuple(
                v._replace(over=v.over | {serial}) if v.serial in mine else v for v in order
            )
            orders = tuple(sorted({**dict(world.orders), register: changed}.items()))
            yield _sorted(world._replace(orders=orders).inserted(register, 0, new), register)


def _sorted(world: World, register: Row) -> World:
    order = tuple(sorted(world.order(register), key=lambda v: v.serial))
    return world._replace(orders=tuple(sorted({**dict(world.orders), register: order}.items())))


def _subsets(some: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(some, size) for size in range(len(some) + 1))


def _by(version: Version) -> int:
    """What an increment adds; 0 for a create."""
    ((_, cell),) = version.cells or (("", 0),)
    return int(cell or 0)


def _total(known: Sequence[Version], column: str) -> int:
    out = frozenset[int]().union(*(v.over for v in known))
    return sum(_by(v) for v in known if v.serial not in out)


def _ordered(table: Table, cells: Mapping[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    return tuple((c.name, cells[c.name]) for c in table.columns if c.name in cells)


def _scalar(start: object) -> Scalar:
    assert start is None or isinstance(start, str | int)
    return start


def _as_shown(table: Table, cells: Cells, version: int | None) -> dict[str, Scalar]:
    """A row as a node of that version shows it; None: with the columns of all versions."""
    known = dict(cells or ())
    columns = [c for c in table.columns if version is None or c.there(version)]
    return {c.name: known[c.name] if c.name in known else _scalar(c.start) for c in columns}
