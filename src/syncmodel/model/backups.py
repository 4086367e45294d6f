"""What is known once a machine's disk was put back as it was at its backup.

A backup remembers both bounds of what its node knows; a restore brings them back. Between them the
node may have learnt what it does not know any more, and lost what it knows again. What others know
is theirs: it comes back over links, like any other row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.beaten import brought
from syncmodel.model.belief import Belief
from syncmodel.model.net import Net
from syncmodel.model.order import Versions
from syncmodel.model.rows import RowBelief, Saved
from syncmodel.model.values import Row
from syncmodel.record import Record

NOBODY: frozenset[str] = frozenset()
NOTHING = Saved()


class Disks(Record):
    """The nodes whose disk a step copies, and those whose disk it puts back."""

    saved: frozenset[str] = NOBODY
    restored: frozenset[str] = NOBODY

    def and_also(self, other: Disks) -> Disks:
        """Those of two steps."""
        return Disks(self.saved | other.saved, self.restored | other.restored)


UNTOUCHED = Disks()


def coming_back(belief: Belief, during: Net, disks: Disks) -> Belief:
    """The belief once what is on the disks that are put back may have travelled.

    It holds before answers are judged: other nodes may hear of it at once.
    """
    if not disks.restored:
        return belief
    more: dict[Row, RowBelief] = {}
    for node in sorted(disks.restored):
        for name, row in belief.rows.items():
            copy, may = row.saved.get(node, NOTHING), row.perhaps_known_by(node)
            if not copy.may <= may:
                mine = more.get(name, row)
                more[name] = replace(mine, may=mine.may.set(node, may | copy.may))
    return _brought(belief, more, during) if more else belief


def done(belief: Belief, before: Belief, perhaps: Belief, during: Net, disks: Disks) -> Belief:
    """The belief once disks were copied, or put back, at some moment of a step.

    `before` has what nodes knew until then, `perhaps` all that they may have learnt by its end.
    """
    if disks.saved:
        belief = _saved(belief, before, perhaps, disks.saved)
    if not disks.restored:
        return belief
    rows = belief.rows
    for node in sorted(disks.restored):
        rows = Map({name: _put_back(row, node) for name, row in rows.items()})
    return _brought(belief, rows, during)


def _saved(belief: Belief, before: Belief, perhaps: Belief, nodes: Iterable[str]) -> Belief:
    changed = dict[Row, RowBelief]()
    for node in sorted(nodes):
        for name, row in belief.rows.items():
            old, new = before.row(name), perhaps.row(name)
            copy = Saved(old.known_by(node), new.perhaps_known_by(node), old.told_by(node))
            if copy != row.saved.get(node, NOTHING):
                mine = changed.get(name, row)
                changed[name] = replace(mine, saved=mine.saved.set(node, copy))
    return belief.with_rows(changed) if changed else belief


def _put_back(row: RowBelief, node: str) -> RowBelief:
    """The row as its node knew it at the backup; what it wrote since it need not know any more."""
    copy, after = row.saved.get(node, NOTHING), row.dropped(node)
    return replace(
        after,
        must=_with(after.must, node, copy.must),
        may=_with(after.may, node, copy.may | copy.must),
        told=_with(after.told, node, copy.told),
    )


def _with(known: Map[str, Versions], node: str, versions: Versions) -> Map[str, Versions]:
    return known.set(node, versions) if versions else known


def _brought(belief: Belief, rows: Mapping[Row, RowBelief], during: Net) -> Belief:
    """These rows, once all that any node may know of them may have travelled."""
    flowed = {name: row.flowed_may(during) for name, row in rows.items()}
    return belief.with_rows({name: brought(row, during) for name, row in flowed.items()})
