"""Which version came where by which rest, and from whom it can have come: the lines of a picture.

The model says by when a node must know a version, and over which links it can have travelled; who
really sent it, it does not know. The author comes first, then whoever else may have told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from syncmodel.model.net import Link
from syncmodel.model.order import NONE
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row
from syncmodel.report.page.moments import SeenRun
from syncmodel.report.page.versions import Versions, Written

#: How many rows one arrow names.
NAMED_ROWS = 20
#: By version and node: since the rest after which step the node knows it.
Since = Mapping[tuple[int, str], int]
#: From whom, by when it knew, whether it wrote it then; to whom, by which rest.
Arrow = tuple[str, int, bool, str, int]


def arrows(run: SeenRun, versions: Versions, rows: Mapping[Row, int]) -> list[dict[str, Any]]:
    """What arrived: one arrow for all rows that went the same way."""
    found: dict[Arrow, set[int]] = {}
    for arrow, row in _Arrivals(versions).all(run):
        found.setdefault(arrow, set()).add(rows[row.whole])
    return [
        {
            "from": teller,
            "at": at,
            "wrote": wrote,
            "to": node,
            "rest": rest,
            "rows": sorted(which)[:NAMED_ROWS],
            "count": len(which),
        }
        for (teller, at, wrote, node, rest), which in found.items()
    ]


@define
class _Arrivals:
    """Goes through a run, and remembers since when each node knows each version."""

    versions: Versions
    #: For each register: by version and node.
    _since: dict[Row, Since] = field(factory=dict)
    _before: dict[Row, RowBelief] = field(factory=dict)
    #: The links over which knowledge may have travelled on the way to this moment.
    _flow: frozenset[Link] = frozenset()

    def all(self, run: SeenRun) -> Iterator[tuple[Arrow, Row]]:
        """Every arrival, with the register that it is of."""
        last = run.net
        for moment in run.moments:
            self._flow, last = last.either(moment.net).flow, moment.net
            for name, row in moment.world.belief.rows.items():
                if self._before.get(name) is not row:
                    yield from ((arrow, name) for arrow in self._of(moment.index, name, row))
                    self._before[name] = row

    def _of(self, index: int, name: Row, row: RowBelief) -> Iterator[Arrow]:
        old, written = self._before.get(name), self.versions.registers[name].versions
        since: Since = self._since.get(name, {})
        for node, known in row.must.items():
            for version in sorted(known - (NONE if old is None else old.known_by(node))):
                one = written[version]
                if one.node != node or one.step != index:
                    yield (*self._teller(index, since, row, one, node), node, index)
        self._since[name] = {
            (version, node): since.get((version, node), index)
            for node, known in row.must.items()
            for version in known
        }

    def _teller(
        self, index: int, since: Since, row: RowBelief, one: Written, to: str
    ) -> tuple[str, int, bool]:
        """From whom a node can have it, since when that one knew, and whether it wrote it."""
        wrote = (one.node, one.step, True)
        if (one.node, to) in self._flow:
            return wrote
        knew = [
            (since.get((one.number, node), index), node)
            for node, known in row.must.items()
            if one.number in known and (node, to) in self._flow
        ]
        return (min(knew)[1], min(knew)[0], False) if knew else wrote
