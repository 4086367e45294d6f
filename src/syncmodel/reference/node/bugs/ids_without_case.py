"""Two ids that differ in case are one."""

from collections.abc import Mapping

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import RowKey


def _same_row(key: RowKey, rows: Mapping[RowKey, object]) -> RowKey:
    kind, name = key
    alike = ((kind, other) for k, other in rows if k == kind and other.lower() == name.lower())
    return key if key in rows else min(alike, default=key)


BUG = Bug(
    name="ids-without-case",
    title="A request for an id is a request for the row whose id differs from it in case alone",
    stands_for=(
        "Comparisons that do not look at case: MySQL reference manual, 'Case "
        "Sensitivity in String Searches' (by default)"
    ),
    family="values",
    pieces=lambda p: attrs.evolve(p, same_row=_same_row),
)
