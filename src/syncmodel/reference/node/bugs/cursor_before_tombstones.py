"""The position is durable before the deletes that it covers."""

from collections.abc import Sequence

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Tombstone
from syncmodel.reference.node.ports import Cursor, Durable, Put, Show


def _commit(durables: Sequence[Durable]) -> tuple[tuple[Durable, ...], tuple[Durable, ...]]:
    if not any(isinstance(one, Cursor) for one in durables):
        return tuple(durables), ()
    now = tuple(one for one in durables if not _deletes(one))
    return now, tuple(one for one in durables if _deletes(one))


def _deletes(one: Durable) -> bool:
    if isinstance(one, Put):
        return isinstance(one.stored.value, Tombstone)
    return isinstance(one, Show) and not one.rows


BUG = Bug(
    name="cursor-before-tombstones",
    title="How far a peer's log was processed is stored at once, its deletes only when next read",
    stands_for=(
        "Two stores written one after the other, with a crash between them: Kleppmann, "
        "'Designing Data-Intensive Applications', chapter 11, 'Keeping Systems in Sync'"
    ),
    family="durability",
    pieces=lambda p: attrs.evolve(p, commit=_commit),
)
