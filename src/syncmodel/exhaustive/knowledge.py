"""The model with an abstract correct system under it: a transition system to be searched whole.

Single versions cross links in any order, a write may come in any place of the hidden order, and
whatever the system does, the model must not call it wrong. This module moves both together; the
system itself is in `abstract`, and the properties in `knowledge_properties`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen
from immutables import Map
from msgspec.structs import replace

from syncmodel.exhaustive.abstract import (
    Known,
    Places,
    Situation,
    Together,
    Waiting,
    done,
    number_among,
    performed,
    places,
    stands_still,
    view,
    writer,
)
from syncmodel.exhaustive.coverage import USUAL, require_covered
from syncmodel.exhaustive.limits import TIMEOUTS, Left, Limits, choices
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Link
from syncmodel.model.outcome import Answer, Outcome, compound
from syncmodel.model.rest import compare
from syncmodel.model.values import Row, Stored
from syncmodel.model.world import World, initial
from syncmodel.steps import Concurrently, Data, Step


@frozen
class Take:
    """A step, or one part of steps taken at the same time.

    `at` is where a write comes in the hidden order. `lost`: the answer is, and the request may
    land later or never.
    """

    step: Step
    at: Places = ()
    lost: bool = False

    def __str__(self) -> str:
        place = f" (in place {', '.join(map(str, self.at))})" if any(self.at) else ""
        return f"{self.step}{place}{', and times out' if self.lost else ''}"


@frozen
class Begin:
    """Steps are taken at the same time from here on: see `Take`."""

    step: Concurrently

    def __str__(self) -> str:
        return f"begins {self.step}"


@frozen
class Land:
    """A request that timed out reaches its node after all."""

    waiting: Waiting
    at: Places = ()

    def __str__(self) -> str:
        return f"what timed out lands: {self.waiting.step}"


@frozen
class Cross:
    """One version crosses one link."""

    link: Link
    version: Known

    def __str__(self) -> str:
        (source, hearer), (row, number) = self.link, self.version
        return f"version {number} of {row} crosses {source} -> {hearer}"


@frozen
class Rest:
    """Nothing can cross any more, and what shows is compared."""

    def __str__(self) -> str:
        return "rest"


Action = Take | Begin | Land | Cross | Rest


@frozen
class Knowledge:
    """The system that is searched; `limits` bounds it. See `syncmodel.checker.System`.

    Raises `UsageError` for guarantees that the abstract system does not have: see `coverage`.
    """

    limits: Limits
    guarantees: Guarantees = USUAL

    def __attrs_post_init__(self) -> None:
        require_covered(self.limits, self.guarantees)

    def initial(self) -> tuple[Situation, ...]:
        """Nothing was written yet."""
        world = initial(self.limits.net, self.guarantees)
        return (Situation(world, world.belief.net, self.limits.left),)

    def actions(self, now: Situation) -> Iterator[Action]:
        """What may happen: versions cross at any time, and the next step need not wait for it."""
        if now.alarm:
            return
        crossing = list(crossings(now))
        yield from crossing
        for waiting in sorted(now.waiting, key=lambda one: one.number):
            if waiting.step.node in now.net.paused:
                continue
            yield from (Land(waiting, at) for at in places(now, waiting.step))
        if now.together is not None:
            yield from _parts(now, now.together)
            return
        if now.since_rest < self.limits.burst:
            yield from self._steps(now)
        if now.since_rest and not any(must_cross(now, one) for one in crossing):
            yield Rest()

    def _steps(self, now: Situation) -> Iterator[Action]:
        plan = now.world.plan
        for step, _ in choices(self.limits, plan, now.left):
            yield from _ways(now, step)
        if self.limits.together:
            yield from (Begin(step) for step, _ in self._pairs(now))

    def _pairs(self, now: Situation) -> Iterator[tuple[Concurrently, Left]]:
        """Two at a time; the second uses no token of the first. Writes first, then by text."""
        plan = now.world.plan
        for first, left in choices(self.limits, plan, now.left):
            marked = first.mark(plan)
            for second, after in choices(self.limits, marked, left):
                pair = Concurrently((first, second))
                if _in_order(first, second) and pair.enabled(plan):
                    yield pair, after

    def next(self, now: Situation, action: Action) -> Situation | None:
        """The situation after it; an alarm of the model is part of that."""
        match action:
            case Cross((_, hearer), version):
                return evolve(now, really=now.really.set(hearer, now.knows(hearer) | {version}))
            case Rest():
                return rested(now)
            case Land(waiting, at):
                landed = evolve(now, waiting=now.waiting - {waiting})
                return done(landed, waiting.step, at, waiting.number)[0]
            case Begin(step):
                left = next(after for pair, after in self._pairs(now) if pair == step)
                open_ = Together(step, (None,) * len(step.steps))
                return evolve(now, left=left, together=open_)
            case Take() if now.together is not None:
                return _taken_part(now, now.together, action)
            case Take(step):
                left = next(
                    a for s, a in choices(self.limits, now.world.plan, now.left) if s == step
                )
                return _taken(evolve(now, left=left), action)


# --- steps ---------------------------------------------------------------------------------------


def _in_order(first: Step, second: Step) -> bool:
    if isinstance(first, Data) != isinstance(second, Data):
        return isinstance(first, Data)
    return str(first) <= str(second)


def _ways(now: Situation, step: Step) -> Iterator[Take]:
    """In each place of the hidden order, and with its answer lost."""
    if not (isinstance(step, Data) and step.node in now.net.paused):
        yield from (Take(step, at) for at in places(now, step))
    if isinstance(step, Data) and (stands_still(now, step.node) or _may_time_out(now, step)):
        yield Take(step, lost=True)


def _may_time_out(now: Situation, step: Data) -> bool:
    return bool(now.left[TIMEOUTS]) and now.net.carries(step.node)


def _parts(now: Situation, together: Together) -> Iterator[Take]:
    for part, outcome in zip(together.step.steps, together.outcomes, strict=True):
        if outcome is None:
            yield from _ways(now, part)


def _taken(now: Situation, action: Take) -> Situation:
    """The step is taken and judged."""
    after, outcome = performed(now, action.step, action.at, lost=action.lost)
    return _judged(after, action.step, outcome)


def _taken_part(now: Situation, together: Together, action: Take) -> Situation:
    after, outcome = performed(now, action.step, action.at, lost=action.lost)
    at = together.step.steps.index(action.step)
    outcomes = (*together.outcomes[:at], outcome, *together.outcomes[at + 1 :])
    done = tuple(one for one in outcomes if one is not None)
    if len(done) < len(outcomes):
        return evolve(after, together=evolve(together, outcomes=outcomes))
    after = evolve(_renumbered(after, together.step, done), together=None)
    return _judged(after, together.step, compound(done))


def _renumbered(now: Situation, step: Concurrently, outcomes: tuple[Outcome, ...]) -> Situation:
    """The belief numbers what was written alone: refused siblings leave no gaps."""
    new: dict[Known, int] = {}
    for part, outcome in zip(step.steps, outcomes, strict=True):
        if isinstance(part, Data) and outcome.answer is not Answer.REFUSED:
            row = part.key
            first = len(now.world.belief.row(row).versions)
            taken = sum(row == other for other, _ in new)
            new[row, number_among(now, step, part)] = first + taken
    if all(number == new_number for (_, number), new_number in new.items()):
        return now
    return evolve(
        now,
        really=Map(
            {
                node: frozenset((row, new.get((row, n), n)) for row, n in known)
                for node, known in now.really.items()
            }
        ),
        order=Map(
            {
                row: tuple(new.get((row, n), n) for n in numbers)
                for row, numbers in now.order.items()
            }
        ),
        truth=Map({row: _moved(row, stored, new) for row, stored in now.truth.items()}),
        waiting=frozenset(
            evolve(one, number=new.get((one.step.key, one.number), one.number))
            for one in now.waiting
        ),
    )


def _moved(
    row: Row, truth: tuple[Stored | None, ...], new: Mapping[Known, int]
) -> tuple[Stored | None, ...]:
    """The row's truth under the new numbers; what has none was refused and stored nothing."""
    moved = {new.get((row, n), n): stored for n, stored in enumerate(truth) if stored is not None}
    mine = [number for (other, _), number in new.items() if other == row]
    length = max(mine) + 1 if mine else len(truth)
    return tuple(moved.get(n) for n in range(length))


