"""The minimiser on the simulated cluster, and on a target whose verdicts are made up."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from statistics import median

import pytest
from attrs import frozen
from noisy_runs import noisy
from saved_runs import saved
from supertest import (
    create_case,
    delete_case,
    fully_connected,
    increment_case,
    update_case,
)

from syncmodel.corpus import Reproduction
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Observer, Verdict, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import Result, first_disabled, run
from syncmodel.engine.script import length
from syncmodel.errors import UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.values import Row, Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink import minimize as minimize_module
from syncmodel.shrink.chances import STEADY
from syncmodel.shrink.minimize import Budget, Effort, Minimizer, Progress
from syncmodel.steps import (
    Create,
    Heal,
    Partition,
    Restart,
    Resync,
    Step,
)
from syncmodel.targets.base import Target

NET = fully_connected(3)
#: Bugs of different families, which noise on other rows does not hide.
BUGS = (
    "checkpoint-kept",
    "cursor-before-rows",
    "event-before-case-dropped",
    "resync-duplicates-events",
    "resync-round-the-cut",
    "rollback-leaves-table",
    "rollback-replays-plan",
    "tie-by-arrival",
    "tombstone-lost-on-resync",
    "update-not-later",
)
FILES = {name: next(found for _, found in saved() if found.bug == name) for name in BUGS}


@frozen
class Failing:
    """A long run that fails as a file of the corpus does, and on which network."""

    file: Reproduction
    seed: int | None
    net: Net
    result: Result

    def cluster(self, net: Net, *, planted: bool = True) -> SimulatedCluster:
        """A cluster of its own, on the same network."""
        bugs = [str(self.file.bug)] if planted else []
        return SimulatedCluster(len(net.nodes), bugs, seed=self.seed)

    def minimized(self) -> tuple[Counterexample, Effort]:
        """What the minimiser makes of it, and what that cost."""
        found = Counterexample.of(self.net, self.result, self.file.expected.divergence)
        minimizer = Minimizer(self.cluster(self.net), found)
        return Straight().run(minimizer.run()), minimizer.effort


def failing_runs(file: Reproduction, count: int, seed: int) -> list[Failing]:
    """Some runs of at least ten steps; a file that needs a certain network gets random ones."""
    random, found = Random(seed), list[Failing]()
    net = fully_connected(3 if len(file.nodes) > 1 else 1)
    for attempt in range(300):
        steps = noisy(net, file.steps, random)
        network = None if file.network is None else attempt
        target = SimulatedCluster(len(net.nodes), [str(file.bug)], seed=network)
        result = Straight().run(run(target, net, steps))
        if file.expected.divergence in result.keys and length(result.steps) >= 10:
            found.append(Failing(file, network, net, result))
        if len(found) == count:
            return found
    raise AssertionError(f"{file.bug}: the noise hides it")


@pytest.mark.parametrize("file", [pytest.param(f, id=name) for name, f in FILES.items()])
def test_every_planted_bug_is_cut_down_to_about_the_shortest(file: Reproduction) -> None:
    runs = failing_runs(file, 3, seed=1)
    found = [failing.minimized() for failing in runs]
    shortest = length(file.steps)
    # Where chance decides what travels, a shorter run is another chance.
    more = 1 if file.confirmed.always else 3
    assert median(m.length for m, _ in found) <= shortest + more
    assert max(m.length for m, _ in found) <= shortest + 4
    assert median(effort.executions - m.runs for m, effort in found) <= 40
    for (m, effort), failing in zip(found, runs, strict=True):
        assert m.failed == m.runs == 3
        assert not effort.exhausted
        assert effort.executions <= 150
        assert m.length < length(failing.result.steps)
        again = Straight().run(run(failing.cluster(failing.net), *refitted(m, failing.net)))
        assert file.expected.divergence in again.keys
        healthy = failing.cluster(m.script.net, planted=False)
        passed = Straight().run(run(healthy, m.script.net, m.script.steps))
        assert passed.verdict is Verdict.PASS


def refitted(found: Counterexample, net: Net) -> tuple[Net, tuple[Step, ...]]:
    """Where the nodes that are not needed stay down, as they did in the search."""
    script = fitted(found.script, net.nodes)
    return script.net, script.steps


def test_the_same_failure_is_cut_down_in_the_same_way() -> None:
    failing, *_ = failing_runs(FILES["tie-by-arrival"], 1, seed=2)
    assert failing.minimized() == failing.minimized()


def test_the_names_are_tidy() -> None:
    file = FILES["event-before-case-dropped"]
    failing, *_ = failing_runs(file, 1, seed=3)
    short, _ = failing.minimized()
    assert short.script.net == fully_connected(2)
    assert short.key == file.expected.divergence
    assert "c1" in str(short.script.steps)
    assert "noise" not in str(short.script.steps)
    assert short.failed == short.runs > 0


# --- made-up verdicts --------------------------------------------------------------------------

LOST = Divergence(Kind.MISSING, "n1", Row("cases", "c1"), "t1", "nothing")
OTHER = Divergence(Kind.STALE, "n1", Row("cases", "c1"), "t1", "t0")
Rule = Callable[[tuple[Step, ...]], Result | bool]


class Oracle:
    """Stands in for `run`: a rule says of each step list how it ends. Nothing is performed."""

    def __init__(self, rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Step, ...]] = []
        self._rule = rule
        monkeypatch.setattr(minimize_module, "run", self.run)

    async def run(
        self,
        target: Target,
        net: Net,
        steps: tuple[Step, ...],
        guarantees: Guarantees | None = None,
        observe: Observer = nobody,
        *,
        alone: bool = False,
        invariants: Sequence[Invariant] = (),
    ) -> Result:
        assert first_disabled(net, steps) is None, "an impossible list costs a run"
        self.asked.append(steps)
        verdict = self._rule(steps)
        if isinstance(verdict, Result):
            return verdict
        if verdict:
            return Result(Verdict.DIVERGED, steps, (LOST,))
        return Result(Verdict.PASS, steps)


CASES = tuple(create_case("n1", f"c{i}", f"t{i}") for i in range(1, 31))
NEEDED = {"c3", "c30"}


def needs(steps: tuple[Step, ...]) -> bool:
    """Fails where two certain cases are created; what they are called stays."""
    return {step.row for step in steps if isinstance(step, Create)} >= NEEDED


def search(failed: Result, **options: object) -> Minimizer:
    found = Counterexample.of(NET, failed)
    return Minimizer(SimulatedCluster(3), found, **options)  # type: ignore[arg-type]


FAILED = Result(Verdict.DIVERGED, CASES, (LOST,))


def test_no_list_is_run_again_but_to_measure_and_to_confirm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oracle = Oracle(needs, monkeypatch)
    minimizer = search(FAILED, fewer_nodes=False)
    found = Straight().run(minimizer.run())
    assert {s.row for s in found.script.steps if isinstance(s, Create)} == NEEDED
    searched = Counter(oracle.asked[: -found.runs])
    # Before the first candidate is discarded the best was run again, to see how often it fails.
    assert sorted(searched.values(), reverse=True)[:2] == [STEADY, 1]
    assert minimizer.effort.executions == len(oracle.asked)
    assert minimizer.effort.steps == sum(map(length, oracle.asked))


@pytest.mark.parametrize("executions", [0, 1, 4])
def test_the_budget_of_runs_holds(executions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Oracle(needs, monkeypatch)
    minimizer = search(FAILED, budget=Budget(executions=executions))
    found = Straight().run(minimizer.run())
    assert len(oracle.asked) == executions + 3
    assert minimizer.effort.exhausted
    assert needs(found.script.steps)


def test_the_budget_of_steps_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    Oracle(needs, monkeypatch)
    minimizer = search(FAILED, budget=Budget(steps=50), confirmations=0)
    found = Straight().run(minimizer.run())
    assert minimizer.effort.exhausted
    assert minimizer.effort.steps < 50 + len(CASES)
    assert (found.failed, found.runs) == (0, 0)


def test_it_never_slips_to_another_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(steps: tuple[Step, ...]) -> Result | bool:
        return needs(steps) or Result(Verdict.DIVERGED, steps, (OTHER,))

    Oracle(rule, monkeypatch)
    found = asyncio.run(search(FAILED).run())
    assert found.key == ("missing", "cases")
    assert needs(found.script.steps)


@pytest.mark.parametrize("verdict", [Verdict.INVALID, Verdict.UNKNOWN])
def test_a_run_that_says_nothing_never_counts_as_failing(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    Oracle(lambda steps: Result(verdict, steps, reason="the machine is gone"), monkeypatch)
    minimizer = search(FAILED, budget=Budget(20))
    found = Straight().run(minimizer.run())
    assert found.script.steps == CASES
    assert (found.failed, found.runs) == (0, 10)
    assert ("the machine is gone" in minimizer.effort.stopped) == (verdict is Verdict.INVALID)


def test_a_bug_that_shows_sometimes_is_confirmed_k_of_n(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(5)
    Oracle(lambda steps: needs(steps) and random.random() < 0.5, monkeypatch)
    found = asyncio.run(search(FAILED, networks=(None,) * 3).run())
    assert needs(found.script.steps)
    assert found.runs == 10
    assert 0 < found.failed < 10


def test_a_good_reproduction_is_never_traded_for_a_lucky_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same divergence now and then shows by itself, whatever the steps are."""
    lengths = []
    for seed in range(20):
        random = Random(seed)
        flaky = partial(lambda random, steps: needs(steps) or random.random() < 0.03, random)
        oracle = Oracle(flaky, monkeypatch)
        found = asyncio.run(search(FAILED, fewer_nodes=False).run())
        assert needs(found.script.steps)
        assert found.failed == found.runs >= 3
        assert len(oracle.asked) < 400
        lengths.append(found.length)
    # In few searches the budget ends on the way back.
    assert lengths.count(2) >= 18


