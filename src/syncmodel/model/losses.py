"""What a node may say that it would lose: between what it must have and what it may have.

A row that only this node has is one that no other node may know, or at the least one that no node
must know which it could ask: those that it hears, and does not name as silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.values import Row


def check(belief: Belief, node: str, told: Mapping[str, Any]) -> None:
    """Raise `DivergenceFound` where that is not what the node may say.

    `told` has `rows_lost` (how many of each table, at least those of this run), `rows_only_here`
    (which) and `not_asked` (peers that did not answer), as far as the node says it. Where columns
    merge by themselves, or somebody is not trusted, it is for the system to say.
    """
    if belief.guarantees.by_field or belief.net.distrusts:
        return
    found = [*_counts(belief, node, told.get("rows_lost"))]
    only = told.get("rows_only_here")
    if only is not None:
        silent = frozenset(told.get("not_asked", ()))
        found += _only_here(belief, node, only, silent)
    if found:
        raise DivergenceFound(tuple(found))


def _counts(belief: Belief, node: str, lost: Mapping[str, int] | None) -> Iterator[Divergence]:
    for table in () if lost is None else belief.net.schema.by_name:
        sure = sum(row.table == table and not belief.may_lack(node, row) for row in belief.rows)
        count = lost[table] if lost is not None and table in lost else 0
        if count < sure:
            expected = f"to lose {sure} rows of {table} or more"
            yield Divergence(Kind.CONTROL_PLANE, node, None, expected, str(count))


def _only_here(
    belief: Belief, node: str, only: Mapping[str, Any], silent: frozenset[str]
) -> Iterator[Divergence]:
    named = {Row(table, name) for table, names in only.items() for name in names}
    for row in sorted(named.union(belief.rows)):
        if row in named and not _perhaps_only_here(belief, node, row, silent):
            yield _wrong(node, row, "not to be on this node alone", "said to be")
        if row not in named and _surely_only_here(belief, node, row):
            yield _wrong(node, row, "said to be on this node alone", "not said")


def _wrong(node: str, row: Row, expected: str, shown: str) -> Divergence:
    return Divergence(Kind.CONTROL_PLANE, node, None, f"{row} {expected}", shown)


def _surely_only_here(belief: Belief, node: str, row: Row) -> bool:
    """Whether it must have the row, and nobody may know what it may have of it."""
    if belief.may_lack(node, row):
        return False
    known, shown = belief.row(row), belief.may_show(node, row)
    others = [one for one in belief.net.nodes if one != node]
    return all(shown.isdisjoint(known.perhaps_told_by(one)) for one in others)


def _perhaps_only_here(belief: Belief, node: str, row: Row, silent: frozenset[str]) -> bool:
    """Whether it may have a version of the row that nobody must know whom it could ask."""
    if row not in belief.rows or not belief.may_have(node, row):
        return False
    known = belief.row(row)
    heard = [one for one, to in belief.net.flow if to == node and one not in silent]
    shown = known.present(belief.may_show(node, row))
    return any(all(version not in known.known_by(one) for one in heard) for version in shown)
