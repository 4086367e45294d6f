"""A run as it was seen, moment by moment: what was done, what showed, what may have been true.

Made of the history that a run leaves. Nothing is performed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.following import Happenings
from syncmodel.engine.history import Began, Entry, Performed, Rested, Taken, Verdict
from syncmodel.engine.session import Result
from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.view import View
from syncmodel.model.world import World, initial
from syncmodel.steps.base import Step

Views = Mapping[str, View | None]


@frozen
class Moment:
    """Where a run stood after step `index` (0: before any).

    `outcome` is None where the step has none; `views` where the system did not come to rest, or the
    answer alone decided. `seconds` took the step, `settled_s` the rest, which was known by `how`.
    """

    index: int
    world: World
    step: Step | None = None
    outcome: Outcome | None = None
    views: Views | None = None
    seconds: float = 0.0
    settled_s: float = 0.0
    how: str = ""
    #: Whether the belief knows the outcome.
    judged: bool = True

    @property
    def net(self) -> Net:
        """Links, lives and generations, as outcomes have them; where one can't be, as the step."""
        return self.world.belief.net if self.judged else self.world.plan.net


@frozen
class SeenRun:
    """A run and how it ended: the last moment is the one that decided it.

    `happened`: what the target said of its messages, by step.
    """

    net: Net
    moments: tuple[Moment, ...]
    verdict: Verdict
    divergences: tuple[Divergence, ...] = ()
    reason: str = ""
    happened: Happenings = field(factory=dict, eq=False, repr=False)

    @property
    def last(self) -> Moment:
        """The moment that decided it."""
        return self.moments[-1]

    @property
    def by_answer(self) -> bool:
        """Whether an answer is wrong, and not what the nodes showed at rest."""
        return any(each.answers for each in self.divergences)


def seen_failure(found: Counterexample) -> SeenRun | None:
    """The run that a counterexample was seen in last; None: nobody has kept it.

    The divergence that counts comes first.
    """
    result = Result(Verdict.DIVERGED, (), found.divergences, "", found.views, found.history)
    first = sorted(found.divergences, key=lambda one: one.key != found.key)
    return seen(evolve(result, divergences=tuple(first)), found.guarantees)


def seen(result: Result, guarantees: Guarantees) -> SeenRun | None:
    """The run that ended like this, as it was seen; None: it has no history."""
    if not result.history or not isinstance(result.history[0], Began):
        return None
    net = result.history[0].net
    moments, last = _moments(result.history)
    if last is not None or result.verdict is not Verdict.PASS:
        sight = next((m.views for m in reversed(moments) if m.views is not None), None)
        views = None if result.views is sight else result.views
        answered = any(each.answers for each in result.divergences)
        start = initial(net, guarantees)
        moments.append(_decided(moments, last, views, start, by_answer=answered))
    return SeenRun(net, tuple(moments), result.verdict, result.divergences, result.reason)


def _moments(history: Sequence[Entry]) -> tuple[list[Moment], Taken | Performed | None]:
    """The moments at which the system rested, and the step after them that was not compared."""
    moments = list[Moment]()
    last: Taken | Performed | None = None
    for entry in history:
        match entry:
            case Taken() | Performed():
                last = entry
            case Rested():
                moment = Moment(
                    entry.index,
                    entry.after,
                    views=entry.views,
                    settled_s=entry.seconds,
                    how=entry.how,
                )
                if last is not None:
                    moment = evolve(moment, step=last.step)
                if isinstance(last, Performed):
                    moment = evolve(moment, outcome=last.outcome, seconds=last.seconds)
                moments.append(moment)
                last = None
    return moments, last


def _decided(
    moments: Sequence[Moment],
    last: Taken | Performed | None,
    views: Views | None,
    start: World,
    *,
    by_answer: bool,
) -> Moment:
    """The moment after the last rest without a fault: what had to be true then."""
    before = moments[-1].world if moments else start
    if last is None:
        index = moments[-1].index if moments else 0
        return Moment(index, before, views=views)
    world = World(last.step.advance(before.plan), before.belief)
    if not isinstance(last, Performed):
        return Moment(last.index, world, last.step, judged=False)
    about = (last.index, world, last.step, last.outcome, views, last.seconds)
    if by_answer:
        # The answer itself is wrong: it is judged by what was true before.
        return Moment(*about, judged=False)
    try:
        belief = last.step.expect(before.belief, last.outcome)
    except (DivergenceFound, InvalidRunError):
        return Moment(*about, judged=False)
    world = World(world.plan, _flowed(belief))
    return Moment(last.index, world, last.step, last.outcome, views, last.seconds)


def _flowed(belief: Belief) -> Belief:
    """What each node must know once the system is at rest."""
    net = belief.net.whole
    return belief.with_rows({name: row.flowed_must(net) for name, row in belief.rows.items()})
