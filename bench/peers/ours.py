"""Our own search, as `syncmodel explore --target simulated` has it: explorer, then minimiser."""

from __future__ import annotations

from peers.finding import STEPS
from peers.naive import NODES, cluster
from peers.recorder import Recorder
from syncmodel.engine.drive import Straight
from syncmodel.engine.explore import Explorer, Failure, Settings
from syncmodel.engine.minimize import Minimizer
from syncmodel.engine.run import Result
from syncmodel.targets.base import Target


def search(bug: str | None, seed: int, cap: int) -> Recorder:
    """At most `cap` sequences until the first failure, then the minimiser with its usual budget."""
    recorder, target, driver = Recorder(), cluster(bug, seed), Straight()
    settings = Settings(nodes=len(NODES), sequences=cap, steps=STEPS, seed=seed)
    found = Explorer(target, driver, settings, recorder).run().failure
    if found is not None:
        driver.run(_minimizer(target, found, recorder).run())
    return recorder


def _minimizer(target: Target, found: Failure, recorder: Recorder) -> Minimizer:
    over = found.over
    failing = Result(over.verdict, found.steps, over.divergences, over.reason)
    return Minimizer(target, found.net, failing, observe=recorder)
