"""What can be seen of a virtual world: rest, the plugin's tables, the control plane.

It uses the signs that a tester has of live nodes: log identities and positions, and the tables as
the plugin's API shows them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache, partial
from itertools import chain

from attrs import define, field
from immutables import Map

from syncmodel.model import values as model
from syncmodel.model.members import MembersView
from syncmodel.model.net import Link as Direction
from syncmodel.model.view import ControlView, View
from syncmodel.reference.node import migrations
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.node.entries import CaseRow, EventRow, Row
from syncmodel.reference.node.state import (
    Link,
    State,
    listed,
    own_log,
    reached,
    shown,
    sync_status,
)
from syncmodel.reference.simulated.changes import MANY, Table, between
from syncmodel.reference.simulated.setup import RUN_ID, Setup
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.targets.listing import to_members
from syncmodel.targets.wire import SUPERTEST, to_columns, to_tables, to_view

TABLES = tuple(sorted(SUPERTEST.by_name))


def behind(world: VirtualWorld) -> list[Direction]:
    """The links, connected or free to be, whose dialler has not processed the relay's log to its
    end, over a connection that is still there; both nodes run and do not stand still."""
    running = {
        n: one.state
        for n, one in world.machines.items()
        if one.state is not None and n not in world.paused
    }
    logs = {name: own_log(state) for name, state in running.items()}
    return [
        (relay, dialler)
        for relay, dialler in world.setup.links
        if relay in logs
        and dialler in running
        and not reached(running[dialler], relay, *logs[relay])
        and _carries(world, (relay, dialler))
    ]


def _carries(world: VirtualWorld, link: Direction) -> bool:
    """Whether something must come over the link, between members: it is whole, or connected all the
    same."""
    whole = link not in world.cut or (link in world.wires and link not in world.hung)
    return whole and world.lets(link)


def at_rest(world: VirtualWorld) -> bool:
    """Nothing can happen on its own, and every node has processed what its links brought it."""
    return not world.coming and not behind(world)


def views(world: VirtualWorld) -> dict[str, View | None]:
    """What every node that runs and does not stand still shows, None for one without the plugin.

    A read stores what was written behind: see `acts.stored`, which this does not do.
    """
    return {
        name: view(machine.state, name)
        for name in world.setup.names
        if (machine := world.machines[name]).state is not None and name not in world.paused
    }


def view(state: State, name: str = "") -> View | None:
    """What one node shows; by its `name` it is known what was read of it last."""
    if state.plugin is None:
        return None
    if len(state.table) >= MANY:
        return _next(name, state.plugin, state.table)
    return _view(state.plugin, tuple(state.table.values()))


Pairs = list[tuple[model.Row, model.Value]]


@define
class _Last:
    """What was read of a node last; `plain`: there were no events, not even hidden ones."""

    plugin: int = 0
    table: Table = Map()
    view: View = View()
    plain: bool = False


@define
class _Any:
    """The last view of any node, and how one came of another last: nodes that agree have one view,
    which is made and hashed once."""

    view: View = View()
    before: View = View()
    out: Pairs = field(factory=list)
    new: Pairs = field(factory=list)
    after: View = View()


_LAST = defaultdict[str, _Last](_Last)
_ANY = _Any()


def _next(name: str, plugin: int, table: Table) -> View:
    """The view of a node that has many rows, of which a step changes few: made of its last one."""
    last = _LAST[name]
    # Whether an event shows depends on its case: then all of them are read.
    keys = between(last.table, table) if last.plain and last.plugin == plugin else None
    found, plain = None, False
    if keys is not None and len(keys) < MANY / 8:
        ordered = sorted(keys)
        new = [row for key in ordered for row in table.get(key, ())]
        plain = all(row.__class__ is CaseRow for row in new)
        if plain:
            out = [row for key in ordered for row in last.table.get(key, ())]
            found = _stepped(last.view, *(_pairs(plugin, rows) for rows in (out, new)))
    if found is None:
        whole = tuple(table.values())
        found = _view(plugin, whole)
        plain = not any(row.__class__ is EventRow for row in chain.from_iterable(whole))
        if found.rows == _ANY.view.rows:
            found = _ANY.view
    _LAST[name] = _Last(plugin, table, found, plain)
    _ANY.view = found
    return found


def _stepped(view: View, out: Pairs, new: Pairs) -> View | None:
    """The view once these rows are gone and those came; as the node before had it, if it did."""
    if out == new:
        return view
    if _ANY.before is not view or _ANY.out != out or _ANY.new != new:
        found = _changed(list(view.rows), out, new)
        if found is None:
            return None
        _ANY.before, _ANY.out, _ANY.new, _ANY.after = view, out, new, found
    return _ANY.after


def _pairs(plugin: int, rows: Iterable[Row]) -> Pairs:
    return [_row(plugin, row) for row in rows if row.run_id == RUN_ID]


def _changed(rows: Pairs, gone: Pairs, came: Pairs) -> View | None:
    """The rows, by name, without some and with others; None where a name is there twice."""
    for pair in gone:
        place = bisect_left(rows, pair[0].name, key=_name)
        if rows[place : place + 1] != [pair]:
            return None
        del rows[place]
    for pair in came:
        place = bisect_left(rows, pair[0].name, key=_name)
        if rows[place : place + 1] and _name(rows[place]) == pair[0].name:
            return None
        rows.insert(place, pair)
    return View(tuple(rows))


def _name(pair: tuple[model.Row, model.Value]) -> str:
    return pair[0].name


@lru_cache(maxsize=256)
def _view(plugin: int, table: tuple[tuple[Row, ...], ...]) -> View:
    # All that a read of the state needs is in here, so equal tables are read once. A tuple, as a
    # map of many rows takes ten times as long to hash and to compare.
    cases, events = shown(table, RUN_ID)
    return View(tuple(map(partial(_row, plugin), (*cases, *events))))


@lru_cache(maxsize=1024)
def _row(plugin: int, row: Row) -> tuple[model.Row, model.Value]:
    """One row as a view has it. A step changes few of many, so each is read once.

    The name is for an answer of another shape, which the core's own rows can't have.
    """
    tables: dict[str, list[object]] = {"cases": [], "events": []}
    tables["events" if isinstance(row, EventRow) else "cases"].append(row.to_json(plugin))
    (there,) = to_view("a node", tables, RUN_ID).rows
    return there


def control(world: VirtualWorld, name: str) -> ControlView:
    """What a node's machine reports about itself."""
    machine = world.machines[name]
    links, disk = (machine.selected, machine.running), machine.disk
    return _reported(world.setup, links, disk.applied, disk.left, members(world, name))


