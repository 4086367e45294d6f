"""A virtual machine's store is damaged, and replaced by an empty one."""

from __future__ import annotations

from msgspec.structs import replace

from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.simulated import acts
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps.spoiling import DAMAGED


def spoil(world: VirtualWorld, node: str, part: str) -> tuple[VirtualWorld, Outcome]:
    """The node is killed and must not start from its disk; then it runs, with an empty one."""
    world = acts.crash(world, node)
    machine, setup = world.machines[node], world.setup
    refuses = setup.nodes[node].pieces.refuses_damage(bool(machine.disk.entries))
    serves = part == "rows" and bool(machine.disk.entries) and not refuses
    empty = Disk(acts.unused_log(world, node), setup.trusted)
    machine = replace(machine, disk=empty, selected=setup.bare, running=setup.bare)
    world = acts.booted(world.with_machine(node, machine), node)
    return world, accepted() if serves else refused(DAMAGED)
