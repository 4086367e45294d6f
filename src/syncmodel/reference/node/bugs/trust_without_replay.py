"""Nothing is asked for again when an author is trusted."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="trust-without-replay",
    title="Rows that were refused stay missing once their author is trusted",
    stands_for=(
        "Who begins to follow an author gets only what is new: steemit/condenser, issue 212, "
        "'when I follow new person I can't see his/hers older articles in feed'"
    ),
    family="trust",
    pieces=lambda p: attrs.evolve(p, asks_again=lambda _trusted: False),
)
