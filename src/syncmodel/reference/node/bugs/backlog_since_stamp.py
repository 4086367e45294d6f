"""A backlog is chosen by time stamp instead of by position."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored
from syncmodel.reference.node.pieces import backlog


def _backlog(entries: Iterable[Stored], after: int) -> list[Stored]:
    log = backlog(entries, 0)
    since = max((one.event.created_at for one in log if one.position <= after), default=-1)
    return [one for one in log if one.event.created_at > since]


BUG = Bug(
    name="backlog-since-stamp",
    title="A subscriber is sent what is stamped later than what it has, and never an equal stamp",
    stands_for=(
        "Progress kept as a time stamp that several rows share: confluentinc/kafka-connect-jdbc, "
        "pull request 1093, 'Prevent data loss in timestamp mode'"
    ),
    family="ordering",
    pieces=lambda p: attrs.evolve(p, backlog=_backlog),
)