@lru_cache(maxsize=1024)
def _reported(
    setup: Setup,
    links: tuple[int, int],
    applied: tuple[str, ...],
    left: frozenset[str],
    members: MembersView | None,
) -> ControlView:
    """What such a machine reports: it follows from these alone."""
    selected, running = links
    plugin, known = setup.generations[running], setup.supervisor.migrations
    there = {} if plugin is None else migrations.columns(applied, known)
    return ControlView(
        *links,
        links,
        plugin,
        () if plugin is None else TABLES,
        healthy=selected == running,
        stored=to_tables(Disk("", applied=applied, left=left).tables(known)),
        columns=to_columns(there),
        members=members,
    )


def members(world: VirtualWorld, name: str) -> MembersView | None:
    """What a node that runs says of its cluster."""
    state, setup = world.machines[name].state, world.setup
    if state is None:
        return None
    links = state.links
    connected = frozenset([peer for peer, link in links.items() if link.connected])
    return _told(setup, name, state.inactive, state.trusted, connected)


@lru_cache(maxsize=1024)
def _told(
    setup: Setup,
    name: str,
    inactive: frozenset[str],
    trusted: frozenset[str],
    connected: frozenset[str],
) -> MembersView:
    """What such a node says: it follows from these alone."""
    node = setup.nodes[name]
    links = Map({peer: Link(connected=True) for peer in connected})
    state = State("", links=links, inactive=inactive, trusted=trusted)
    nodes = listed(state, node)
    return to_members({"nodes": nodes}, {"members": nodes}, sync_status(state, node))
