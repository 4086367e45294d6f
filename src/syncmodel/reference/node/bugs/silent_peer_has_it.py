"""A peer that does not answer is taken to have every row."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="silent-peer-has-it",
    title="What would be lost is told as if a peer that is silent had it all",
    stands_for=(
        "A node is taken out without a look at those that are down: cockroachdb, issue 26880, "
        "'decommission --wait=live does not verify whether the down node is part of any ranges'"
    ),
    family="deployments",
    pieces=lambda p: attrs.evolve(p, is_elsewhere=lambda theirs, silent: theirs or silent > 0),
)
