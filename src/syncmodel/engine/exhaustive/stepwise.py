"""The cores at the grain of steps: every sequence of steps, with bursts, and a rest after each.

A search through it is a search for the shortest run that fails: one action is one step, and the
first of the failing runs has the fewest. Between the steps of a burst nothing is delivered; then
each link's next message in turn. So a run found here fails on a `SimulatedCluster` without a seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from syncmodel.engine.exhaustive.cores import Cluster, Moment, rested, settled, taken
from syncmodel.engine.exhaustive.limits import Limits, choices
from syncmodel.steps import Burst, Step
from syncmodel.targets.simulated import VirtualWorld
from syncmodel.targets.simulated.world import deliverables


@frozen
class Then:
    """A step, and whether the cluster comes to rest after it."""

    step: Step
    rests: bool = True

    def __str__(self) -> str:
        return f"{self.step}{'' if self.rests else ', and at once'}"


@frozen
class Stepwise:
    """The system that is searched; see `syncmodel.checker.System`."""

    cluster: Cluster

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
                yield Then(step, rests=False)

    def next(self, now: Moment, action: Then) -> Moment | None:
        """None for a missing rest that nobody would miss: it only makes the belief more certain."""
        after = taken(now, action.step, self.limits)
        if action.rests:
            return rested(settled(after))
        return after if after.found or _is_busy(after.virtual) else None


def _is_busy(world: VirtualWorld) -> bool:
    """Whether a rest would change anything: something is under way, or not stored yet."""
    return bool(deliverables(world)) or any(one.pending for one in world.machines.values())


def as_run(actions: Sequence[Then]) -> tuple[Step, ...]:
    """The steps of a path; those without a rest between them are one burst."""
    run: list[Step] = []
    burst: list[Step] = []
    for action in actions:
        burst.append(action.step)
        if action.rests:
            run.append(burst[0] if len(burst) == 1 else Burst(tuple(burst)))
            burst = []
    if burst:
        run.append(burst[0] if len(burst) == 1 else Burst(tuple(burst)))
    return tuple(run)
