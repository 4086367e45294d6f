"""The comparison of a settled system with what may be true of it, and what it teaches.

At rest *must* flows as knowledge does. Every node that shows rows is held against what it may
show; nodes that learn all from each other must show the same; and what they show is learnt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations

from attrs import evolve

from syncmodel.errors import InvalidRunError
from syncmodel.model import prefix
from syncmodel.model.beaten import MayCome, at_rest, brought, unless_beaten
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Net
from syncmodel.model.noted import Rest, Seen, Touched
from syncmodel.model.policies import Policy
from syncmodel.model.registers import changed, come_along
from syncmodel.model.registers import shown as by_register
from syncmodel.model.rows import RowBelief
from syncmodel.model.together import apart
from syncmodel.model.values import Row, Value, matches
from syncmodel.model.view import View
from syncmodel.model.well_formed import check_form

#: What is seen of a row that is hidden by one that does not show: nothing can be said of it.
HIDDEN = "hidden"
Sight = Value | None | str
#: A node, and what it shows.
Told = tuple[str, Value | None]
Registers = Mapping[Row, Value]


def compare(belief: Belief, views: Mapping[str, View | None]) -> Belief:
    """The belief after a rest at which each running node showed its view.

    `views` has every running node, None for one without the plugin API; a node that may lack a
    quorum may be left out: nothing is said of it then. Raises `DivergenceFound` with all that
    differs, in a fixed order, and `InvalidRunError` if any other running node was not read.
    """
    seen = {node: view for node, view in views.items() if view is not None}
    if not tuple(seen) == tuple(views) == belief.net.carriers == belief.net.up:
        _check_looked(belief.net, views)
    check_form(belief.net, seen)
    net, schema = belief.net.whole, belief.net.schema
    # What a quorum need not have, or waits for one that stands still, may come at any time later:
    # then nobody can be said to lack it for good. Over a link that was interrupted it comes again.
    prunes = belief.net.settles
    shown = {n: by_register(schema, belief.guarantees, view) for n, view in seen.items()}
    rests: dict[Row, Rest] = {}
    found: list[Divergence] = []
    names = sorted(_to_compare(belief, net, seen, shown, prunes=prunes))
    for name in names:
        last, rule = belief.rested.get(name), belief.policy(name)
        row = belief.row(name)
        if name.column:
            made = rests.get(name.whole)
            row = come_along(name, row, belief.row(name.whole) if made is None else made.row)
        sights = _sights(belief, name, shown)
        come = at_rest(belief, name, prunes=prunes)
        rest, wrong = _rested(net, rule, name, row, sights, last=last, may_come=come, prunes=prunes)
        if belief.logs.owed:
            wrong = [prefix.named(belief, net, name, one, sights[one.node]) for one in wrong]
        found += wrong
        if rest is not last:
            rests[name] = rest
    _raise_if(found or _not_left(belief, shown))
    rows, rested, marks = belief.rows, belief.rested, belief.marked
    if rests:
        after_it = {name: rest.row for name, rest in rests.items()}
        rows, rested = rows.update(after_it), rested.update(rests)
        marks = belief.marking(rows, after_it, marks)
    whole = Seen(net, rows, shown, prunes, seen, names)
    noted = Touched(whole, rows)
    logs, of = belief.logs, belief.guarantees
    after = Belief(belief.net, of, rows, belief.taken, rested, whole, noted, marks, logs)
    if of.by_field:
        whole_rows = {name.whole for name in names}
        _raise_if([d for node in shown for d in apart(after, node, whole_rows, shown[node])])
    if belief.net.interrupted:
        # What need not have come over a link that broke may do so from now on.
        flowed = (
            (name, row, brought(row.flowed_may(belief.net), belief.net))
            for name, row in rows.items()
        )
        after = after.with_rows({name: new for name, row, new in flowed if new is not row})
    if not of.in_order:
        return after
    return prefix.whole(after, shown, lambda name: _sights(after, name, shown))


def _to_compare(
    belief: Belief,
    net: Net,
    seen: Mapping[str, View],
    shown: Mapping[str, Registers],
    *,
    prunes: bool,
) -> Iterable[Row]:
    """The registers that may differ from the last rest, which found nothing; all on another net.

    A long run has many rows, and a step changes few of them: the others would be compared again
    with what they were compared with before.
    """
    last = belief.seen
    if (
        last is None
        or not (last.net is net or last.net == net)
        or last.shown.keys() != shown.keys()
        or (prunes and not last.prunes)
    ):
        return {*belief.rows}.union(*shown.values())
    touched = belief.touched
    if touched is None:
        found = {name for name, row in belief.rows.items() if last.rows.get(name) is not row}
    else:
        found = set(touched)
    pairs = {(id(last.views[n]), id(now)): (last.views[n], now) for n, now in seen.items()}
    came_or_went = False
    for before, now in pairs.values():
        names, other_ones = changed(belief.net.schema, belief.guarantees, before, now)
        found |= names
        came_or_went = came_or_went or other_ones
    # Whether a request that got no answer may still be taken depends on other rows.
    found.update([name for name in belief.marked.names if belief.row(name).pending])
    if came_or_went:
        found.update(_hidden(belief, {id(one): one for one in shown.values()}.values()))
    return found


def _hidden(belief: Belief, shown: Collection[Registers]) -> Iterator[Row]:
    """The rows that some node does not show, and that others hide: it matters which these are."""
    for name in belief.marked.hideable:
        if not all(name in values for values in shown):
            yield name


def _not_left(belief: Belief, shown: Mapping[str, Registers]) -> list[Divergence]:
    """What contradicts the last answers."""
    left = [one.not_left(belief, shown[one.node]) for one in belief.answers if one.node in shown]
    return [divergence for divergence in left if divergence is not None]


def _raise_if(found: list[Divergence]) -> None:
    if found:
        raise DivergenceFound(tuple(found))


def _check_looked(net: Net, views: Mapping[str, View | None]) -> None:
    """Raises `InvalidRunError` where a running node was not read, `DivergenceFound` where one shows
    no plugin that should, or one that should not."""
    unseen = [node for node in net.up if node not in views and net.must_answer(node)]
    if unseen:
        raise InvalidRunError(f"Nobody looked at {', '.join(unseen)}, though it should run.")
    found = []
    for node, view in views.items():
        expected = net.carries(node)
        if expected != (view is not None):
            words = ("no plugin API (404)", "the plugin API")
            found.append(
                Divergence(Kind.CONTROL_PLANE, node, None, words[expected], words[not expected])
            )
    _raise_if(found)


def _sights(
    belief: Belief, name: Row, shown: Mapping[str, Mapping[Row, Value]]
) -> dict[str, Sight]:
    """What each node shows of one register."""
    if name.column:
        whole = name.whole
        return {
            n: values.get(name, HIDDEN) if whole in values else HIDDEN
            for n, values in shown.items()
        }
    bound = belief.bound_to(name)
    if not bound:
        return {node: values.get(name) for node, values in shown.items()}
    return {
        node: values.get(name) or (None if all(one in values for one in bound) else HIDDEN)
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
    may_come: MayCome,
    prunes: bool,
) -> tuple[Rest, list[Divergence]]:
    """How a rest leaves one row, and what differs: as it was `last`, where nothing changed.

    A comparison follows from net, row and sights (and the policy, which is fixed). Of the net it
    asks only what flows, and who must agree.
    """
    learns_more = prunes and last is not None and not last.prunes
    as_before = last is not None and last.row is row and last.sights == sights
    if last is not None and as_before and not (learns_more or row.pending):
        if last.net is net or last.net == net:
            return last, []
        if last.stable and row.flowed_must(net) is row:
            again = Rest(net, row, sights, stable=True, prunes=prunes)
            return again, _disagreements(net, name, sights)
    after, differing = _compare_row(net, rule, name, row, sights)
    if not differing and after.must != after.may:  # Else no node may know more than it must.
        if prunes:
            after = _pruned(net, rule, name, after, sights)
        if not rule.sums and not rule.leaves:
            after = _not_shown(rule, after, sights, may_come)
    stable = after is row and not row.pending
    return Rest(net, after, sights, stable=stable, prunes=prunes), differing


def _not_shown(
    rule: Policy, row: RowBelief, sights: Mapping[str, Sight], may_come: MayCome
) -> RowBelief:
    """The row with what the nodes would have shown, unless they know what beats it."""
    for node, sight in sights.items():
        sure = row.known_by(node)
        if isinstance(sight, str) or sure == row.perhaps_known_by(node):
            continue
        shown = rule.possibly(row, node, sight)
        if sight is None:  # It may also know nothing, or a tombstone that came unseen.
            shown = frozenset(row.tombstones(rule.may_show(row, node)))
        row = unless_beaten(row, node, shown, may_come, sure=sure, most=len(row.versions))
    return row


def _pruned(
    net: Net, rule: Policy, name: Row, row: RowBelief, sights: Mapping[str, Sight]
) -> RowBelief:
    """The row without what a settled node can't know: if it did, it would show something else.

    Nor does any node know it that this one hears.
    """
    for node, sight in sights.items():
        if isinstance(sight, str) or row.known_by(node) == row.perhaps_known_by(node):
            continue
        columns = net.schema.shown(name.table, net.plugin(node))
        impossible = partial(rule.impossible, name, node=node, sight=sight, columns=columns)
        for version in row.refuted(node, impossible, net):
            for source in net.sources_of(row.versions[version].node)[node]:
                if net.passes_on or source in (node, row.versions[version].node):
                    row = row.unaware(source, version)
    return row


def _compare_row(
    net: Net, rule: Policy, name: Row, row: RowBelief, sights: Mapping[str, Sight]
) -> tuple[RowBelief, list[Divergence]]:
    """One register on every node that shows rows: what is learnt of it, and what differs."""
    row = flowed = row.flowed_must(net)
    for node, sight in sights.items():
        if not isinstance(sight, str):
            row = rule.recognised(row, node, sight)
    if row is not flowed:
        row = row.flowed_must(net)
    telling = _telling(row, sights)
    if _impossibles(net, rule, name, row, telling):
        return row, _impossibles(net, rule, name, row, _told(sights))
    found = _disagreements(net, name, sights)
    return (row, found) if found else _learnt(net, rule, name, row, sights, telling=telling)


def _impossibles(
    net: Net, rule: Policy, name: Row, row: RowBelief, told: Iterable[Told]
) -> list[Divergence]:
    """Each node whose own view is impossible."""
    found = []
    for node, sight in told:
        wrong = rule.impossible(
            name, row, node, sight, net.schema.shown(name.table, net.plugin(node))
        )
        if wrong is not None:
            found.append(wrong)
    return found


def _told(sights: Mapping[str, Sight]) -> list[Told]:
    """Of each node of which anything can be said: what it shows."""
    return [(node, sight) for node, sight in sights.items() if not isinstance(sight, str)]


def _telling(row: RowBelief, sights: Mapping[str, Sight]) -> list[Told]:
    """The same. Of nodes one after another of which the same is believed, and that show the same,
    the first: what a node may show, and what that says, follows from no more."""
    told = _told(sights)
    if row.beaten:
        return told
    found, before, must, may = [], None, row.must, row.may
    for node, sight in told:
        of_this = (must.get(node), may.get(node), sight)
        if of_this != before:
            found.append((node, sight))
        before = of_this
    return found


def _disagreements(net: Net, name: Row, sights: Mapping[str, Sight]) -> list[Divergence]:
    """Nodes that learn all from each other, yet show different versions."""
    found = []
    for circle in net.circles:
        if len(circle) == 1:
            continue
        shown = {n: sights[n] for n in circle if not isinstance(sights.get(n, HIDDEN), str)}
        if len(set(shown.values())) > 1 and not _alike(shown.values()):
            words = ", ".join(f"{n} shows {v or 'nothing'}" for n, v in shown.items())
            expected = f"the same on {' and '.join(shown)}"
            found.append(Divergence(Kind.DISAGREEMENT, next(iter(shown)), name, expected, words))
    return found


def _alike(sights: Collection[Sight]) -> bool:
    """Whether they are the same in as many columns as all of them have."""
    values = [sight for sight in sights if isinstance(sight, Value)]
    if len(values) < len(sights):
        return False
    return all(matches(one.cells, other.cells) for one, other in combinations(set(values), 2))


def _learnt(
    net: Net,
    rule: Policy,
    name: Row,
    row: RowBelief,
    sights: Mapping[str, Sight],
    *,
    telling: Sequence[Told],
) -> tuple[RowBelief, list[Divergence]]:
    """What each sight teaches. What one node teaches may refute what another shows."""
    before = row
    for node, sight in telling:
        row = rule.taught(row, node, sight)
        if row.order is before.order:
            continue
        if _impossibles(net, rule, name, row, _telling(row, sights)):
            found = _impossibles(net, rule, name, row, _told(sights))
            return before, [evolve(d, kind=Kind.DISAGREEMENT) for d in found]
    return row, []
