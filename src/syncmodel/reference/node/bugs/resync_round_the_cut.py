"""A resync takes another way than the link."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="resync-round-the-cut",
    title="A resync dials the peer's direct address, so that rows cross a link that is cut",
    stands_for=(
        "Control and data take different paths, so that a partition is partial: Alfatafta et al., "
        "'Toward a Generic Fault Tolerance Technique for Partial Network Partitioning' (OSDI 2020)"
    ),
    family="resync",
    pieces=lambda p: attrs.evolve(p, resync_route=lambda addresses: addresses[-1]),
)
