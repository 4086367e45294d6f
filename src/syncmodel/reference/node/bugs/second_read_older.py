"""Once a row was read, reads of it come from a copy that is one version behind."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored, Tombstone
from syncmodel.reference.node.pieces import Rows, wins


def _read(shown: Rows, versions: Iterable[Stored], _own: str, read_at: int | None) -> Rows:
    if read_at is None:
        return shown
    best: Stored | None = None
    for one in versions:
        if one.value not in shown and (best is None or wins(one, best)):
            best = one
    return () if best is None or isinstance(best.value, Tombstone) else (best.value,)


BUG = Bug(
    name="second-read-older",
    title="The first read of a row is answered by the node, the next by a copy that is behind",
    stands_for=(
        "Reads balanced over replicas of which one lags, so that time runs backwards (monotonic "
        "reads): Kleppmann, 'Designing Data-Intensive Applications' (2017), chapter 5"
    ),
    family="sessions",
    pieces=lambda p: attrs.evolve(p, read=_read),
)
