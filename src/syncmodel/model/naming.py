"""The name of a wrong sight: the one place that tells stale from resurrected from flipped."""

from __future__ import annotations

from collections.abc import Iterable

from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.order import NONE
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value


def describe(
    row: RowBelief, versions: Iterable[int], *, absent: bool, columns: tuple[str, ...] = ()
) -> str:
    """What may show, as a phrase: `title t1, counter 0, or deleted`; these columns only."""
    stored = (row.versions[v].value for v in sorted(versions))
    phrases = [str(v.only(columns) if columns and isinstance(v, Value) else v) for v in stored]
    if absent and not row.tombstones(versions):
        phrases.append("nothing")
    return ", or ".join(dict.fromkeys(phrases)) or "nothing"


def name_of_present(row: RowBelief, node: str, value: Value) -> Kind:
    """The name for a value that shows although the node may not show it."""
    written = [v for v in range(len(row.versions)) if row.fits(v, value)]
    if not written:
        return Kind.INVENTED
    reachable = [v for v in written if v in row.perhaps_known_by(node)]
    if not reachable:
        return Kind.LEAKED
    must = row.known_by(node)
    beaters = must & row.order.causal.get(reachable[0], NONE)
    if not beaters:
        return Kind.FLIPPED
    if row.tombstones(row.order.best(must, must)):
        return Kind.RESURRECTED
    writers = {row.versions[v].node for v in beaters} - {row.versions[reachable[0]].node}
    followed = any(reachable[0] in row.told_by(writer) for writer in writers)
    return Kind.WRITES_FOLLOW_READS if followed else Kind.STALE


def name_of_absent(row: RowBelief, node: str) -> Kind:
    """The name for a row that does not show although the node must show a version of it."""
    must = row.known_by(node)
    lost_by_sight = any(
        must.isdisjoint(row.order.causal.get(v, NONE))
        for v in row.tombstones(row.perhaps_known_by(node))
    )
    return Kind.FLIPPED if lost_by_sight else Kind.MISSING


def name_of_read(row: RowBelief, node: str, value: Value | None) -> Kind:
    """The name for a read that shows less than its node must know: by whom that was promised."""
    must, order = row.known_by(node), row.order
    if value is None:
        older = frozenset(row.tombstones(row.perhaps_known_by(node)))
    else:
        older = row.fitting(row.perhaps_known_by(node), value)
    newer = must.intersection(NONE.union(*(order.above.get(v, NONE) for v in older))) or must
    newer -= older
    if any(row.versions[v].node == node for v in newer):
        return Kind.READ_YOUR_WRITES
    return Kind.STALE_READ if newer.isdisjoint(row.told_by(node)) else Kind.MONOTONIC_READS


def wrong_sight(
    name: Row, row: RowBelief, node: str, value: Value | None, expected: str
) -> Divergence:
    """The divergence of a node that shows `value` (None for nothing) and may not."""
    kind = name_of_absent(row, node) if value is None else name_of_present(row, node, value)
    return Divergence(kind, node, name, expected, "nothing" if value is None else str(value))
