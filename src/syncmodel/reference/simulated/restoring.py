"""A virtual machine's disk is copied, and put back as it was: rows, log and generation.

Acts like those of `acts`. The mark of a log, which lies beside what is copied, follows from the
disk that is there before: see `node.mark`.
"""

from __future__ import annotations

from immutables import Map
from msgspec.structs import replace

from syncmodel.reference.node.mark import Mark
from syncmodel.reference.node.ports import Put
from syncmodel.reference.node.put_back import rewritten
from syncmodel.reference.simulated import acts
from syncmodel.reference.simulated.machine import Copy, Machine
from syncmodel.reference.simulated.world import VirtualWorld


def backup(world: VirtualWorld, node: str) -> VirtualWorld:
    """The node's disk is copied, as it is at this moment; the node goes on."""
    machine = world.machines[node]
    disk = machine.disk
    if not world.setup.supervisor.copies_the_latest():
        older = {k: one for k, one in disk.entries.items() if one.position < disk.position}
        last = max((one.position for one in older.values()), default=0)
        disk = replace(disk, entries=Map(older), position=last)
    return world.with_machine(node, replace(machine, copy=Copy(disk, machine.selected)))


def restore(world: VirtualWorld, node: str, *, plain: bool) -> VirtualWorld:
    """The node is killed, its disk is as it was copied, and it starts."""
    world = acts.crash(world, node)
    fresh = acts.unused_log(world, node)
    machine = _put_back(world, node, fresh, plain=plain)
    return acts.boot(world.with_machine(node, machine), node)


def _put_back(world: VirtualWorld, name: str, fresh: str, *, plain: bool) -> Machine:
    machine, supervisor, node = (
        world.machines[name],
        world.setup.supervisor,
        world.setup.nodes[name],
    )
    copy, pieces = machine.copy, node.pieces
    assert copy is not None, f"there is no copy of {name}'s disk"
    marked = Mark(machine.disk.log_id, machine.disk.position) if plain else None
    disk = copy.disk
    if supervisor.keeps_cursors():
        disk = replace(disk, cursors=machine.disk.cursors)
    if pieces.was_put_back(marked, Mark(disk.log_id, disk.position)):
        cursors = Map() if pieces.lets_go() else disk.cursors
        disk = replace(disk, log_id=fresh, cursors=cursors)
        anew = rewritten(disk.entries.values(), node, world.now_s(name))
        disk = disk.apply([Put(one) for one in anew])
    selected = copy.selected if supervisor.selects_what_was_copied() else machine.selected
    return replace(machine, disk=disk, selected=selected, running=copy.selected)
