"""A peer that can't hear us is not heard either."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="heard-only-both-ways",
    title="Rows from a peer that does not follow our log are refused, and count as processed",
    stands_for=(
        "A one-way partition made a two-way one: cockroachdb/cockroach, issue 84289, 'rpc: refuse "
        "incoming connections unless dialback succeeds' (here nobody asks again)"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, hears=lambda peer_hears_us: peer_hears_us()),
)