def _judged(now: Situation, step: Step, outcome: Outcome) -> Situation:
    """The model takes in the outcome."""
    world = now.world
    try:
        belief = step.expect(world.belief, outcome)
    except DivergenceFound as found:
        return evolve(now, alarm=str(found))
    world = World(step.advance(world.plan), belief)
    return evolve(now, world=world, net=belief.net, since_rest=now.since_rest + 1)


# --- knowledge -----------------------------------------------------------------------------------


def crossings(now: Situation) -> Iterator[Cross]:
    """Every version that may cross a link now."""
    net = now.net
    for source, hearer in sorted(net.told):
        for version in sorted(now.knows(source) - now.knows(hearer)):
            told = net.passes_on or writer(now, version) == source
            if told and now.trusts(hearer, version):
                yield Cross((source, hearer), version)


def must_cross(now: Situation, cross: Cross) -> bool:
    """Whether this must have happened before a rest; over a link that broke, to a node that stands
    still, or from one that does not trust who wrote it, it need not."""
    whole = cross.link in now.net.flow and cross.link not in now.net.interrupted
    return whole and now.trusts(cross.link[0], cross.version)


def rested(now: Situation) -> Situation:
    """What shows is compared with what may be true; what that teaches is believed."""
    views = {node: view(now, node) for node in now.net.up}
    try:
        belief = compare(now.world.belief, views)
    except DivergenceFound as found:
        return evolve(now, alarm=str(found))
    return evolve(now, world=replace(now.world, belief=belief), since_rest=0)
