"""What a virtual machine does to its plugin, and what it boots, as the supervisor has it.

Acts like those of `acts`: from a world to the next one, in one piece.
"""

from __future__ import annotations

from msgspec.structs import replace

from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.reference.node.jobs import Kind
from syncmodel.reference.simulated import acts
from syncmodel.reference.simulated.machine import committed, planned
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps.deployment import OTHERWISE
from syncmodel.steps.plugins import UNCONFIRMED


def disable(world: VirtualWorld, node: str) -> tuple[VirtualWorld, Outcome]:
    """The node goes to the generation without the plugin, and runs no migration."""
    return _taken_out(world, node, "disable")


def uninstall(world: VirtualWorld, node: str, *, confirmed: bool) -> tuple[VirtualWorld, Outcome]:
    """The node goes there, and its tables go; unconfirmed it is refused."""
    if world.runs(node) and not confirmed and world.setup.supervisor.wants_confirmation():
        return world, refused(UNCONFIRMED)
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
