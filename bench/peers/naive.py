"""How a naive user's sequence is performed: step by step, whatever the state, model or no model.

The naive searches (Hypothesis, fast-check over the pipe, plain random) know nothing of what is
possible: a request that can't succeed is sent all the same and must be refused; what means nothing
at all (a link cut twice) is left out and not counted. They share our oracle and our steps, so that
what is compared is how sequences are found and shrunk.

A step in a hurry is not waited for: it and the next one make a burst.
"""

from __future__ import annotations

from collections.abc import Sequence

from peers.recorder import Recorder
from syncmodel.engine.drive import Driver, Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.session import Result, Session
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.model.values import Scalar
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Data, Refused, Resync, Rollback, Rollout, Step
from syncmodel.targets.base import Target
from syncmodel.targets.wire import SUPERTEST

NODES = ("n1", "n2", "n3")
#: The same few rows and generations that our own search has.
CASES, EVENTS = ("c1", "c2"), ("e1", "e2")
BACK_TO, OUT_TO = (1, 2), (2, 3)
REASONS = ("unreachable", "no_plugin", "no_such_row", "missing_reference")
TITLE, COUNTER = (SUPERTEST.table("cases").by_name[name] for name in ("title", "counter"))
#: What is always waited for.
SLOW = (Resync, Rollback, Rollout, Refused)


def next_token(plan: Plan) -> Scalar:
    """A title or body that nothing else has."""
    return TITLE.fresh(plan.used(TITLE))


def next_amount(plan: Plan) -> int:
    """An increment that no other one equals."""
    amount = COUNTER.fresh(plan.used(COUNTER))
    assert isinstance(amount, int)
    return amount


def cluster(bug: str | None, seed: int) -> SimulatedCluster:
    """The system under test: three nodes, this bug in each, a network of this seed."""
    return SimulatedCluster(len(NODES), () if bug is None else (bug,), seed)


class NaiveRun:
    """One run. Raises `DivergenceFound` where it fails, always from the same line."""

    def __init__(self, target: Target, recorder: Recorder, driver: Driver | None = None) -> None:
        """Begins at once, all nodes on the plugin and all links whole."""
        self._driver = driver or Straight()
        net = fully_connected(SUPERTEST, len(NODES))
        self._session = Session(target, net, observe=recorder)
        self._waiting: list[Step] = []
        self.plan = Plan(net)
        self._driver.run(self._session.begin())

    def take(self, step: Step, *, hurry: bool = False) -> None:
        """The step, if it means anything; in a hurry it waits for the next one."""
        possible = _possible(self.plan, step)
        if possible is None or self._session.over is not None:
            return
        if isinstance(possible, SLOW):
            self.rest()
        self._waiting.append(possible)
        self.plan = possible.advance(self.plan)
        if not hurry or isinstance(possible, SLOW):
            self.rest()

    def rest(self) -> None:
        """Perform what waits, let the nodes come to rest, compare."""
        if self._waiting:
            step = _joined(self._waiting)
            self._waiting = []
            self._driver.run(self._session.take(step))
        over = self._session.over
        if over is not None and over.verdict is Verdict.DIVERGED:
            raise DivergenceFound(over.divergences)

    def finish(self) -> Result:
        """What still waits is performed, and the run is over."""
        self.rest()
        return self._session.finish()


def _possible(plan: Plan, step: Step) -> Step | None:
    if step.enabled(plan):
        return step
    if not isinstance(step, Data):
        return None
    bad = (Refused(step, why) for why in REASONS)
    return next((refused for refused in bad if refused.enabled(plan)), None)


def _joined(steps: Sequence[Step]) -> Step:
    return steps[0] if len(steps) == 1 else Burst(tuple(steps))
