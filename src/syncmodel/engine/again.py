"""A counterexample performed once more, on a target that may have more nodes than it needs."""

from __future__ import annotations

from collections.abc import Sequence

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Driver
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Observer, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import run
from syncmodel.engine.session import Result
from syncmodel.targets.base import Target


def performed(
    target: Target,
    driver: Driver,
    found: Counterexample,
    invariants: Sequence[Invariant] = (),
    observe: Observer = nobody,
) -> Result:
    """Its run, on machines that no other run used; nodes that it has none of stay down.

    The target is on the network that it needs. Raises `UsageError` where it has too few nodes.
    """
    there = fitted(found.script, target.nodes)
    once = run(
        target,
        there.net,
        there.steps,
        found.guarantees,
        observe,
        alone=True,
        invariants=invariants,
    )
    return driver.run(once)
