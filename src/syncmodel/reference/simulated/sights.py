"""What can be seen of a virtual world: rest, the plugin's tables, the control plane.

It uses the signs that a tester has of live nodes: log identities and positions, and the tables as
the plugin's API shows them.
"""

from __future__ import annotations

from functools import lru_cache

from syncmodel.model import values as model
from syncmodel.model.net import Link
from syncmodel.model.view import ControlView, View
from syncmodel.reference.node.entries import EventRow, Row
from syncmodel.reference.node.state import State, own_log, reached, shown
from syncmodel.reference.simulated.setup import RUN_ID
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.targets.wire import SUPERTEST, to_tables, to_view

TABLES = tuple(sorted(SUPERTEST.by_name))


def behind(world: VirtualWorld) -> list[Link]:
    """The links, connected or free to be, whose dialler has not processed the relay's log to its
    end, over a connection that is still there."""
    running = {n: one.state for n, one in world.machines.items() if one.state is not None}
    logs = {name: own_log(state) for name, state in running.items()}
    return [
        (relay, dialler)
        for relay, dialler in world.setup.links
        if ((relay, dialler) in world.wires or (relay, dialler) not in world.cut)
        and relay in logs
        and dialler in running
        and not reached(running[dialler], relay, *logs[relay])
    ]


def at_rest(world: VirtualWorld) -> bool:
    """Nothing can happen on its own, and every node has processed what its links brought it."""
    return not world.coming and not behind(world)


def views(world: VirtualWorld) -> dict[str, View | None]:
    """What every node that runs shows, None for one without the plugin.

    A read stores what was written behind: see `acts.stored`, which this does not do.
    """
    return {
        name: view(machine.state)
        for name in world.setup.names
        if (machine := world.machines[name]).state is not None
    }


def view(state: State) -> View | None:
    """What one node shows."""
    return None if state.plugin is None else _view(state.plugin, tuple(state.table.values()))


@lru_cache(maxsize=256)
def _view(plugin: int, table: tuple[tuple[Row, ...], ...]) -> View:
    # All that a read of the state needs is in here, so equal tables are read once. A tuple, as a
    # map of many rows takes ten times as long to hash and to compare.
    cases, events = shown(table, RUN_ID)
    return View(tuple([_row(plugin, row) for row in (*cases, *events)]))


@lru_cache(maxsize=4096)
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
    plugin = world.setup.generations[machine.running]
    links = (machine.selected, machine.running)
    tables = () if plugin is None else TABLES
    stored = to_tables(machine.disk.tables(world.setup.supervisor.migrations))
    return ControlView(*links, links, plugin, tables, healthy=True, stored=stored)
