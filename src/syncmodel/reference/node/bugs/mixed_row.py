"""Versions of a row are merged field by field."""

from collections.abc import Iterable

import attrs
from msgspec.structs import replace

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import CaseRow, Row, Stored
from syncmodel.reference.node.pieces import row


def _row(winner: Stored, versions: Iterable[Stored]) -> Row | None:
    shown = row(winner, versions)
    counters = [one.value.counter for one in versions if isinstance(one.value, CaseRow)]
    return replace(shown, counter=max(counters)) if isinstance(shown, CaseRow) else shown


BUG = Bug(
    name="mixed-row",
    title="A case shows the title of its newest version and the highest counter of all versions",
    stands_for=(
        "Conflicts resolved column by column, so that a row shows which nobody wrote: Apache "
        "Cassandra, user mailing list, 'Conflict resolution in Cassandra' (June 2013)"
    ),
    family="merge",
    pieces=lambda p: attrs.evolve(p, row=_row),
)
