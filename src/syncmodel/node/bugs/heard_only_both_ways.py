"""A peer that can't hear us is not heard either."""

import attrs

from syncmodel.node.bugs.base import Bug

BUG = Bug(
    name="heard-only-both-ways",
    title="Rows from a peer that does not follow our log are refused, and count as processed",
    stands_for=(
        "One-way (simplex) partitions taken for complete ones: Alquraan et al., 'An Analysis of "
        "Network-Partitioning Failures in Cloud Systems' (OSDI 2018)"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, hears=lambda peer_hears_us: peer_hears_us),
)
