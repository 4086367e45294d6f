"""A run that a target can't take whole: what it takes, and what is left out. Pure."""

from __future__ import annotations

from attrs import evolve

from syncmodel.corpus.format import Phase, Reproduction
from syncmodel.engine.script import leaves
from syncmodel.steps.base import Step
from syncmodel.targets.registry import TargetKind


def abridged(run: Reproduction, kind: TargetKind) -> tuple[Reproduction, tuple[Step, ...]]:
    """The run without the steps for which such a target lacks an ability; and these.

    A phase of which nothing is left is left out too. The rest may need what is not done: then it is
    refused when it is performed.
    """
    taken = [all(kind.takes(type(leaf)) for _, leaf in leaves((step,))) for step in run.steps]
    left_out = tuple(step for step, one in zip(run.steps, taken, strict=True) if not one)
    if not left_out:
        return run, ()
    phases, begin = [], 0
    for phase in run.phases:
        end = begin + phase.steps
        if any(taken[begin:end]):
            phases.append(Phase(phase.name, sum(taken[begin:end])))
        begin = end
    steps = tuple(step for step, one in zip(run.steps, taken, strict=True) if one)
    return evolve(run, steps=steps, phases=tuple(phases)), left_out
