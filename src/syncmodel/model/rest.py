"""The comparison of a settled system with what may be true of it, and what it teaches.

At rest *must* flows as knowledge does. Every node that shows rows is held against what it may
show; nodes that learn all from each other must show the same; and what they show is learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from attrs import evolve

from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief, Rest
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.naming import describe, wrong_sight
from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Versions
from syncmodel.model.policies import Policy
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import CASES, EVENTS, Event, Row, Value
from syncmodel.model.view import View

#: What is seen of an event whose case does not show: nothing can be said of it.
HIDDEN = "hidden"
Sight = Value | None | str


def compare(belief: Belief, views: Mapping[str, View | None]) -> Belief:
    """The belief after a rest at which each node that runs showed its view.

    `views` has every node that runs, None for one whose plugin API is not there. Raises
    `DivergenceFound` with all that differs, in a fixed order, and `InvalidRunError` if a node that
    runs was not looked at.
    """
    unseen = [node for node in belief.net.up if node not in views]
    if unseen:
        raise InvalidRunError(f"Nobody looked at {', '.join(unseen)}, though it should run.")
    _raise_if(_control_plane(belief, views))
    seen = {node: view for node, view in views.items() if view is not None}
    if not all(map(_well_formed, seen.values())):
        _raise_if([found for node, view in seen.items() for found in _ill_formed(node, view)])
    net = belief.net.whole
    shown = {node: _by_row(view) for node, view in seen.items()}
    rests: dict[Row, Rest] = {}
    found: list[Divergence] = []
    for name in sorted({*belief.rows}.union(*shown.values())):
        row = belief.row(name)
        sights = _sights(name, row, shown)
        last = belief.rested.get(name)
        rest, differing = _rested(net, belief.policy(name), name, row, sights, last=last)
        found += differing
        if rest is not last:
            rests[name] = rest
    _raise_if(found)
    rows = belief.rows.update({name: rest.row for name, rest in rests.items()})
    return Belief(belief.net, belief.guarantees, rows, belief.rested.update(rests))


def _raise_if(found: list[Divergence]) -> None:
    if found:
        raise DivergenceFound(tuple(found))


def _control_plane(belief: Belief, views: Mapping[str, View | None]) -> list[Divergence]:
    found = []
    for node, view in views.items():
        expected = belief.net.carries(node)
        if expected != (view is not None):
            words = ("no plugin API (404)", "the plugin API")
            found.append(
                Divergence(Kind.CONTROL_PLANE, node, None, words[expected], words[not expected])
            )
    return found


# Nodes that agree show equal views, and mostly those that they showed before. These two follow from
# the view alone, so they are found once for all of them.


@lru_cache(maxsize=256)
def _well_formed(view: View) -> bool:
    return not _ill_formed("any node", view)


@lru_cache(maxsize=256)
def _by_row(view: View) -> Mapping[Row, Value]:
    cases: dict[Row, Value] = {Row(CASES, name): value for name, value in view.cases}
    return cases | {Row(EVENTS, name): value for name, value in view.events}


def _ill_formed(node: str, view: View) -> list[Divergence]:
    """What is wrong with one view whatever was written."""
    found = []
    for table, rows in ((CASES, view.cases), (EVENTS, view.events)):
        names = [name for name, _ in rows]
        for name in sorted({name for name in names if names.count(name) > 1}):
            shown = " and ".join(str(value) for other, value in rows if other == name)
            found.append(
                Divergence(Kind.DUPLICATED, node, Row(table, name), "the row once at most", shown)
            )
    cases = {name for name, _ in view.cases}
    found += [
        Divergence(
            Kind.ORPHAN, node, Row(EVENTS, name), f"hidden, as case {event.case} is", str(event)
        )
        for name, event in view.events
        if event.case not in cases
    ]
    return found


def _sights(
    name: Row, row: RowBelief, shown: Mapping[str, Mapping[Row, Value]]
) -> dict[str, Sight]:
    """What each node shows of one row."""
    if name.table == CASES:
        return {node: values.get(name) for node, values in shown.items()}
    cases = {Row(CASES, v.value.case) for v in row.versions if isinstance(v.value, Event)}
    return {
        node: values.get(name) or (None if cases <= values.keys() else HIDDEN)
        for node, values in shown.items()
    }


def _rested(
    net: Net,
    rule: Policy,
    name: Row,
    row: RowBelief,
    sights: Mapping[str, Sight],
    *,
    last: Rest | None,
) -> tuple[Rest, list[Divergence]]:
    """How a rest leaves one row, and what differs: as it was `last`, where nothing changed.

    A comparison follows from net, row and sights (and the policy, which is fixed). Of the net it
    asks only what flows, and who must agree.
    """
    if last is not None and last.row is row and last.sights == sights:
        if last.net is net or last.net == net:
            return last, []
        if last.stable and row.flowed_must(net) is row:
            return Rest(net, row, sights, stable=True), _disagreements(net, name, sights)
    after, differing = _compare_row(net, rule, name, row, sights)
    return Rest(net, after, sights, stable=after is row), differing


def _compare_row(
    net: Net, rule: Policy, name: Row, row: RowBelief, sights: Mapping[str, Sight]
) -> tuple[RowBelief, list[Divergence]]:
    """One row on every node that shows rows: what is learnt of it, and what differs."""
    row = _recognised(net, rule, row.flowed_must(net), sights)
    found = _impossibles(rule, name, row, sights) or _disagreements(net, name, sights)
    return (row, found) if found else _learnt(rule, name, row, sights)


def _recognised(net: Net, rule: Policy, row: RowBelief, sights: Mapping[str, Sight]) -> RowBelief:
    """Whoever shows a version knows it, and by now all in its reach must know it too."""
    for node, sight in sights.items():
        shown = _versions_shown(rule, row, node, sight)
        if len(shown) == 1 and not isinstance(sight, str):
            (version,) = shown
            row = row.proved(version, sight).surely(shown, node)
    return row.flowed_must(net)


def _versions_shown(rule: Policy, row: RowBelief, node: str, sight: Sight) -> Versions:
    """All versions that this sight can be, whether or not the node may show them."""
    if sight is None or isinstance(sight, str):
        return _possibly_shown(rule, row, node, sight)
    return row.fitting(row.perhaps_known_by(node), sight)


def _possibly_shown(rule: Policy, row: RowBelief, node: str, sight: Sight) -> Versions:
    """All versions that this sight can be and that the node may show."""
    if isinstance(sight, str) or (sight is None and not row.known_by(node)):
        return NONE
    may = rule.may_show(row, node)
    return frozenset(row.tombstones(may)) if sight is None else row.fitting(may, sight)


def _impossibles(
    rule: Policy, name: Row, row: RowBelief, sights: Mapping[str, Sight]
) -> list[Divergence]:
    """Every node that by itself shows what it may not."""
    return [
        divergence
        for node, sight in sights.items()
        if not isinstance(sight, str)
        and (divergence := _impossible(rule, name, row, node, sight)) is not None
    ]


def _impossible(
    rule: Policy, name: Row, row: RowBelief, node: str, sight: Value | None
) -> Divergence | None:
    """The divergence of one node by itself, if it shows what it may not."""
    may = rule.may_show(row, node)
    if sight is not None and row.fitting(may, sight):
        return None
    absent = not row.known_by(node) or bool(row.tombstones(may))
    if sight is None and absent:
        return None
    return wrong_sight(name, row, node, sight, describe(row, may, absent=absent))


def _disagreements(net: Net, name: Row, sights: Mapping[str, Sight]) -> list[Divergence]:
    """Nodes that learn all from each other, and yet show different versions."""
    found = []
    for circle in net.circles:
        if len(circle) == 1:
            continue
        shown = {n: sights[n] for n in circle if not isinstance(sights.get(n, HIDDEN), str)}
        if len(set(shown.values())) > 1:
            words = ", ".join(f"{n} shows {v or 'nothing'}" for n, v in shown.items())
            expected = f"the same on {' and '.join(shown)}"
            found.append(Divergence(Kind.DISAGREEMENT, next(iter(shown)), name, expected, words))
    return found


def _learnt(
    rule: Policy, name: Row, row: RowBelief, sights: Mapping[str, Sight]
) -> tuple[RowBelief, list[Divergence]]:
    """Every version that a node must know loses to the one that it shows.

    Of an event that is hidden nothing is learnt; where a sight can be several versions, only that
    one of them won is known. What one node teaches may refute what another shows.
    """
    before = row
    for node, sight in sights.items():
        shown = _possibly_shown(rule, row, node, sight)
        if shown:
            row = row.ordered(rule.learnt(row.order, shown, row.known_by(node)))
        if row.order is not before.order and (found := _impossibles(rule, name, row, sights)):
            return before, [evolve(d, kind=Kind.DISAGREEMENT) for d in found]
    return row, []
