"""Random search: a Hypothesis state machine whose every choice comes from the plan.

Hypothesis drives the machine and stops at the first failure; shrinking is `minimize`'s, because
live steps are dear. It runs what failed again: such a run is answered from what was seen, without
touching the nodes, so a failure that shows only sometimes is still one failure.

The steps of a run come from a generator that the seed and the run's number make, not from draws of
Hypothesis. Those depend on more than the seed: on the constants in whatever modules are loaded, and
four in five are made again from earlier runs. So its `backend` decides nothing here. `Shrinkable`
is the machine for its own shrinker, where it decides everything.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, cast

import hypothesis
from attrs import define, field, frozen
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from syncmodel.engine.drive import Driver
from syncmodel.engine.history import Observer, Verdict, nobody
from syncmodel.engine.session import Over, Session
from syncmodel.machine.backend import UNDECIDED
from syncmodel.machine.guard import Halt
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan, contested
from syncmodel.steps.base import Step
from syncmodel.steps.scope import Scope
from syncmodel.strategies.steps import choose
from syncmodel.strategies.topologies import beginnings, topologies
from syncmodel.targets.base import Target

#: How a run ends that touches nothing: Hypothesis runs again what failed.
FROM_MEMORY = Over(Verdict.UNKNOWN, reason="answered from memory")
#: How a run ends that was interrupted, or whose target raised an error: nobody knows.
BROKEN_OFF = Over(Verdict.UNKNOWN, reason="broken off")


@contextmanager
def past_hypothesis() -> Iterator[None]:
    """Only a divergence, and what it raises itself, is for Hypothesis: all else ends the search."""
    try:
        yield
    except (DivergenceFound, HypothesisException):
        raise
    except Exception as error:
        raise Halt(error) from error


@frozen
class Settings:
    """How far a search goes. The same seed is the same sequences of steps.

    `shrink` hands a failure to Hypothesis' own shrinker, for comparison.
    """

    scope: Scope
    nodes: int = 3
    sequences: int = 100
    steps: int = 30
    seed: int = 0
    guarantees: Guarantees = Guarantees()
    shrink: bool = False


@frozen
class Failure:
    """A run that diverged: where it began, its steps, and how it ended."""

    net: Net
    steps: tuple[Step, ...]
    over: Over


@define
class Findings:
    """What a search has seen so far; `failure` is the first one, kept whatever comes later."""

    sequences: int = 0
    steps: int = 0
    invalid: list[str] = field(factory=list)
    unknown: list[str] = field(factory=list)
    failure: Failure | None = None


class Explorer:
    """One search on one target. Read `findings` at any time, also after an interruption."""

    def __init__(
        self,
        target: Target,
        driver: Driver,
        settings: Settings,
        observe: Observer = nobody,
    ) -> None:
        """Nothing is touched before `run`, or before a machine is made."""
        self.target = target
        self.settings = settings
        self.findings = Findings()
        self._driver = driver
        self._observe = observe
        #: Every run that failed, by its beginning and steps: a rerun is answered from here.
        self._failures: dict[tuple[Net, tuple[Step, ...]], Over] = {}

    def run(self) -> Findings:
        """Search until the first failure, or to the end of the settings.

        What a target raises (but `InvalidRunError`) ends the search and comes out of here.
        """
        kind = Shrinkable if self.settings.shrink else Exploration

        @hypothesis.seed(self.settings.seed)
        def machine() -> Machine:
            # Not a class of its own: Hypothesis keeps every class of a machine for good.
            return kind(self)

        # Whatever gives a machine when it is called will do, though the annotation says a class.
        factory = cast(type[RuleBasedStateMachine], machine)
        try:
            run_state_machine_as_test(factory, settings=self.hypothesis_settings())
        except Halt as halt:
            raise halt.error from None
        except (DivergenceFound, Flaky):
            # Flaky: Hypothesis had made the choices of the run that failed before, in another one.
            if self.findings.failure is None:
                raise
        return self.findings

    def hypothesis_settings(self) -> hypothesis.settings:
        """What Hypothesis is told: no example database, no deadline, no shrinking of its own."""
        phases, backend = [Phase.generate], UNDECIDED
        if self.settings.shrink:
            phases, backend = [*phases, Phase.target, Phase.shrink], "hypothesis"
        return hypothesis.settings(
            backend=backend,
            max_examples=self.settings.sequences,
            stateful_step_count=self.settings.steps,
            phases=phases,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            verbosity=hypothesis.Verbosity.quiet,
        )

    # --- what the machine asks -----------------------------------------------------------------

    def generator(self) -> Random:
        """Makes the choices of the next run; of the last one again, once it has failed."""
        number = self.findings.sequences + (not self._done)
        return Random(f"{self.settings.seed}/{number}")

    def begin(self, net: Net) -> Session:
        """A session on that net; after a failure was found, one that touches nothing."""
        session = Session(self.target, net, self.settings.guarantees, self._observe)
        if self._done:
            session.over = FROM_MEMORY
        else:
            self.findings.sequences += 1
            self._run(session, session.begin())
        self._judge(session, net, live=session.over is not FROM_MEMORY)
        return session

    @property
    def _done(self) -> bool:
        """Whether runs touch nothing any more: Hypothesis runs again what failed."""
        return self.findings.failure is not None and not self.settings.shrink

    def take(self, session: Session, net: Net, step: Step) -> None:
        """Take the step; raises `DivergenceFound` where the run failed, now or before."""
        live = session.over is None
        self._run(session, session.take(step))
        self.findings.steps += live
        self._judge(session, net, live=live)

    def _run(self, session: Session, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            self._driver.run(coroutine)
        except BaseException:
            session.over = session.over or BROKEN_OFF
            raise

    def _judge(self, session: Session, net: Net, *, live: bool) -> None:
        failed = live and session.over is not None and session.over.verdict is Verdict.DIVERGED
        if not failed and not self._failures:
            return
        key = (net, tuple(session.steps))
        if failed:
            assert session.over is not None
            self._failures[key] = session.over
            self.findings.failure = Failure(net, key[1], session.over)
        over = self._failures.get(key)
        if over is not None:
            raise DivergenceFound(over.divergences)

    def finish(self, session: Session) -> None:
        """Close the books of a run that did not fail."""
        if session.over in (FROM_MEMORY, BROKEN_OFF):
            return
        over = session.finish()
        if over.verdict is Verdict.INVALID:
            self.findings.invalid.append(over.reason)
        elif over.verdict is Verdict.UNKNOWN:
            self.findings.unknown.append(over.reason)


class Machine(RuleBasedStateMachine):
    """What both machines are: a run, begun on a topology and taken on step by step."""

    def __init__(self, explorer: Explorer) -> None:
        super().__init__()
        self.explorer = explorer
        self.session: Session | None = None

    @property
    def plan(self) -> Plan:
        """The plan that the next step is chosen from."""
        assert self.session is not None
        return self.session.world.plan

    def start(self, net: Net) -> None:
        """A fresh run."""
        self.net = net
        with past_hypothesis():
            self.session = self.explorer.begin(net)

    def go_on(self, rng: Random) -> None:
        """One step of the generator's, on the live system and in the model."""
        assert self.session is not None
        with past_hypothesis():
            step = choose(self.plan, self.explorer.settings.scope, rng)
            self.explorer.take(self.session, self.net, step)

    def teardown(self) -> None:
        """The run is over, and let go of: Hypothesis leaves machines to the garbage collector."""
        session, self.session = self.session, None
        if session is not None:
            self.explorer.finish(session)


