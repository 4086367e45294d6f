"""Deletes that are forgotten once every node has them: all that the log says of such a row goes.

A node can't know what others have. An administrator asks each node for its deletes, and tells all
of them to forget those that each has alike, when the cluster is at rest.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec.structs import replace

from syncmodel.reference.node.entries import RowKey, Stored, Tombstone
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.ports import Output, Purge, Purged
from syncmodel.reference.node.state import Node, State

Step = tuple[State, tuple[Output, ...]]
#: The deletes that a node has: of each row all that its log says of it, in short.
Deletes = Mapping[str, str]


def deletes(state: State, pieces: Pieces) -> dict[str, str]:
    """The deleted rows as `kind:id`, each with a digest of the ids of all its events.

    Nodes have a delete alike if the digests are the same: then none has a version that another
    lacks. Empty where the plugin does not run: what such a node kept nobody can say.
    """
    if state.plugin is None:
        return {}
    return {
        _named(key): _digest(authors.values())
        for key, authors in state.rows.items()
        if _is_deleted(authors.values(), pieces)
    }


def shared(lists: Iterable[Deletes]) -> dict[str, str]:
    """The deletes that each of these nodes has alike."""
    first, *others = [*lists] or [{}]
    return {name: one for name, one in first.items() if all(o.get(name) == one for o in others)}


def purge(state: State, given: Purge, node: Node) -> Step:
    """Forget these deletes, as far as this node has them so."""
    if state.plugin is None:
        return state, ()
    mine = deletes(state, node.pieces)
    names = node.pieces.purges(given.deletes, mine)
    keys = tuple(key for key in sorted(state.rows) if _named(key) in names)
    if not keys:
        return state, ()
    rows, read_at = state.rows, state.read_at
    for key in keys:
        rows = rows.delete(key)
        read_at = read_at.delete(key) if key in read_at else read_at
    return replace(state, rows=rows, read_at=read_at), (Purged(keys),)


def _named(key: RowKey) -> str:
    return f"{key[0]}:{key[1]}"


def _digest(stored: Iterable[Stored]) -> str:
    return sha256(" ".join(sorted(one.event.id for one in stored)).encode()).hexdigest()


def _is_deleted(stored: Iterable[Stored], pieces: Pieces) -> bool:
    """Whether what wins, whoever is trusted, is a delete."""
    best: Stored | None = None
    for one in stored:
        if best is None or pieces.wins(one, best):
            best = one
    return best is not None and isinstance(best.value, Tombstone)
