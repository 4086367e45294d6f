"""The properties of the model in every situation that an exhaustive search reaches.

Every `always` is paired with a `sometimes`, as far as the bounds allow. How model and
abstract system move is in `knowledge`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from attrs import evolve

from syncmodel.checker import Property, always, converges, eventually, sometimes
from syncmodel.exhaustive.abstract import NOTHING, Situation
from syncmodel.exhaustive.came_back import CAME_BACK, came_back, may_come_back
from syncmodel.exhaustive.coverage import USUAL
from syncmodel.exhaustive.knowledge import Action, Cross, crossings, rested
from syncmodel.exhaustive.limits import Limits
from syncmodel.model.columns import OnDelete, Ref
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.order import NONE, Order, Versions
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Stored

Asked = Property[Situation]
CACHED = 2**15


def safety(limits: Limits, guarantees: Guarantees = USUAL) -> list[Asked]:
    """What must hold in every situation, and what must be seen in some."""
    plain = _is_plain(limits) and guarantees.heal_catches_up and guarantees.answers_rows
    flows = [
        always("at rest what shows is no matter of the order in which it flowed", order_is_all_one)
    ]
    return [
        always("a correct system is never called wrong", lambda now: not now.alarm),
        always("`loses to` is acyclic", acyclic),
        always("what was learnt of `loses to` is so", true_to_the_hidden_order),
        always("must <= what is really known <= may", between_the_bounds),
        # What a heal alone need not bring may be there or not.
        *(flows if guarantees.heal_catches_up else []),
        *([always("at rest all is known", known_at_rest)] if plain else []),
        *_seen(limits, guarantees),
    ]


def liveness(limits: Limits, guarantees: Guarantees = USUAL) -> list[Asked]:
    """Whatever went wrong, the cluster can be made one again. For whole graphs only."""
    # What a node lost that others only had from it never comes back where they don't pass it on.
    comes_back = guarantees.passes_on or not limits.rollbacks
    can = eventually("a converged situation can be reached", converged)
    return [
        *([can] if comes_back else []),
        converges("left alone, versions come to rest", _nothing_to_cross, by=_crosses),
    ]


def _is_plain(limits: Limits) -> bool:
    """Whether every step had its answer and came to rest before the next."""
    unanswered = limits.timeouts or limits.pauses
    answered = limits.burst == 1 and not unanswered and not limits.together
    # What a node kept of an author that it trusts again may be there or not.
    return answered and not limits.distrusts


def _seen(limits: Limits, guarantees: Guarantees) -> list[Asked]:
    seen: list[Asked] = [sometimes("all that runs is at rest after a write", _wrote_and_rests)]
    several = limits.nodes - len(guarantees.readers) > 1 and limits.writes > 1
    if several and (limits.cuts or limits.burst > 1):
        seen.append(sometimes("a conflict is open", in_conflict))
        seen.append(sometimes("a conflict was decided", conflict_decided))
    if limits.rollbacks and limits.writes and not guarantees.rollback_keeps_log:
        seen.append(sometimes("a version is lost with the only log that had it", lost))
    if limits.timeouts:
        seen.append(sometimes("a version that may exist does not", not_landed))
    if limits.purges and limits.writes > 1:
        seen.append(sometimes("a delete is purged", purged))
    if limits.purges and limits.writes > 2:
        seen.append(sometimes("a row is created again after its purge", created_again))
    if limits.leaves and limits.writes:
        seen.append(sometimes("a node that is no member lacks a version", lacks_as_it_is_away))
    if limits.distrusts and limits.writes:
        seen.append(sometimes("a node has a version of who it does not trust", keeps_distrusted))
    if may_come_back(limits) and guarantees.heal_catches_up and guarantees.passes_on:
        seen.append(sometimes(CAME_BACK, lambda now: came_back(now.world.belief)))
    if any(ref.on_delete is OnDelete.HIDE for ref in _refs(limits)):
        seen.append(sometimes("a row is hidden", hides))
    return seen


def _refs(limits: Limits) -> Iterator[Ref]:
    """The references that rows may have."""
    for table in limits.schema.tables:
        if limits.counts[table.name]:
            yield from table.refs


# --- always --------------------------------------------------------------------------------------


def acyclic(now: Situation) -> bool:
    """Whether no version of any row loses to itself, however far around."""
    return all(_acyclic(row.order) for row in now.world.belief.rows.values())


@lru_cache(maxsize=CACHED)
def _acyclic(order: Order) -> bool:
    graph: TopologicalSorter[int] = TopologicalSorter()
    for child, parents in order.parents.items():
        graph.add(child, *parents)
    for loser, winner in order.seen:
        graph.add(winner, loser)
    try:
        graph.prepare()
    except CycleError:
        return False
    return True


def true_to_the_hidden_order(now: Situation) -> bool:
    """Whether every version that is believed to lose really does, to those that really exist."""
    for name, row in now.world.belief.rows.items():
        rank = {number: place for place, number in enumerate(now.order.get(name, ()))}
        for loser, winners in row.order.above.items():
            if loser in rank and any(rank[loser] > rank[w] for w in winners if w in rank):
                return False
        for loser, winners in row.order.among:
            if loser in rank and not any(rank[loser] < rank[w] for w in winners if w in rank):
                return False
    return True


def between_the_bounds(now: Situation) -> bool:
    """Whether each node really knows what it must and no more than it may.

    While steps are taken at the same time the belief has not heard of any of them yet.
    """
    if now.together is not None:
        return True
    return all(
        row.known_by(node) <= _known(now, node, name) <= row.perhaps_known_by(node)
        for node in now.net.nodes
        for name, row in now.world.belief.rows.items()
    )


def _known(now: Situation, node: str, row: Row) -> frozenset[int]:
    """What the node knows of the row, of authors that it trusts."""
    return frozenset(
        number
        for name, number in now.knows(node)
        if name == row and now.trusts(node, (name, number))
    )


def order_is_all_one(now: Situation) -> bool:
    """Whether every crossing leaves the situation at the next rest as it is.

    Asked of every situation, that is so for whole sequences of crossings too: by induction on
    their length.
    """
    if now.alarm or now.together is not None:
        return True
    settled = _settled(now)
    return all(
        _settled(evolve(now, really=now.really.set(hearer, now.knows(hearer) | {cross.version})))
        == settled
        for cross in crossings(now)
        for hearer in cross.link[1:]
    )


@lru_cache(maxsize=CACHED)
def _settled(now: Situation) -> Situation:
    """The next rest, if versions cross in this file's order."""
    while (cross := next(crossings(now), None)) is not None:
        hearer = cross.link[1]
        now = evolve(now, really=now.really.set(hearer, now.knows(hearer) | {cross.version}))
    return rested(now)


