"""What virtual nodes leave of a failure: the files that live ones leave, where they make sense.

What a machine has is there whether or not its application runs; what the application says, only if
it does. Not here: jobs, logs and certificates, as a virtual machine has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncmodel.reference.node.generations import Generation
from syncmodel.reference.node.state import Node, State, listed, sync_status
from syncmodel.reference.simulated import acts, sights
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.targets.kept import comparison, rows_of, write
from syncmodel.targets.wire import PLUGIN, to_tables


def keep(world: VirtualWorld, folder: Path) -> None:
    """A folder for each node, as `targets.artefacts.keep` makes them of live ones."""
    for name in world.setup.names:
        there = folder / name
        there.mkdir(parents=True, exist_ok=True)
        for file, found in _said(world, name).items():
            write(there / file, found)


def _said(world: VirtualWorld, name: str) -> dict[str, Any]:
    machine, setup = world.machines[name], world.setup
    generations = {
        "generations": [
            {
                "number": number,
                "store_item": f"/gnu/store/{Generation(number, setup.plugins(number)).item}",
                "plugins": setup.plugins(number),
                "selected": number == machine.selected,
                "running": number == machine.running,
            }
            for number in sorted(setup.generations)
        ]
    }
    found = {
        "generations.json": generations,
        "comparison.json": comparison(generations),
        "links.json": [machine.selected, machine.running],
        "store-tables.json": to_tables(machine.disk.tables(setup.supervisor.migrations)),
    }
    files = ("status.json", "nodes.json", "sync.json", "rows.json", "schema.json")
    if machine.state is None or name in world.paused:
        why = "does not run" if machine.state is None else "stands still"
        return found | {file: {"unanswered": f"{name} {why}"} for file in files}
    return found | dict(zip(files, _answers(world, name, machine.state), strict=True))


def _answers(world: VirtualWorld, name: str, state: State) -> tuple[Any, ...]:
    """What an application that runs says: status, nodes, sync, rows, schema."""
    node: Node = world.setup.nodes[name]
    nodes, sync = listed(state, node), sync_status(state, node)
    look = sights.control(world, name)
    status = {
        "healthy": look.healthy,
        "now_s": world.now_s(name),
        "problems": list(look.problems),
        "members": nodes,
        "generation": {"selected": look.selected, "running": look.running},
        "plugins": world.setup.plugins(look.running),
        "sync": sync,
    }
    disk = acts.stored(world, name).machines[name].disk
    view, at = sights.view(state), (str(sync["log_id"]), int(str(sync["position"])))
    schema = {"plugin": PLUGIN, "version": look.plugin, "tables": list(look.tables)}
    return (
        status,
        {"nodes": nodes},
        sync,
        rows_of(view, None if view is None else at),
        {"schema": None} if view is None else {**schema, "migrations": list(disk.applied)},
    )
