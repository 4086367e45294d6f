"""A counter whose increments all add up, from wherever they come.

A sight names the increments in it, as each is a different power of two. Whether an increment
survives another create of the row is for the system to say, unless it was made knowing that create.
"""

from __future__ import annotations

from itertools import product
from typing import ClassVar

from attrs import frozen
from msgspec.structs import replace

from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.order import NONE, Versions
from syncmodel.model.policies.base import Policy
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Added, Row, Value


@frozen
class AddsUp(Policy):
    """A sum shows, not a winner: of all that the node must know, and perhaps what it may know."""

    name: ClassVar[str] = "counter"
    promise: ClassVar[str] = "increments add up, wherever they were made"
    causal: ClassVar[bool] = False
    sums: ClassVar[bool] = True

    def may_show(self, row: RowBelief, node: str) -> Versions:
        """Whatever it may know may be in the sum."""
        return row.perhaps_known_by(node)

    def may_lack(self, row: RowBelief, node: str) -> bool:
        """A sum shows wherever its row does."""
        return not row.known_by(node)

    def possibly(self, row: RowBelief, node: str, sight: Value | None) -> Versions:
        """The increments in a sight."""
        return NONE if sight is None else self._in(row, row.perhaps_known_by(node), sight)

    def recognised(self, row: RowBelief, node: str, sight: Value | None) -> RowBelief:
        """A node knows what is in its sum."""
        if sight is None or self._wrong(row, node, sight) is not None:
            return row
        for version in self.possibly(row, node, sight):
            row = row.confirmed(version).surely(frozenset({version}), node)
        return row

    def impossible(
        self, name: Row, row: RowBelief, node: str, sight: Value | None, columns: tuple[str, ...]
    ) -> Divergence | None:
        """A sum that lacks what the node must know, or has in it what it can't know."""
        del columns
        if sight is None:
            return None
        kind = self._wrong(row, node, sight)
        if kind is None:
            return None
        least = sum(_by(row, v) for v in self._surely_counted(row, node))
        most = sum(_by(row, v) for v in row.perhaps_known_by(node))
        expected = f"a sum that has {least} in it, and nothing that is not in {most}"
        return Divergence(kind, node, name, expected, str(sight))

    def taught(self, row: RowBelief, node: str, sight: Value | None) -> RowBelief:
        """No version loses, but what is in the sum beside a create that the node must know has
        survived that create, and so it does everywhere."""
        creates = [v for v in row.known_by(node) if not _by(row, v)]
        counted = self.possibly(row, node, sight)
        beside = row.order.beside.union(product(counted, creates))
        return row if beside == row.order.beside else row.ordered(replace(row.order, beside=beside))

    def _wrong(self, row: RowBelief, node: str, sight: Value) -> Kind | None:
        total = _total(sight)
        if total < 0 or total & ~_sum(row, range(len(row.versions))):
            return Kind.INVENTED
        if total & ~_sum(row, row.perhaps_known_by(node)):
            return Kind.LEAKED
        return Kind.STALE if _sum(row, self._surely_counted(row, node)) & ~total else None

    def _surely_counted(self, row: RowBelief, node: str) -> Versions:
        """What no create can have taken out: it was made knowing all creates that may be known, or
        was seen beside them."""
        begun = frozenset(v for v in row.perhaps_known_by(node) if not _by(row, v))
        order = row.order

        def counts(version: int) -> bool:
            later = begun - {version} - order.parents.get(version, NONE)
            return all((version, create) in order.beside for create in later)

        return frozenset(filter(counts, row.known_by(node)))

    def _in(self, row: RowBelief, versions: Versions, sight: Value) -> Versions:
        total = _total(sight)
        return frozenset(v for v in versions if (by := _by(row, v)) and total & by)


def _total(sight: Value) -> int:
    ((_, total),) = sight.cells
    return total if isinstance(total, int) else -1


def _by(row: RowBelief, version: int) -> int:
    """What the version adds; 0 for a create and a delete."""
    stored = row.versions[version].value
    return stored.by if isinstance(stored, Added) else 0


def _sum(row: RowBelief, versions: Versions | range) -> int:
    return sum(_by(row, version) for version in versions)


POLICY = AddsUp()
