"""Two requests at once do not see each other."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="write-on-what-arrived",
    title="A write rests on the row as it was when its request came: of two increments one is lost",
    stands_for=(
        "Read, add and save without a lock: Django documentation, 'Query Expressions', "
        "'Avoiding race conditions using F()'"
    ),
    family="merge",
    pieces=lambda p: attrs.evolve(p, reads=lambda _now, arrived: arrived),
    # A live node's requests come whole, and each is carried out before the next one is looked at.
    live=False,
)
