"""What administrators tell the nodes of a virtual world: who is a member, and whom to trust.

Pure functions from a world to the next one, like `acts`.
"""

from __future__ import annotations

from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.reference.node.ports import Member, Trust
from syncmodel.reference.simulated.world import VirtualWorld, feed, redialled


def member(world: VirtualWorld, node: str, *, active: bool) -> tuple[VirtualWorld, Outcome]:
    """Every node that runs is told that this one is a member, or none any more."""
    for name in world.setup.names:
        if world.runs(name) and name not in world.paused:
            world = feed(world, name, Member(node, active))
    return redialled(world, world.setup.links), accepted()


def trust(
    world: VirtualWorld, node: str, peer: str, *, trusted: bool
) -> tuple[VirtualWorld, Outcome]:
    """One node is told whether it trusts what `peer` writes."""
    if not world.runs(node) or node in world.paused:
        return world, refused("unreachable")
    return feed(world, node, Trust(world.setup.nodes[peer].pubkey, trusted)), accepted()
