"""Whom a node does not trust is not stored."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.ports import Members

BUG = Bug(
    name="distrust-forgotten-on-restart",
    title="A node shows rows of an author that it does not trust once it was restarted",
    stands_for=(
        "What a person has blocked comes back after a while: pixelfed/pixelfed, issue 6465, "
        "'muted and blocked accounts show up in home feed'"
    ),
    family="trust",
    pieces=lambda p: attrs.evolve(
        p, remembered=lambda now, before: Members(before.trusted, now.inactive)
    ),
)