def known_at_rest(now: Situation) -> bool:
    """Whether at rest nothing is open: each node must know what it may know, and shows one thing.

    Promised where every step had its answer and its rest. Of hidden rows nothing is learnt.
    """
    if not _at_rest(now):
        return True
    belief, binding = now.world.belief, now.schema.binding
    return all(
        row.known_by(node) == row.perhaps_known_by(node)
        and (binding[name.table] or len(_sights(row, belief.may_show(node, name))) <= 1)
        for node in now.net.carriers
        for name, row in belief.rows.items()
    )


def _sights(row: RowBelief, versions: Versions) -> set[Stored]:
    """What these versions look like: all tombstones alike."""
    return {row.versions[version].value for version in versions}


# --- sometimes, and in the end -------------------------------------------------------------------


def _at_rest(now: Situation) -> bool:
    return not now.since_rest and now.together is None and not now.alarm


def _wrote_and_rests(now: Situation) -> bool:
    return _at_rest(now) and bool(now.order)


def in_conflict(now: Situation) -> bool:
    """Whether two versions of a row are known, of which neither is known to lose."""
    return any(_unordered(now, name) for name in now.world.belief.rows)


def _unordered(now: Situation, name: Row) -> bool:
    above = now.world.belief.row(name).order.above
    order = now.order.get(name, ())
    return any(
        low not in above.get(high, NONE) and high not in above.get(low, NONE)
        for high in order
        for low in order
        if low < high
    )


def conflict_decided(now: Situation) -> bool:
    """Whether it was seen that one of two versions wins which knew nothing of each other."""
    return any(row.order.seen for row in now.world.belief.rows.values())


def lost(now: Situation) -> bool:
    """Whether an accepted version is known nowhere any more."""
    known = NOTHING.union(*now.really.values())
    return any((row, n) not in known for row, order in now.order.items() for n in order)


def not_landed(now: Situation) -> bool:
    """Whether a version was asked for that did not happen so far."""
    return any(None in truth for truth in now.truth.values())


def hides(now: Situation) -> bool:
    """Whether a node has a row that does not show, as a row that it refers to does not."""
    return any(
        now.has(node, row) is not None and now.shows(node, row) is None
        for node in now.net.carriers
        for row in now.order
    )


def lacks_as_it_is_away(now: Situation) -> bool:
    """Whether at rest a node that is no member lacks what others know."""
    away = {node for _, node in now.net.away}
    others = NOTHING.union(*(now.knows(node) for node in now.net.nodes if node not in away))
    return _at_rest(now) and any(others - now.knows(node) for node in away)


def keeps_distrusted(now: Situation) -> bool:
    """Whether a node has a version that counts for nothing there."""
    return any(
        not now.trusts(node, version) for node in now.net.nodes for version in now.knows(node)
    )


def purged(now: Situation) -> bool:
    """Whether all nodes forgot a delete."""
    return bool(now.purged)


def created_again(now: Situation) -> bool:
    """Whether a row shows of which all nodes forgot a delete."""
    rows = {row for row, _ in now.purged}
    return any(now.shows(node, row) is not None for node in now.net.carriers for row in rows)


def converged(now: Situation) -> bool:
    """Whether every link is whole, every node shows rows, and all know and show the same."""
    net = now.net
    return (
        _at_rest(now)
        and not net.cut
        and len(net.carriers) == len(net.nodes)
        and len({now.knows(node) for node in net.nodes}) == 1
    )


def _nothing_to_cross(now: Situation) -> bool:
    return next(crossings(now), None) is None


def _crosses(action: Action) -> bool:
    return isinstance(action, Cross)