def test_one_decided_run_among_many_is_not_always(monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(10_000))

    def rule(steps: tuple[Step, ...]) -> Result | bool:
        return next(count) == 4 or Result(Verdict.INVALID, steps, reason="the machine is gone")

    Oracle(rule, monkeypatch)
    found = asyncio.run(search(FAILED, budget=minimize_module.NO_SEARCH).run())
    assert (found.failed, found.runs) == (1, 10)


def test_a_failure_before_the_end_cuts_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(steps: tuple[Step, ...]) -> Result | bool:
        beginning = next((steps[:i] for i in range(len(steps)) if needs(steps[:i])), steps)
        return Result(Verdict.DIVERGED, beginning, (LOST,)) if needs(steps) else False

    Oracle(rule, monkeypatch)
    long = Result(Verdict.DIVERGED, (*CASES, *(increment_case("n1", "c1", 1),)), (LOST,))
    found = asyncio.run(search(long, fewer_nodes=False).run())
    assert found.length == 2


def test_what_was_found_survives_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(100))

    def rule(steps: tuple[Step, ...]) -> bool:
        if next(count) == 6:
            raise KeyboardInterrupt
        return needs(steps)

    Oracle(rule, monkeypatch)
    minimizer = search(FAILED)
    assert minimizer.best.script.steps == CASES
    with pytest.raises(KeyboardInterrupt):
        Straight().run(minimizer.run())
    assert needs(minimizer.best.script.steps)
    assert minimizer.best.length < len(CASES)


