"""What does not fill a page is not sent."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored
from syncmodel.reference.node.pieces import backlog

PAGE = 20


def _backlog(entries: Iterable[Stored], after: int) -> list[Stored]:
    found = backlog(entries, after)
    return found if len(found) <= PAGE else found[: len(found) // PAGE * PAGE]


BUG = Bug(
    name="last-page-lost",
    title="Of a backlog of more than 20 entries, the last page is lost unless it is full",
    stands_for=(
        "Results come in pages, and who does not ask to the end misses the rest: Boto3 "
        "documentation, 'Paginators'"
    ),
    family="checkpoint",
    pieces=lambda p: attrs.evolve(p, backlog=_backlog),
)
