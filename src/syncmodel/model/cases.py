"""Case analysis: what a belief leaves open is assumed one way and the other.

A belief bounds what every node knows, and so accepts some runs that no order of events explains.
Here each thing that it leaves open is a split: a request without an answer landed during this step
or has not yet; a node at rest knows a version or does not; a version loses to this one of several.
A case that a later answer or sight contradicts is dropped, and where none is left, nothing explains
the run. Bounds propagate and cases split, as unit propagation and decisions do in a search for a
model (Davis, Logemann and Loveland, A machine program for theorem-proving, CACM 5(7), 1962).

Every case is a belief itself, so a split that is left out costs sharpness and nothing else. Where
there are too many, the analysis begins anew with the belief, which covers all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Protocol, TypeVar

from attrs import evolve
from msgspec.structs import replace

from syncmodel.model.backups import UNTOUCHED, Disks
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.judge import fold
from syncmodel.model.net import Net
from syncmodel.model.order import NONE
from syncmodel.model.outcome import LANDED, Answer, Outcome
from syncmodel.model.policies import Policy
from syncmodel.model.reads import Look
from syncmodel.model.rest import compare
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value, Write
from syncmodel.model.view import View
from syncmodel.record import Record

#: So many cases are followed at once.
MOST = 64
#: So many of them while a step is taken, before sights rule most of them out.
MOST_BETWEEN = 4 * MOST
#: So many requests without an answer are split in one case; of more there are only bounds.
MOST_LATE = 6


class HasNet(Protocol):
    """What a step is judged by: a belief, or several."""

    @property
    def net(self) -> Net:
        """The net as it is believed to be."""


#: When a request without an answer lands: not yet, beside the answers, or at the end of the step.
WHEN = ("", "beside", "then")

Writes = tuple[Write, ...]
Call = tuple[Write, Outcome]
State = TypeVar("State", bound=HasNet)


class Fold(Protocol[State]):
    """See `judge.fold`."""

    def __call__(
        self,
        belief: State,
        calls: Sequence[tuple[Write, Outcome]],
        after: Net,
        touched: frozenset[str] = frozenset(),
        looks: Sequence[tuple[Look, Outcome]] = (),
        *,
        disks: Disks = UNTOUCHED,
    ) -> State:
        """The state after these calls and looks."""


class Follows(Protocol):
    """A step, as far as it is needed here."""

    @property
    def is_followed(self) -> bool:
        """Whether all that it does to a belief is in `follow`."""

    def follow(self, state: State, outcome: Outcome, folded: Fold[State]) -> State:
        """What may be true after the step; see `Step.follow`."""


class TooManyCases(Exception):  # noqa: N818 (no error: the belief alone goes on)
    """There are more cases than are followed."""


class Case(Record):
    """One of them: what is believed in it, and the requests that have yet to land, if ever."""

    belief: Belief
    late: Writes = ()


class Cases(Record):
    """The cases that are left. None: all that is known is the belief that stands beside them."""

    cases: tuple[Case, ...] = ()

    @property
    def net(self) -> Net:
        """The net, which is the same in each."""
        return self.cases[0].belief.net

    def taken(self, step: Follows, outcome: Outcome, before: Belief, after: Belief) -> Cases:
        """Those that are left of these, `before` the step, once it has had this outcome.

        `after` is the belief then. Raises `DivergenceFound` if that outcome is possible in none.
        """
        if not self.cases and not _unanswered(outcome):
            return self
        if not step.is_followed or _decides_in_a_quorum(before):
            return Cases()
        begun = self if self.cases else Cases((Case(before),))
        try:
            return step.follow(begun, outcome, folded_each)._unless_as_sharp(after)
        except TooManyCases:
            return Cases()

    def rested(self, views: Mapping[str, View | None], after: Belief) -> Cases:
        """Those in which the nodes, at rest, may show these views; `after` is the belief then.

        Raises `DivergenceFound` if there is none.
        """
        if _decides_in_a_quorum(after):
            return self
        if not self.cases:
            if after.seen is None or not _undecided(after, after.seen.compared):
                return self
            rested = [Case(after)]
        else:
            rested = _possible(partial(_compared, case, views) for case in self.cases)
        split = _split(rested)
        if len(split) > len(rested):  # What was assumed may contradict what shows.
            split = _possible(partial(_compared, case, views) for case in split)
        return Cases(tuple(dict.fromkeys(split)))._unless_as_sharp(after)

    def _unless_as_sharp(self, belief: Belief) -> Cases:
        """None of them, if the belief says as much: it leaves nothing open, or the only case is
        the same."""
        only = self.cases[0] if len(self.cases) == 1 and not self.cases[0].late else None
        same = only is not None and only.belief.rows == belief.rows
        return self if not same and _undecided(belief, belief.rows) else Cases()


def folded_each(
    belief: Cases,
    calls: Sequence[tuple[Write, Outcome]],
    after: Net,
    touched: frozenset[str] = frozenset(),
    looks: Sequence[tuple[Look, Outcome]] = (),
    *,
    disks: Disks = UNTOUCHED,
) -> Cases:
    """Each case folded, once for each choice of the requests that land meanwhile."""
    answered = [call for call in calls if call[1].answer is not Answer.UNKNOWN]
    asked = [call for call in calls if call[1].answer is Answer.UNKNOWN]

    def ways(case: Case) -> Iterator[Callable[[], Case]]:
        split = max(0, MOST_LATE - len(case.late))
        new, bounded = tuple(write for write, _ in asked[:split]), asked[split:]
        net = case.belief.net
        during, trusting = net.either(after), {node for node, _ in net.distrusts ^ after.distrusts}
        # What a node was asked that stops never lands if it has not by then: `RowBelief.ended`.
        ended = [write.node in touched for write in case.late]
        ended += [write.node in touched and write.node in after.down for write in new]
        late = (*case.late, *new)
        # What a node shows once it trusts more, or less, is another thing than what it showed.
        choices = (WHEN[: 1 + during.carries(w.node) * (1 + (w.node in trusting))] for w in late)
        for lands in product(*choices):
            left = tuple(
                write
                for write, when, over in zip(late, lands, ended, strict=True)
                if not (when or over)
            )
            landing, then = (
                [(write, LANDED) for write, when in zip(late, lands, strict=True) if when is it]
                for it in WHEN[1:]
            )
            yield partial(folded, case.belief, [*answered, *bounded, *landing], left, then)

    def folded(belief: Belief, these: Sequence[Call], left: Writes, then: Sequence[Call]) -> Case:
        belief = fold(belief, these, after, touched, looks, disks=disks)
        return Case(fold(belief, then, after) if then else belief, left)

    return Cases(tuple(_possible(way for case in belief.cases for way in ways(case))))


def _possible(ways: Iterable[Callable[[], Case]]) -> list[Case]:
    """The cases that nothing contradicts; where there is none, raises what rules the first out."""
    left: list[Case] = []
    ruled_out: list[DivergenceFound] = []
    for way in ways:
        try:
            left.append(way())
        except DivergenceFound as found:
            ruled_out.append(found)
        if len(left) > MOST_BETWEEN:
            raise TooManyCases
    if left:
        return left
    raise _of_several(ruled_out[0]) if len(ruled_out) > 1 else ruled_out[0]


def _compared(case: Case, views: Mapping[str, View | None]) -> Case:
    return Case(compare(case.belief, views), case.late)


def _of_several(found: DivergenceFound) -> DivergenceFound:
    words = "in one case of several; what was shown fits none"
    told = (evolve(one, expected=f"{one.expected} ({words})") for one in found.divergences)
    return DivergenceFound(tuple(told))


# --- what is open -----------------------------------------------------------------------------


def _undecided(belief: Belief, names: Iterable[Row]) -> bool:
    return any(_is_open(belief.row(name)) for name in names)


def _is_open(row: RowBelief) -> bool:
    order = row.order
    if row.pending or order.among or order.loose or row.must != row.may:
        return True
    return bool(row.saved) and any(copy.must != copy.may for copy in row.saved.values())


def _split(cases: Iterable[Case]) -> list[Case]:
    """The cases, each split by what it leaves open, as long as there are not too many."""
    found = list(dict.fromkeys(cases))
    if len(found) > MOST:
        return []
    place = 0
    while place < len(found) and len(found) < MOST:
        ways = _ways(found[place].belief)
        if not ways:
            place += 1
            continue
        found[place : place + 1] = [Case(belief, found[place].late) for belief in ways]
    return found


def _ways(belief: Belief) -> list[Belief]:
    """The first thing that the last rest left open of what it compared, assumed in each way."""
    seen = belief.seen
    assert seen is not None
    for name in sorted(name for name in seen.compared if _is_open(belief.row(name))):
        row = belief.row(name)
        ways = _winners(row) or _bases(belief.policy(name), row) or _copied(row)
        if seen.prunes and not ways:
            ways = _knowing(belief, name)
        if ways:
            return [belief.with_row(name, way) for way in ways]
    return []


def _winners(row: RowBelief) -> list[RowBelief]:
    """A version loses to one of several: to which?"""
    if not row.order.among:
        return []
    loser, winners = min(row.order.among, key=lambda one: (one[0], sorted(one[1])))
    left = replace(row.order, among=row.order.among - {(loser, winners)})
    return [row.ordered(left.shown(frozenset({w}), (loser,))) for w in sorted(winners)]


def _bases(policy: Policy, row: RowBelief) -> list[RowBelief]:
    """A write replaced the leaf that its node showed, whose log has it as long as it is there; one
    that stored a whole row may have been a create, over a deleted row or over none."""
    for version in sorted(row.order.loose - row.pending):
        known = frozenset(range(len(row.versions)))
        if version not in row.gone:
            known = row.perhaps_known_by(row.versions[version].node)
        bases = known - {version} - row.order.causal.get(version, NONE)
        creates = isinstance(row.versions[version].value, Value)
        ways = [policy.based(row.order, version, b) for b in row.present(bases)]
        if creates:
            ways += [policy.based(row.order, version, b) for b in row.tombstones(bases)]
            ways.append(replace(row.order, loose=row.order.loose - {version}))
        return [row.ordered(way) for way in ways]
    return []


def _copied(row: RowBelief) -> list[RowBelief]:
    """A copy of a disk has a version or has not."""
    for node, copy in sorted(row.saved.items()):
        for version in sorted(copy.may - copy.must - row.pending):
            one = frozenset({version})
            copies = replace(copy, must=copy.must | one), replace(copy, may=copy.may - one)
            ways = [replace(row, saved=row.saved.set(node, each)) for each in copies]
            return [ways[0].confirmed(version), ways[1]]
    return []


def _knowing(belief: Belief, name: Row) -> list[RowBelief]:
    """A node at rest knows a version that it may show, or does not. Nothing is assumed of what may
    come at any time (a request may yet land, somebody hides it and hands it on), and nothing of
    nodes that are down."""
    row, net = belief.row(name), belief.net
    for node in sorted(net.up):
        unknown = row.perhaps_known_by(node) - row.known_by(node) - row.pending
        for version in sorted(unknown & belief.may_show(node, name) if unknown else unknown):
            if row.lies_hidden(version, node, net):
                continue
            known = row.confirmed(version).surely(frozenset({version}), node)
            return [known, row.unaware(node, version)]
    return []


def _unanswered(outcome: Outcome) -> bool:
    return outcome.answer is Answer.UNKNOWN or any(map(_unanswered, outcome.parts))


def _decides_in_a_quorum(belief: Belief) -> bool:
    """What landed there without an answer a quorum need not have."""
    return bool(belief.net.quorum)
