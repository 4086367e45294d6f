"""A request whose client did not wait for the answer is done twice."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="request-done-twice",
    title="A request that met a node standing still, and whose client is gone, is done twice",
    stands_for=(
        "A retry of what may have been done, where requests have no identity: RFC 9110, section "
        "9.2.2, idempotent methods"
    ),
    family="standstills",
    pieces=lambda p: attrs.evolve(p, repeats=lambda given_up: given_up),
    live=False,
)
