"""What a node can't show, though it may know it: if it does, it also knows what beats that.

The bounds alone can't say "either it does not know this version, or this loses to what shows". Each
sight, each answer and each accepted write says so of all that would show otherwise. It holds until
the version may reach the node anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Versions
from syncmodel.model.rows import Beaten, RowBelief
from syncmodel.model.values import Row
from syncmodel.model.waiting import may_be_accepted

#: A row, with what is assumed of it.
Supposing = Callable[[RowBelief], RowBelief]
#: Whether a version of the row, of which that is assumed, may come to a node, or be made there,
#: from now on.
MayCome = Callable[[RowBelief, Supposing, str, int], bool]


def unless_beaten(
    row: RowBelief, node: str, shown: Versions, may_come: MayCome, *, sure: Versions, most: int
) -> RowBelief:
    """The node showed one of `shown`, or nothing: whatever else it knew then loses to that.

    `sure` it knew then; the versions from `most` on may have been written after that, but for those
    whose requests are still open.
    """
    known = row.beaten.get(node) or Map[int, Versions]()
    fresh = [v for v in row.unbeaten(node).difference(shown, known) if v < most or v in row.pending]
    while fresh:
        # No request that got no answer may be taken on what only such a request would have left.
        supposing = partial(_losing, node=node, losers=tuple(fresh), winners=shown)
        left = [v for v in fresh if v in sure or not may_come(row, supposing, node, v)]
        if len(left) == len(fresh):
            return supposing(row)
        fresh = left
    return row


def _losing(row: RowBelief, node: str, losers: Iterable[int], winners: Versions) -> RowBelief:
    """The row, where the node can't show these unless it knows one of those that beat them."""
    known = row.beaten.get(node) or Map[int, Versions]()
    entries = known.update(dict.fromkeys(losers, winners))
    return replace(row, beaten=row.beaten.set(node, entries))


def at_rest(belief: Belief, name: Row, *, prunes: bool) -> MayCome:
    """For a settled node: what need not have come yet may, and what is still asked for."""

    def may_come(row: RowBelief, supposing: Supposing, node: str, version: int) -> bool:
        row = supposing(row)
        late = version in row.late(node, belief.net) and may_land(belief, name, row, version)
        return late or not prunes or belief.net.quorum or row.lies_hidden(version, node, belief.net)

    return may_come


def between_rests(asked: Belief, name: Row, during: Net, *, crowded: bool) -> MayCome:
    """For a node that answers: also what is under way to it.

    `asked` is the belief before any of the answers that were given at once. `crowded`: several of
    them, by this node or others, say something of the row, so that what another one proves to
    have landed, or to have gone, may have done so after this one.
    """
    before = asked.row(name)

    def may_come(row: RowBelief, supposing: Supposing, node: str, version: int) -> bool:
        row = supposing(row)
        waits = (supposing(before), row) if crowded else (row,)
        if any(version in at.late(node, during) for at in waits) and any(
            may_land(asked, name, at, version) for at in waits
        ):
            return True
        tellers = under_way_from(during, node)
        blind = during.quorum or bool(during.distrusts or asked.net.distrusts)
        return blind or not all(_is_harmless(row, node, t, version) for t in tellers)

    return may_come


def under_way_from(during: Net, node: str) -> frozenset[str]:
    """Whose news may come to the node without a rest: of those that it hears, and of those that
    stand still, which have sent what they sent. A cut loses what is under way."""
    still = {one for one in during.paused if (one, node) not in during.cut}
    return during.sources[node].union(still) - {node}


def may_land(belief: Belief, name: Row, row: RowBelief, version: int) -> bool:
    """Whether an unanswered request, if its node did not take it so far, may be taken now."""
    if belief.guarantees.by_field:
        return True
    return may_be_accepted(belief.with_row(name, row), name, version)


def travelled(belief: Belief, during: Net) -> Belief:
    """The belief once everything may have travelled over `during`: other links, so other news."""
    if during is belief.net or during == belief.net:
        return belief
    rows = {
        name: after
        for name in belief.marked.names
        if (row := belief.row(name)).beaten and (after := _travelled(row, during)) is not row
    }
    return belief.with_rows(rows) if rows else belief


def landed(belief: Belief, during: Net) -> Belief:
    """The belief once late requests may have been taken."""
    if not belief.marked.names:
        return belief
    rows = {
        name: after
        for name in belief.marked.names
        if (row := belief.row(name)).beaten
        and row.pending
        and (after := _landed(belief, name, row, during)) is not row
    }
    return belief.with_rows(rows) if rows else belief


def brought(row: RowBelief, during: Net) -> RowBelief:
    """One row once everything may have travelled over `during`."""
    return _travelled(row, during) if row.beaten else row


def _travelled(row: RowBelief, during: Net) -> RowBelief:
    while True:
        beaten = row.beaten
        for node, entries in row.beaten.items():
            tellers = during.sources[node] - {node}
            for version, winners in entries.items():
                if version in row.known_by(node):
                    continue
                if not all(_is_harmless(row, node, teller, version) for teller in tellers):
                    beaten = _without(beaten, node, version)
                    continue
                # It may lose to what beats it on the way, instead.
                other = winners.union(*(_winners(row, t, version) or NONE for t in tellers))
                if other != winners:
                    beaten = beaten.set(node, beaten[node].set(version, other))
        if beaten is row.beaten:
            return row
        row = replace(row, beaten=beaten)


def _winners(row: RowBelief, node: str, version: int) -> Versions | None:
    entries = row.beaten.get(node)
    return None if entries is None else entries.get(version)


def _is_harmless(row: RowBelief, node: str, teller: str, version: int) -> bool:
    """Whether this teller can't bring the version, or only one that loses to what the node must
    know. An author has its own for as long as it keeps its log."""
    own = row.versions[version].node == node and version not in row.gone
    if own or version not in row.perhaps_told_by(teller):
        return True
    winners = _winners(row, teller, version)
    return winners is not None and row.surpasses(node, winners)


def _landed(belief: Belief, name: Row, row: RowBelief, during: Net) -> RowBelief:
    beaten = row.beaten
    for node, entries in row.beaten.items():
        for version in row.late(node, during):
            if version in entries and may_land(belief, name, row, version):
                beaten = _without(beaten, node, version)
    return row if beaten is row.beaten else replace(row, beaten=beaten)


def _without(beaten: Beaten, node: str, version: int) -> Beaten:
    left = beaten[node].delete(version)
    return beaten.set(node, left) if left else beaten.delete(node)
