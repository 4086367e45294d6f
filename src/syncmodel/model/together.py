"""Columns that merge by themselves, seen at once: what a create made of them comes with the row.

Each column that shows may be possible alone while all are not: a row that is there again, after a
delete, has at least the columns that its new create gave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence
from syncmodel.model.order import Versions
from syncmodel.model.values import Row, Value


def apart(
    belief: Belief, node: str, rows: Iterable[Row], shown: Mapping[Row, Value]
) -> Iterator[Divergence]:
    """The divergences of those of the rows that the node shows, with columns that fit no create."""
    for row in sorted(rows):
        if row in shown:
            creates = belief.row(row).fitting(belief.may_show(node, row), shown[row])
            found = with_no_create(belief, node, row, creates, shown)
            if found is not None:
                yield found


def with_no_create(
    belief: Belief, node: str, row: Row, creates: Versions, shown: Mapping[Row, Value]
) -> Divergence | None:
    """The divergence of a row of which one of these versions shows on the node, if with none of
    them its columns may be what is `shown`."""
    found: Divergence | None = None
    for create in sorted(creates):
        wrong = _wrong(belief, node, row, create, shown)
        if wrong is None:
            return None
        found = found or wrong
    return found


def _wrong(
    belief: Belief, node: str, row: Row, create: int, shown: Mapping[Row, Value]
) -> Divergence | None:
    """What of these columns the node can't show once it knows that create."""
    columns = belief.net.schema.shown(row.table, belief.net.plugin(node))
    for register, made in belief.row(row).versions[create].along:
        if register in shown:
            there = belief.row(register).surely(frozenset({made}), node)
            rule, sight = belief.policy(register), shown[register]
            wrong = rule.impossible(register, there, node, sight, columns)
            if wrong is not None:
                return wrong
    return None
