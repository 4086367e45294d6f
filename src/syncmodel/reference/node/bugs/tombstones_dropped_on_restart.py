"""A node that starts leaves the tombstones behind."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored, Tombstone


def _taken_up(stored: Iterable[Stored]) -> Iterable[Stored]:
    return (one for one in stored if not isinstance(one.value, Tombstone))


BUG = Bug(
    name="tombstones-dropped-on-restart",
    title="Tombstones are collected at every start, however old they are and whoever lacks them",
    stands_for=(
        "Tombstones reaped before every replica has them, so that deleted objects come back: Riak "
        "KV documentation, 'Object Deletion Reference' (delete_mode)"
    ),
    family="tombstone",
    pieces=lambda p: attrs.evolve(p, taken_up=_taken_up),
)
