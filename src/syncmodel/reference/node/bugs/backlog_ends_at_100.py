"""A relay stops after the hundredth entry."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored
from syncmodel.reference.node.pieces import backlog


def _backlog(entries: Iterable[Stored], after: int) -> list[Stored]:
    return backlog(entries, after)[:100]


BUG = Bug(
    name="backlog-ends-at-100",
    title="Of all that a subscriber missed it is sent a hundred entries, as if these were all",
    stands_for=(
        "An answer holds a hundred items at most, and no error says so: GitHub REST API "
        "documentation, 'Using pagination in the REST API' (per_page)"
    ),
    family="checkpoint",
    pieces=lambda p: attrs.evolve(p, backlog=_backlog),
)
