"""The checkpoint is durable before what it covers."""

from collections.abc import Sequence

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.ports import Cursor, Durable


def _commit(durables: Sequence[Durable]) -> tuple[tuple[Durable, ...], tuple[Durable, ...]]:
    cursors = tuple(one for one in durables if isinstance(one, Cursor))
    rest = tuple(one for one in durables if not isinstance(one, Cursor))
    return (cursors, rest) if cursors else (rest, ())


BUG = Bug(
    name="cursor-before-rows",
    title="How far a peer's log was processed is stored at once, its rows only when next read",
    stands_for=(
        "Committing the offset before the work is done, so that a crash loses messages: Apache "
        "Kafka documentation, 'Message Delivery Semantics' (at most once)"
    ),
    family="durability",
    pieces=lambda p: attrs.evolve(p, commit=_commit),
)
