"""The cores at the grain of steps: every sequence of steps, with bursts, and a rest after each.

A search through it is a search for the shortest run that fails: one action is one step, and the
first of the failing runs has the fewest. Between the steps of a burst nothing is delivered; then
each link's next message in turn. So a run found here fails on a `SimulatedCluster` without a seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve, field, frozen

from syncmodel.exhaustive.cores import Cluster, Moment, courses, rested, taken
from syncmodel.exhaustive.limits import Limits, choices
from syncmodel.reference.simulated.world import deliverables
from syncmodel.steps import Burst, Step


@frozen
class Then:
    """A step, and what comes before the next: a rest, or only this many deliveries."""

    step: Step
    rests: bool = True
    deliveries: int = 0

    def __str__(self) -> str:
        if self.rests:
            return str(self.step)
        meanwhile = f", {self.deliveries} messages later" if self.deliveries else ", and at once"
        return f"{self.step}{meanwhile}"


@frozen
class Stepwise:
    """The system that is searched; see `syncmodel.checker.System`.

    `partly`: the first messages after a step may come before the next step of a burst, in turn.
    What is found with it depends on when messages come, and may not fail again elsewhere.
    """

    cluster: Cluster
    partly: bool = False
    #: The outcome of the last step: each action that begins with it needs it again.
    _last: list[tuple[Moment, Step, tuple[Moment, ...]]] = field(factory=list, init=False, eq=False)

    @property
    def limits(self) -> Limits:
        """The bounds of the search."""
        return self.cluster.limits

    def initial(self) -> tuple[Moment, ...]:
        """Each net at its first rest."""
        return self.cluster.beginnings()

    def actions(self, now: Moment) -> Iterator[Then]:
        """Every step, with a rest after it and without one where that makes a difference."""
        if now.found:
            return
        for step, _ in choices(self.limits, now.model.plan, now.left):
            yield Then(step)
            if now.since_rest + 1 < self.limits.burst:
                # What is left to do after the last delivery is the rest.
                most = len(self._after(now, step)) - 1 if self.partly else 1
                yield from (Then(step, rests=False, deliveries=n) for n in range(max(most, 1)))

    def next(self, now: Moment, action: Then) -> Moment | None:
        """None for a rest that makes no difference: it only makes the belief more certain."""
        course = self._after(now, action.step)
        if action.rests:
            return rested(course[-1])
        after = course[action.deliveries]
        return after if after.found or _is_busy(after) else None

    def _after(self, now: Moment, step: Step) -> tuple[Moment, ...]:
        """The moment after the step, and after each delivery that follows, in turn, to the last."""
        for known, taken_step, course in self._last:
            # Not `==`: moments are equal under other names too, and the course has names in it.
            if known is now and taken_step == step:
                return course
        course = courses(taken(now, step, self.limits))
        self._last[:] = [(now, step, course)]
        return course


def _is_busy(now: Moment) -> bool:
    """Whether a rest would change anything: something is under way, or not stored yet."""
    world = now.virtual
    return bool(deliverables(world)) or any(one.pending for one in world.machines.values())


def as_run(actions: Sequence[Then]) -> tuple[Step, ...]:
    """The steps of a path; those without a rest between them are one burst."""
    run: list[Step] = []
    burst: list[Step] = []
    for action in [*actions[:-1], *(evolve(last, rests=True) for last in actions[-1:])]:
        burst.append(action.step)
        if action.rests:
            run.append(burst[0] if len(burst) == 1 else Burst(tuple(burst)))
            burst = []
    return tuple(run)
