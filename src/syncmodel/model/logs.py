"""What is known of nodes' logs, where these are applied in order: see `prefix`."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row
from syncmodel.record import Record

#: A version in a log: its register, and its number there.
Logged = tuple[Row, int]
#: What a node is called that shows less than it must.
LACKS = frozenset({Kind.MISSING, Kind.RESURRECTED, Kind.STALE, Kind.FLIPPED, Kind.STALE_READ})


class Logs(Record):
    """`of` each node what it surely accepted since its log began, one step's after another's.

    `owed` are versions that a node must know for no other reason than that it has what came after
    them in that log, and that nobody has looked for on that node so far.
    """

    of: Map[str, tuple[frozenset[Logged], ...]] = Map()
    owed: frozenset[tuple[str, Logged]] = frozenset()

    def named(
        self, found: Divergence, row: RowBelief, judge: Callable[[RowBelief], Divergence | None]
    ) -> Divergence:
        """A gap, if the node might show this but for what it owes; `judge` says what it might."""
        node, known = found.node, row.known_by(found.node)
        owed = {number for one, (name, number) in self.owed if (one, name) == (node, found.row)}
        if found.kind not in LACKS or known.isdisjoint(owed):
            return found
        wrong = judge(replace(row, must=row.must.set(node, known - owed)))
        return evolve(found, kind=Kind.GAP) if wrong is None else found
