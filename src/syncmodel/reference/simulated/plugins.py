"""What a virtual machine does to its plugin, and what it boots, as the supervisor has it.

Acts like those of `acts`: from a world to the next one, in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.reference.node import losing
from syncmodel.reference.node.entries import Row, RowKey
from syncmodel.reference.node.jobs import Kind
from syncmodel.reference.simulated import acts
from syncmodel.reference.simulated.machine import committed, planned
from syncmodel.reference.simulated.setup import RUN_ID
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps.deployment import OTHERWISE
from syncmodel.steps.plugins import UNCONFIRMED
from syncmodel.targets.losing import to_losses


def disable(world: VirtualWorld, node: str) -> tuple[VirtualWorld, Outcome]:
    """The node goes to the generation without the plugin, and runs no migration."""
    return _taken_out(world, node, "disable")


def uninstall(world: VirtualWorld, node: str, *, confirmed: bool) -> tuple[VirtualWorld, Outcome]:
    """The node goes there, and its tables go; unconfirmed it is refused."""
    if world.runs(node) and not confirmed and world.setup.supervisor.wants_confirmation():
        return world, replace(refused(UNCONFIRMED), row=_losses(world, node))
    return _taken_out(world, node, "uninstall")


def _taken_out(world: VirtualWorld, node: str, kind: Kind) -> tuple[VirtualWorld, Outcome]:
    if not world.runs(node):
        return world, refused("unreachable")
    setup = world.setup
    world = acts.crash(acts.stored(world, node), node)
    new_log_id = acts.unused_log(world, node)
    machine = world.machines[node]
    steps = planned(machine, setup, setup.bare, kind)
    named = () if kind == "disable" else planned(machine, setup, setup.bare, "rollout")
    machine = committed(machine, setup, setup.bare, steps, new_log_id)
    world = acts.booted(world.with_machine(node, machine), node)
    return world, accepted() if steps == named else refused(OTHERWISE)


def _losses(world: VirtualWorld, node: str) -> dict[str, Any]:
    """What the node says would be lost: it asks its peers over the links that are up."""
    machine, core = world.machines[node], world.setup.nodes[node]
    state = machine.state
    assert state is not None
    if state.plugin is None:
        kept = machine.disk.boot(core, 1, world.now_s(node)).table
        return to_losses(node, {"rows_lost": _counted(kept)}, RUN_ID)
    held, silent = [], []
    for peer in core.peers:
        other, link = world.machines[peer.name].state, (peer.name, node)
        off = world.cut | world.hung
        if other is None or link in off or peer.name in world.paused or not world.lets(link):
            silent.append(peer.name)
        elif other.plugin is not None:
            events = ((key, one.event) for key, by in other.rows.items() for one in by.values())
            held.append(losing.newest(events))
    details = losing.told(state, core, held, silent)
    return to_losses(node, {"rows_lost": _counted(state.table), **details}, RUN_ID)


def _counted(table: Mapping[RowKey, tuple[Row, ...]]) -> dict[str, int]:
    counts = dict.fromkeys(losing.TABLES.values(), 0)
    for (kind, _), rows in table.items():
        counts[losing.TABLES[kind]] += len(rows)
    return counts


def select(world: VirtualWorld, node: str, generation: int) -> tuple[VirtualWorld, Outcome]:
    """The machine will boot that generation; what runs notices nothing."""
    if not world.runs(node):
        return world, refused("unreachable")
    machine = world.machines[node]
    back = generation < machine.running
    pieces = world.setup.supervisor
    to = pieces.leads_to("rollback" if back else "rollout", generation, machine.selected)
    last_rollout = machine.last_rollout if back else generation
    machine = replace(machine, selected=to, last_rollout=last_rollout)
    return world.with_machine(node, machine), accepted()


def reboot(world: VirtualWorld, node: str) -> VirtualWorld:
    """All of the machine is killed, and it boots what is selected: migrated before it runs."""
    world = acts.crash(world, node)
    machine, setup = world.machines[node], world.setup
    number = setup.supervisor.machine_boots(machine.selected, machine.running)
    if number != machine.running:
        steps = planned(machine, setup, number, "boot")
        machine = committed(machine, setup, number, steps, acts.unused_log(world, node))
        world = world.with_machine(node, machine)
    return acts.booted(world, node)
