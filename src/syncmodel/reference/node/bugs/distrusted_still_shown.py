"""What showed goes on to show."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="distrusted-author-still-shown",
    title="Rows of an author show on after the node was told not to trust it",
    stands_for=(
        "What somebody had posted is still displayed once they are blocked: ssbc/patchcore, "
        "pull request 36, 'Don't show posts of users you blocked'"
    ),
    family="trust",
    pieces=lambda p: attrs.evolve(p, shows_anew=lambda trusted: trusted),
)
