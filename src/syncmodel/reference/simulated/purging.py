"""Deletes are purged from the nodes of a virtual world, as an administrator does it."""

from __future__ import annotations

from syncmodel.model.outcome import Outcome, accepted
from syncmodel.reference.node.ports import Purge
from syncmodel.reference.node.purging import deletes, shared
from syncmodel.reference.simulated.world import VirtualWorld, feed


def purge(world: VirtualWorld) -> tuple[VirtualWorld, Outcome]:
    """Each node is asked, then those that run are told to forget what all have alike."""
    names = world.setup.names
    asked = [name for name in names if world.runs(name) and name not in world.paused]
    lists = []
    for name in names:
        state = world.machines[name].state if name in asked else None
        lists.append({} if state is None else deletes(state, world.setup.nodes[name].pieces))
    agreed = shared(lists)
    for name in asked:
        world = feed(world, name, Purge(agreed))
    return world, accepted()
