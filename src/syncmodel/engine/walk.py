"""A saved run that is walked through: one step at a time, forward, and back from the start.

What each step left is a `Stop`, a value to be shown. Not here: how it looks (`report.stop`), and
who decides where to go (`cli.walk`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from syncmodel.corpus.format import Expected, Reproduction
from syncmodel.engine.history import (
    Ended,
    Entry,
    Observer,
    Performed,
    Rested,
    Verdict,
    all_of,
    nobody,
)
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.replay import Judgement, judged, networks, prepared
from syncmodel.engine.run import Result, first_disabled
from syncmodel.engine.session import SETTLE_LIMIT_S, Session
from syncmodel.errors import UsageError
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence
from syncmodel.model.outcome import Outcome
from syncmodel.model.view import View
from syncmodel.model.world import promised
from syncmodel.steps.base import Step
from syncmodel.targets.base import Networked, Reusable, Target
from syncmodel.targets.inside import Moment, Traces


@frozen(eq=False)
class Stop:
    """What there is to see after step `number` (0: before any), if it came that far.

    `outcome` is None where the step had none. `views` are what each node showed at the rest after
    it; `rested` is false where there was none, and these are those of the rest before. `belief` is
    what may be true then, before the comparison if that found a divergence. `result` is how the run
    ended here, if it did. `moments` are what happened on the way, where the target can tell.
    """

    number: int
    belief: Belief = field(repr=False)
    step: Step | None = None
    outcome: Outcome | None = None
    views: Mapping[str, View | None] = {}
    rested: bool = True
    how: str = ""
    seconds: float = 0.0
    result: Result | None = None
    moments: tuple[Moment, ...] = ()

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """What differed here."""
        return () if self.result is None else self.result.divergences


class Walk:
    """One saved run on one target. `stops` are those of this run so far, the last one where it is.

    To go back is to perform the steps before again, on nodes that no other run used.
    """

    def __init__(
        self,
        target: Target,
        reproduction: Reproduction,
        invariants: Sequence[Invariant] = (),
        *,
        expected: Expected | None = None,
        observe: Observer = nobody,
        settle_limit_s: float = SETTLE_LIMIT_S,
    ) -> None:
        """Nothing is performed yet. Raises `UsageError` if that is no run for this target."""
        script, self._guarantees = prepared(target, reproduction)
        self.net, self.steps = script.net, script.steps
        if first_disabled(promised(self.net, self._guarantees), self.steps) is not None:
            raise UsageError("These steps can't be taken one after the other: the file is no run.")
        self.target = target
        self.stops: list[Stop] = []
        self.expected = reproduction.expected if expected is None else expected
        self._networks = networks(target, reproduction)
        self._invariants, self._settle_limit_s = tuple(invariants), settle_limit_s
        self._entries = list[Entry]()
        self._observe = all_of(self._entries.append, observe)
        self._session: Session | None = None
        #: What was seen at the last rest.
        self._sight: Mapping[str, View | None] | None = None
        self._results = list[Result]()
        self._network: int | None = self._networks[0]
        if isinstance(target, Traces):
            target.trace()

    @property
    def last(self) -> Stop | None:
        """Where it is; None before the beginning."""
        return self.stops[-1] if self.stops else None

    @property
    def is_over(self) -> bool:
        """Whether there is no step further on."""
        return self.last is not None and self.last.result is not None

    async def to(self, number: int) -> Stop:
        """Be after step `number`, or where the run is over before that."""
        if self._session is None or self.last is None or number < self.last.number:
            self._results = []
            await self._begin()
        while not self.is_over and (self.last is None or self.last.number < number):
            await self._forward()
        assert self.last is not None, "it has begun"
        return self.last

    async def seek(self, number: int) -> Stop:
        """The same, where the run shows what the file says, if it does so only sometimes.

        On the simulator its network is kept, so that the way back leads to the same.
        """
        results = list[Result]()
        for network in self._networks:
            self._network = network
            self._session = None
            stop = await self.to(number)
            if stop.result is None:
                break
            results.append(stop.result)
            if judged(self.expected, results)[1]:
                break
        self._results = results
        return stop

    @property
    def takes_luck(self) -> bool:
        """Whether it shows what the file says on some simulated networks only: see `seek`."""
        return isinstance(self.target, Networked) and len(self._networks) > 1

    @property
    def tries(self) -> int:
        """How many runs it took to see what the file says."""
        return max(1, len(self._results))

    @property
    def judgement(self) -> Judgement | None:
        """Whether what was seen is what the file says; None where the run did not come so far."""
        if self.last is None or self.last.result is None:
            return None
        results = self._results or [self.last.result]
        judgement, decided = judged(self.expected, results)
        # What shows only sometimes is not refuted by fewer runs than it took.
        return judgement if decided or len(results) == len(self._networks) else Judgement.UNKNOWN

    async def _begin(self) -> None:
        target = self.target
        if isinstance(target, Networked):
            target.on_network(self._network)
        if isinstance(target, Reusable):
            target.renew()
        self.stops = []
        self._session = Session(
            target,
            self.net,
            self._guarantees,
            self._observe,
            self._settle_limit_s,
            invariants=self._invariants,
        )
        self._sight = None
        self._entries.clear()
        await self._session.begin()
        if not self.steps and self._session.over is None:
            self._session.finish()
        self._stop(None)

    async def _forward(self) -> None:
        session = self._session
        assert session is not None, "it has begun"
        number = len(session.steps) + 1
        step, last = self.steps[number - 1], number == len(self.steps)
        self._entries.clear()
        await session.take(step, last=last)
        if last:
            session.finish()
        self._stop(step)

    def _stop(self, step: Step | None) -> None:
        session = self._session
        assert session is not None, "it has begun"
        belief, outcome, seconds, how, seen = session.world.belief, None, 0.0, "", False
        for entry in self._entries:
            match entry:
                case Performed():
                    outcome, seconds = entry.outcome, entry.seconds
                case Rested():
                    how, seen, self._sight = entry.how, True, entry.views
                case Ended(verdict=Verdict.DIVERGED) if entry.views is not self._sight:
                    # What differed was seen at the rest after this step, and not in an answer.
                    seen, belief = True, at_rest(belief)
        traced = self.target.traced() if isinstance(self.target, Traces) else ()
        number, views, result = len(session.steps), session.views, session.over
        self.stops.append(
            Stop(number, belief, step, outcome, views, seen, how, seconds, result, traced)
        )


def at_rest(belief: Belief) -> Belief:
    """The belief once what must be known has travelled: a comparison at a rest begins with that."""
    net = belief.net.whole
    return belief.with_rows({name: row.flowed_must(net) for name, row in belief.rows.items()})
