"""The connections with a node that left go on."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="left-node-still-served",
    title="A node that left the cluster goes on to get what others write",
    stands_for=(
        "Replication to a node that is no member any more goes on for a while: "
        "databendlabs/openraft, pull request 447, 'Stop replication to removed node at once "
        "when new membership is seen'"
    ),
    family="membership",
    pieces=lambda p: attrs.evolve(p, hangs_up=lambda _left: False),
)
