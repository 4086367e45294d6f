"""Who left is waited for to close its connection."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="left-node-reads-on",
    title="A node that left keeps the connections that it has opened, until it closes them itself",
    stands_for=(
        "A node that is deleted and goes on to get updates over another connection: "
        "tarantool/tarantool, pull request 10114, 'box: apply deletion of replica from `_cluster` "
        "on the deleted replica'"
    ),
    family="membership",
    pieces=lambda p: attrs.evolve(p, drops_who_left=lambda: False),
)
