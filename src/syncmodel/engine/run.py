"""Steps performed from beginning to end: what replay, corpus and minimiser are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

from syncmodel.engine.history import Observer, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.session import SETTLE_LIMIT_S, Result, Session
from syncmodel.errors import UsageError
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.model.world import promised
from syncmodel.steps.base import Step, refusal
from syncmodel.targets.base import Reusable, Target

__all__ = ["Result", "first_disabled", "run"]


#: The plans after so many steps are kept for the run itself: of many steps they are long.
KEPT = 64


def first_disabled(net: Net, steps: Sequence[Step]) -> int | None:
    """The position (from 0) of the first step that the plan refuses, or None. Touches nothing."""
    return _refused(steps, sum(1 for _ in _planned(net, steps)))


def _planned(net: Net, steps: Iterable[Step]) -> Iterator[Plan]:
    """The plan after each step, up to the first one that it refuses."""
    plan = Plan(net)
    for step in steps:
        after = step.planned(plan)
        if after is None:
            return
        plan = after
        yield plan


def _refused(steps: Sequence[Step], planned: int) -> int | None:
    return planned if planned < len(steps) else None


async def run(
    target: Target,
    net: Net,
    steps: Sequence[Step],
    guarantees: Guarantees | None = None,
    observe: Observer = nobody,
    *,
    alone: bool = False,
    invariants: Sequence[Invariant] = (),
    settle_limit_s: float = SETTLE_LIMIT_S,
) -> Result:
    """Perform the steps until the end, or until one decides the run.

    `alone`: on machines that no other run used, so that nothing but these steps can make it fail.
    `invariants` are checked at every rest, which each has `settle_limit_s` to come.
    Raises `UsageError` if the plan refuses a step: such a list is no run.
    """
    planned = _planned(promised(net, guarantees or Guarantees()), steps)
    plans = tuple(islice(planned, KEPT))
    refused = _refused(steps, len(plans) + sum(1 for _ in planned))
    if refused is not None:
        step = steps[refused]
        raise UsageError(f"Step {refused + 1} ({step}): {refusal(step)}.")
    if alone and isinstance(target, Reusable):
        target.renew()
    session = Session(target, net, guarantees, observe, settle_limit_s, invariants=invariants)
    await session.begin()
    for number, (step, after) in enumerate(zip_longest(steps, plans), 1):
        if session.over is not None:
            break
        await session.take(step, last=number == len(steps), after=after)
    return session.finish()