class Exploration(Machine):
    """The machine for finding: a run's choices follow from the seed and from its number."""

    def __init__(self, explorer: Explorer) -> None:
        """The run begins at once: there is nothing to draw."""
        super().__init__(explorer)
        self.rng = explorer.generator()
        self.start(self.rng.choice(beginnings(explorer.target.schema, explorer.settings.nodes)))

    @rule()
    def take(self) -> None:
        """The next step."""
        self.go_on(self.rng)


class Shrinkable(Machine):
    """The machine with every choice drawn by Hypothesis, as its own shrinker needs it.

    Each choice inside a step is a draw: slower by far, and made of parts that can get simpler.
    """

    @initialize(
        net=st.runner().flatmap(
            lambda machine: topologies(
                machine.explorer.target.schema, machine.explorer.settings.nodes
            )
        )
    )
    def begin(self, net: Net) -> None:
        """A run whose beginning is Hypothesis' to shrink."""
        self.start(net)

    @rule(rng=st.randoms(use_true_random=False))
    def take(self, rng: Random) -> None:
        """One step; what decides it is Hypothesis' to shrink."""
        self.go_on(rng)

    def teardown(self) -> None:
        """Tell Hypothesis how contested the run was: it will look for more of it."""
        if self.session is not None:
            hypothesis.target(float(contention(self.plan)), label="rows contested across a cut")
        super().teardown()


def contention(plan: Plan) -> int:
    """How many (node, row) pairs the cut keeps apart. From the plan only."""
    return sum(len(contested(plan, node, plan.rows)) for node in plan.net.carriers)
