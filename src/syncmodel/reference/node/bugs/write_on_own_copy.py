"""A write changes this node's own copy of a row instead of the row."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored, Tombstone


def _base(winner: Stored, own: Stored | None) -> Stored:
    return winner if own is None or isinstance(own.value, Tombstone) else own


BUG = Bug(
    name="write-on-own-copy",
    title="An update or increment rests on what this node itself last wrote of the row",
    stands_for=(
        "A write computed from a copy that others have changed since, which undoes theirs (lost "
        "update, P4): Berenson et al., 'A Critique of ANSI SQL Isolation Levels' (SIGMOD 1995)"
    ),
    family="merge",
    pieces=lambda p: attrs.evolve(p, base=_base),
)