def test_progress_is_told_after_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    Oracle(needs, monkeypatch)
    told = list[Progress]()
    minimizer = search(FAILED, progress=told.append)
    Straight().run(minimizer.run())
    assert [p.executions for p in told] == list(range(1, minimizer.effort.executions + 1))
    lengths = [p.length for p in told]
    assert lengths == sorted(lengths, reverse=True)
    assert told[-1].steps == minimizer.effort.steps


def test_nodes_that_must_stay_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    Oracle(needs, monkeypatch)
    assert asyncio.run(search(FAILED, fewer_nodes=False).run()).script.net == NET
    assert asyncio.run(search(FAILED).run()).script.net == fully_connected(1)


def test_a_run_that_did_not_fail_so_is_refused() -> None:
    with pytest.raises(UsageError, match="no divergence"):
        search(Result(Verdict.PASS, CASES))
    with pytest.raises(UsageError, match="missing"):
        Counterexample.of(NET, FAILED, ("stale", "cases"))


def test_a_split_that_needs_all_its_links_stays_a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    split = Partition((("n1",), ("n2", "n3")))
    steps = (split, create_case("n1", "c1", "t1"), Heal(), create_case("n2", "c2", "t2"))
    Oracle(lambda s: any(isinstance(x, Partition) for x in s), monkeypatch)
    found = asyncio.run(search(Result(Verdict.DIVERGED, steps, (LOST,))).run())
    assert any(isinstance(step, Partition) for step in found.script.steps)
    assert found.length == 2


class Haunted(SimulatedCluster):
    """Its machines are kept while runs pass; once a node resynced, they refuse every request."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.kept = self.haunted = False

    def passed(self) -> None:
        self.kept = True

    @property
    def used(self) -> bool:
        return self.kept

    def renew(self) -> None:
        self.kept = False

    async def begin(self, net: Net) -> None:
        if not self.kept:
            self.haunted = False
        self.kept = False
        await super().begin(net)

    async def resync(self, node: str, *, full: bool) -> Outcome:
        self.haunted = True
        return await super().resync(node, full=full)

    async def write(self, node: str, write: Write) -> Outcome:
        return refused("exists") if self.haunted else await super().write(node, write)


def test_what_an_earlier_run_left_is_no_reason_to_fail() -> None:
    """The resync stays in: without it a candidate fails by the resync of the one before."""
    net = fully_connected(2)
    steps = (
        create_case("n1", "c1", "t1"),
        Restart("n2"),
        Resync("n2"),
        update_case("n1", "c1", "t2"),
        delete_case("n2", "c1"),
    )
    target = Haunted(2)
    failing = Straight().run(run(target, net, steps))
    assert failing.verdict is Verdict.DIVERGED
    found = Straight().run(Minimizer(target, Counterexample.of(net, failing)).run())
    assert any(isinstance(step, Resync) for step in found.script.steps)
    assert found.length < len(failing.steps)
    assert (found.failed, found.runs) == (3, 3)
