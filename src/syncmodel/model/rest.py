"""The comparison of a settled system with what may be true of it, and what it teaches.

At rest *must* flows as knowledge does. Every node that shows rows is held against what it may
show; nodes that learn all from each other must show the same; and what they show is learnt.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve
from immutables import Map

from syncmodel.model.belief import EMPTY, Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.naming import describe, wrong_sight
from syncmodel.model.net import Net
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
    `DivergenceFound` with all that differs, in a fixed order.
    """
    _raise_if(_control_plane(belief, views))
    seen = {node: view for node, view in views.items() if view is not None}
    _raise_if([found for node, view in seen.items() for found in _ill_formed(node, view)])
    net = belief.net.whole
    rows = {name: row.flowed_must(net) for name, row in belief.rows.items()}
    found: list[Divergence] = []
    for name in sorted({*rows, *_shown_rows(seen)}):
        row = rows.get(name, EMPTY)
        sights = {node: _sight(view, name, row) for node, view in seen.items()}
        rows[name], differing = _compare_row(net, belief.policy(name), name, row, sights)
        found += differing
    _raise_if(found)
    return evolve(belief, rows=Map(rows))


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


def _shown_rows(views: Mapping[str, View]) -> set[Row]:
    return {Row(CASES, name) for view in views.values() for name, _ in view.cases} | {
        Row(EVENTS, name) for view in views.values() for name, _ in view.events
    }


def _sight(view: View, name: Row, row: RowBelief) -> Sight:
    """What a view shows of one row."""
    if name.table == CASES:
        return dict(view.cases).get(name.name)
    event = dict(view.events).get(name.name)
    if event is not None:
        return event
    cases = {v.value.case for v in row.versions if isinstance(v.value, Event)}
    return None if cases <= {case for case, _ in view.cases} else HIDDEN


def _compare_row(
    net: Net, rule: Policy, name: Row, row: RowBelief, sights: Mapping[str, Sight]
) -> tuple[RowBelief, list[Divergence]]:
    """One row on every node that shows rows: what is learnt of it, and what differs."""
    row = _recognised(net, rule, row, sights)
    found = [
        divergence
        for node, sight in sights.items()
        if not isinstance(sight, str)
        and (divergence := _impossible(rule, name, row, node, sight)) is not None
    ]
    found = found or _disagreements(net, name, sights)
    return (row, found) if found else _learnt(rule, name, row, sights)


def _recognised(net: Net, rule: Policy, row: RowBelief, sights: Mapping[str, Sight]) -> RowBelief:
    """Whoever shows a version knows it, and by now all in its reach must know it too."""
    for node, sight in sights.items():
        version = _version_shown(rule, row, node, sight)
        if version is not None and not isinstance(sight, str):
            row = row.proved(version, sight).surely(frozenset({version}), node)
    return row.flowed_must(net)


def _version_shown(rule: Policy, row: RowBelief, node: str, sight: Sight) -> int | None:
    """The one version that this sight can be; None where it can be none, or several."""
    if isinstance(sight, str):
        return None
    if sight is not None:
        shown = [v for v in row.present(row.perhaps_known_by(node)) if row.fits(v, sight)]
    elif row.known_by(node):
        shown = row.tombstones(rule.may_show(row, node))
    else:
        shown = []
    return shown[0] if len(shown) == 1 else None


def _impossible(
    rule: Policy, name: Row, row: RowBelief, node: str, sight: Value | None
) -> Divergence | None:
    """The divergence of one node by itself, if it shows what it may not."""
    may = rule.may_show(row, node)
    absent = not row.known_by(node) or bool(row.tombstones(may))
    possible = absent if sight is None else any(row.fits(v, sight) for v in row.present(may))
    if possible:
        return None
    return wrong_sight(name, row, node, sight, describe(row, may, absent=absent))


def _disagreements(net: Net, name: Row, sights: Mapping[str, Sight]) -> list[Divergence]:
    """Nodes that learn all from each other, and yet show different versions."""
    found = []
    for circle in net.circles:
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

    Of an event that is hidden nothing is learnt; where several tombstones could be the winner,
    only that one of them won is known, so nothing is learnt either.
    """
    for node, sight in sights.items():
        version = _version_shown(rule, row, node, sight)
        if version is None:
            continue
        must = row.known_by(node)
        if row.order.loses(version, must):
            winners = describe(row, must & row.order.above[version], absent=False)
            shown = str(row.versions[version].value)
            return row, [Divergence(Kind.DISAGREEMENT, node, name, winners, shown)]
        row = evolve(row, order=rule.learnt(row.order, version, must))
    return row, []
