"""What a merge policy is: how the versions of a row compete, and what a sight says of them.

The default is a row of which one version shows, the winner. A policy of another kind overrides more
of it. One file per policy; a file in this package with a `POLICY` is discovered.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from syncmodel.model.divergence import Divergence
from syncmodel.model.naming import describe, wrong_sight
from syncmodel.model.order import NONE, Order, Versions
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value


@frozen
class Policy:
    """One merge rule, for rows of which one version shows."""

    #: Its name in options and files, and its promise in one sentence.
    name: ClassVar[str]
    promise: ClassVar[str]
    #: Whether a node shows what it wrote last, as long as it receives nothing else.
    causal: ClassVar[bool] = True
    #: Whether no version wins, but all that are known add up.
    sums: ClassVar[bool] = False
    #: Whether a write replaces only what its node showed, so that it matters what that was.
    leaves: ClassVar[bool] = False

    # --- writes --------------------------------------------------------------------------------

    def written(
        self,
        order: Order,
        version: int,
        parents: Versions,
        *,
        creates: bool,
    ) -> Order:
        """The order once `version` was written by a node that must know `parents`.

        `creates`: it rests on no other version.
        """
        return order.written(version, parents)

    def based(self, order: Order, version: int, base: int) -> Order:
        """The order once an answer proved that `version` rests on `base`."""
        parents = order.parents.get(version, NONE) | {base}
        return self.written(order, version, parents, creates=False)

    # --- sights --------------------------------------------------------------------------------

    def may_show(self, row: RowBelief, node: str) -> Versions:
        """The versions that the node may show, tombstones among them."""
        return row.candidates(node)

    def may_lack(self, row: RowBelief, node: str) -> bool:
        """Whether the node may show nothing."""
        return not row.known_by(node) or bool(row.tombstones(self.may_show(row, node)))

    def learnt(self, order: Order, shown: Versions, row: RowBelief, node: str) -> Order:
        """The order once the settled node showed one of `shown`.

        Everything else that it must know loses to what it shows.
        """
        return order.shown(shown, row.known_by(node) - shown)

    def possibly(self, row: RowBelief, node: str, sight: Value | None) -> Versions:
        """All versions that this sight can be and that the node may show."""
        if sight is None:
            if not row.known_by(node):
                return NONE
            return frozenset(row.tombstones(self.may_show(row, node)))
        return row.fitting(self.may_show(row, node), sight)

    def recognised(self, row: RowBelief, node: str, sight: Value | None) -> RowBelief:
        """What a node shows it knows, if only one version can be it, allowed or not."""
        if sight is None:
            shown = self.possibly(row, node, None)
        else:
            shown = row.fitting(row.possible(node), sight)
            if len(shown) > 1:
                shown = row.fitting(self.may_show(row, node), sight)
        if len(shown) != 1:
            return row
        (version,) = shown
        return row.proved(version, sight).surely(shown, node)

    def impossible(
        self, name: Row, row: RowBelief, node: str, sight: Value | None, columns: tuple[str, ...]
    ) -> Divergence | None:
        """The divergence of one node alone, if it shows what it may not."""
        may = self.may_show(row, node)
        if sight is not None and row.fitting(may, sight):
            return None
        absent = self.may_lack(row, node)
        if sight is None and absent:
            return None
        expected = describe(row, may, absent=absent, columns=columns)
        return wrong_sight(name, row, node, sight, expected)

    def taught(self, row: RowBelief, node: str, sight: Value | None) -> RowBelief:
        """What the settled node's sight says of the order of the versions.

        Where it can be several versions, only that one of them won is known.
        """
        shown = self.possibly(row, node, sight)
        return row.ordered(self.learnt(row.order, shown, row, node)) if shown else row
