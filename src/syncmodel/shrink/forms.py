"""Bursts taken at the same time, simultaneous steps in a burst, either one after another. Pure.

On the simulator the one is as good as the other; live nodes race in the one and not in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.script import Path, Script, leaves, length, repaired, without
from syncmodel.shrink.passes import Candidates
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently


def forms(script: Script) -> Iterator[Script]:
    """The script with every burst taken at the same time, with everything that is in a burst, and
    with nothing at once; as far as they differ, and all steps are possible so."""
    ways: tuple[Callable[[tuple[Step, ...]], tuple[Step, ...]], ...] = (
        lambda steps: (Concurrently(steps),),
        lambda steps: (Burst(steps),),
        lambda steps: steps,
    )
    told = {script}
    for way in ways:
        steps = list[Step]()
        for step in script.steps:
            steps += way(step.steps) if isinstance(step, Burst | Concurrently) else (step,)
        form = evolve(script, steps=tuple(steps))
        if form not in told and repaired(form) == form:
            told.add(form)
            yield form


def shape(script: Script) -> tuple[tuple[str, int], ...]:
    """What is done at once, and how."""
    return tuple(
        (step.op, length(step.steps))
        for step in script.steps
        if isinstance(step, Burst | Concurrently)
    )


def _less(script: Script, out: Path) -> Script:
    return repaired(without(script, lambda path, _: path == out))


def reformed(best: Counterexample) -> Candidates:
    """One step taken out, and what is left in another form: it may fail so, or more often."""
    start = best.script
    if not shape(start):
        return
    for out, _ in reversed(list(leaves(start.steps))):
        for form in forms(_less(start, out)):
            best = yield form
            if best.script is not start:
                return
