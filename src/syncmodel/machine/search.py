"""One search: what stands between Hypothesis, which runs the machine, and the system under test.

It numbers the sequences, keeps the first failure, and ends the search where it can't go on. A run
that failed is run again by Hypothesis: that is answered from memory, and touches nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, cast

import hypothesis
from attrs import frozen
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from syncmodel.campaign.campaign import Explore, Place
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Driver
from syncmodel.engine.findings import Failure, Findings, Settings, Undecided
from syncmodel.engine.history import Observer, Verdict, nobody
from syncmodel.engine.script import Script
from syncmodel.engine.session import Result, Session
from syncmodel.engine.tally import Tally
from syncmodel.engine.trouble import happened, sentence
from syncmodel.errors import InvalidRunError
from syncmodel.interrupts import of_ctrl_c
from syncmodel.machine import heap
from syncmodel.machine.deck import Deck
from syncmodel.machine.provider import Plain
from syncmodel.machine.wanted import deadline_s
from syncmodel.model.divergence import Divergence, DivergenceFound
from syncmodel.model.net import Net
from syncmodel.model.schema import Schema
from syncmodel.steps.base import Step
from syncmodel.strategies.inside import EndsSearch
from syncmodel.strategies.themes import Theme
from syncmodel.targets.base import Target

if TYPE_CHECKING:
    from syncmodel.machine.cluster import ClusterMachine

#: After this many runs in a row without a verdict, the tester can't go on.
INVALID_LIMIT = 3
#: How a run ends that touches nothing: Hypothesis runs again what failed.
FROM_MEMORY = Result(Verdict.UNKNOWN, reason="answered from memory")
#: How a run ends that was interrupted, or whose target raised an error.
BROKEN_OFF = Result(Verdict.UNKNOWN, reason="broken off")
#: What says nothing of the system.
UNDECIDED = frozenset({Verdict.INVALID, Verdict.UNKNOWN})


@frozen
class Share:
    """Every `of`-th sequence of a search, from number `first` on (the first one is 1)."""

    first: int = 1
    of: int = 1

    def numbers(self, sequences: int) -> range:
        """The numbers of its sequences, of `sequences` in all."""
        return range(self.first, sequences + 1, self.of)


WHOLE = Share()


class Search:
    """One search on one target, or a share of it."""

    def __init__(
        self,
        machine: type[ClusterMachine],
        place: Place,
        *,
        share: Share = WHOLE,
        until_s: float | None = None,
        beyond: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Nothing is touched before `run`.

        `until_s`: no sequence is begun later than this, by the monotonic clock. `beyond`: no
        sequence is begun once this is true of its number.
        """
        self.settings: Settings = place.settings
        self.findings: Findings = place.findings
        self._machine, self._place = machine, place
        self._target = place.target()
        self.deck = Deck.of(machine, place.settings, self._target)
        self._numbers = iter(share.numbers(place.settings.sequences))
        self._count = len(share.numbers(place.settings.sequences))
        self._until_s, self._beyond = until_s, beyond
        self._number = self._invalid = 0
        self._fresh = self._dry = self._void = False
        #: Whether a run began on the target: if none can any more, another one may.
        self._served = False
        #: The run that began last.
        self._session: Session | None = None
        #: What ended the search; Hypothesis may raise `Flaky` on the way, for a run cut short.
        self._end: EndsSearch | None = None
        #: Every run that failed, by its beginning and steps: one, where our backend draws.
        self._failures: dict[tuple[Net, tuple[Step, ...]], Failure] = {}

    def run(self, base: hypothesis.settings | None = None) -> Findings:
        """Search until the first failure, or to the end of the settings.

        `base` are settings of Hypothesis that ours are added to. What a target or an observer
        raises (but `InvalidRunError`) ends the search and comes out of here.
        """
        if not self._count:
            return self.findings

        @hypothesis.seed(self.settings.seed)
        def machine() -> ClusterMachine:
            self._admit()
            return self._machine(self)

        # What Hypothesis knows a test by, in its database.
        machine.__name__ = f"{self._machine.__module__}.{self._machine.__qualname__}"
        # Any callable that returns a machine will do, though the annotation says a class.
        factory = cast(type[RuleBasedStateMachine], machine)
        try:
            with heap.seldom_collected(), Plain.drawing_from(self._next):
                run_state_machine_as_test(factory, settings=self.hypothesis_settings(base))
        except (EndsSearch, DivergenceFound, Flaky) as raised:
            self._close(raised)
        except Exception as raised:
            # Hypothesis takes an interrupt that meets it in its own preparations for a defect.
            if of_ctrl_c(raised):
                raise KeyboardInterrupt from raised
            # A rule of a machine, or what decides whether it is possible.
            happened(raised, self._between())
            raise
        return self.findings

    def _close(self, raised: Exception) -> None:
        """Take what Hypothesis raised: the requested end, or the failure that it found."""
        end = self._end or raised
        if isinstance(end, EndsSearch):
            if end.error is not None:
                raise end.error from None
        elif self.findings.failure is None:
            raise raised
        else:
            # Flaky: the run that failed could not be run again with the same steps.
            self.findings.notes = tuple(getattr(raised, "__notes__", ()))

    def _between(self) -> str:
        """Where the last run is while no step is taken."""
        session = self._session
        if session is None:
            return "beginning the first sequence"
        when = "after" if session.steps else "before"
        return f"in a rule of the machine, {when} {session.last_step} of sequence {self._number}"

    def hypothesis_settings(self, base: hypothesis.settings | None = None) -> hypothesis.settings:
        """Hypothesis' settings: live steps have no deadline, and are never too slow."""
        base = base or hypothesis.settings()
        ours = self.settings.ours
        return hypothesis.settings(
            base,
            backend=self.settings.backend,
            max_examples=self._count,
            stateful_step_count=self.settings.steps + self.deck.initial,
            phases=[Phase.generate] if ours else base.phases,
            database=None if ours else base.database,
            deadline=None,
            # The seed is chosen by now; Hypothesis would not look at it (as its CI profile does).
            derandomize=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )

    # --- sequences -----------------------------------------------------------------------------

    def _next(self) -> Random:
        """The generator of the next sequence, where our backend draws."""
        number = next(self._numbers)
        self._end_in_time()
        if self._beyond(number):
            raise self._over()
        self._number, self._fresh = number, True
        return Random(f"{self.settings.seed}/{number}")

    def _end_in_time(self) -> None:
        if self._until_s is not None and time.monotonic() >= self._until_s:
            self.findings.out_of_time = True
            raise self._over()

    def _admit(self) -> None:
        """Decide what the test case is that Hypothesis begins: a sequence, a rerun, or nothing."""
        if not self.settings.ours:
            self._number += 1
            if not self._failures:
                self._end_in_time()
            return
        fresh, self._fresh = self._fresh, False
        self._dry = not fresh and self.findings.failure is not None
        # The simplest test case, which Hypothesis tries first and draws on its own.
        self._void = not fresh and not self._number

    @property
    def schema(self) -> Schema:
        """What the nodes store."""
        return self._target.schema

    # --- what the machine asks -----------------------------------------------------------------

    def begin(self, net: Net, theme: Theme) -> tuple[Session, tuple[Divergence, ...]]:
        """A session on that net, and how it diverged already at its first rest.

        `theme` is what the sequence is about; it is only counted.
        """
        if self._void:
            # Not before something was drawn: Hypothesis would think that it has tried everything.
            hypothesis.reject()
        session = Session(
            self._target,
            net,
            self.settings.guarantees,
            self._place.observe,
            invariants=self.deck.invariants,
            number=self._number,
            another=self._place.another if self._served else None,
        )
        self._session = session
        if self._dry:
            session.over = FROM_MEMORY
        else:
            self.findings.sequences += 1
            self._place.tally.themes[theme.name] += 1
            self._run(session, session.begin())
            self._target, self._served = session.target, True
        return session, self._judged(session, net, live=not self._dry)

    def take(self, session: Session, net: Net, step: Step) -> tuple[Divergence, ...]:
        """Take the step; how the run diverged, now or when it was run before."""
        live = session.over is None
        last = len(session.steps) + 1 == self.settings.steps
        self._run(session, session.take(step, last=last))
        self.findings.steps += live
        return self._judged(session, net, live=live)

    def finish(self, session: Session) -> None:
        """Close the books of a run that did not fail."""
        if session.over in (FROM_MEMORY, BROKEN_OFF):
            return
        heap.sequence_ended()
        try:
            over = session.finish()
        except Exception as error:
            raise self._over(error) from error
        if over.verdict is Verdict.INVALID:
            self.findings.invalid.append(over.reason)
        else:
            self._invalid = 0
            if over.verdict is Verdict.UNKNOWN:
                self.findings.unknown.append(over.reason)
        if over.verdict in UNDECIDED:
            self._keep_undecided(session.net, over)

    def _keep_undecided(self, net: Net, over: Result) -> None:
        script = Script(net, over.steps)
        about = (over.verdict, over.reason, script, self._place.network)
        self._place.keep(Undecided(*about, over))

    def _run(self, session: Session, coroutine: Coroutine[Any, Any, None]) -> None:
        live = session.over is None
        try:
            self._place.driver.run(coroutine)
        except BaseException as error:
            self._broken_off(session, error, live=live)
            if not isinstance(error, Exception):
                raise
            raise self._over(error) from error
        if live and session.over is not None and session.over.verdict is Verdict.INVALID:
            self._count_invalid(session.over.reason)

    def _broken_off(self, session: Session, error: BaseException, *, live: bool) -> None:
        """What was decided before something broke in (a signal, a full disk) is kept."""
        over, session.over = session.over, BROKEN_OFF
        if live and over is not None and over.verdict is Verdict.DIVERGED:
            self._fail(session.net, over)
        elif live and isinstance(error, Exception):
            happened(error, f"taking {session.last_step}")
            broken = Result(
                Verdict.INVALID,
                tuple(session.steps),
                reason=sentence(error),
                history=session.history,
            )
            self._keep_undecided(session.net, broken)

    def _count_invalid(self, reason: str) -> None:
        self._invalid += 1
        if self._invalid >= INVALID_LIMIT:
            text = f"{INVALID_LIMIT} runs in a row said nothing of the system. {reason}"
            raise self._over(InvalidRunError(text))

    def _over(self, error: Exception | None = None) -> EndsSearch:
        self._end = EndsSearch(error)
        return self._end

    def _judged(self, session: Session, net: Net, *, live: bool) -> tuple[Divergence, ...]:
        over = session.over
        failed = live and over is not None and over.verdict is Verdict.DIVERGED
        if not failed and not self._failures:
            return ()
        if failed:
            assert over is not None
            self._fail(net, over)
        failure = self._failures.get((net, tuple(session.steps)))
        if failure is None:
            return ()
        self.findings.failure = failure
        return failure.counterexample.divergences

    def _fail(self, net: Net, over: Result) -> None:
        """Remember the failure, and have it kept at once."""
        failure = Failure(self._number, self._counterexample(net, over))
        self._failures[(net, over.steps)] = self.findings.failure = failure
        self._place.keep(failure)

    def _counterexample(self, net: Net, over: Result) -> Counterexample:
        return Counterexample.of(
            net,
            over,
            bugs=self._place.bugs,
            guarantees=self.settings.guarantees,
            network=self._place.network,
        )


def searched(
    target: Target,
    driver: Driver,
    settings: Settings,
    observe: Observer = nobody,
    machine: type[ClusterMachine] | None = None,
) -> Findings:
    """What a search on this target finds, without a campaign around it."""
    if machine is None:
        from syncmodel.machine.cluster import ClusterMachine as Ours

        machine = Ours
    place = Place(lambda: target, driver, settings, observe, Findings(), Tally())
    searching(machine)(place)
    return place.findings


def searching(
    machine: type[ClusterMachine],
    base: hypothesis.settings | None = None,
    share: Share = WHOLE,
) -> Explore:
    """A search by this machine in this process, as a campaign has it."""

    def explore(place: Place) -> None:
        until_s = deadline_s(place.settings)
        Search(machine, place, share=share, until_s=until_s).run(base)

    return explore
