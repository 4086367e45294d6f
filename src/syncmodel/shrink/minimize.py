"""The minimiser: a failing run is cut down to a short one that fails in the same way.

Here: driving the passes, the budget, the cache of verdicts, and the confirmation. Not here: what is
tried (`passes`), names (`rename`). The method is delta debugging (Zeller and Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input", 2002) with passes that know the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Observer, Verdict, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import Result, run
from syncmodel.engine.script import Script, length, repaired
from syncmodel.errors import UsageError
from syncmodel.model.divergence import Divergence, Key
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.shrink.passes import COARSE, FINE, LAST, Best, Pass
from syncmodel.shrink.simpler import cost
from syncmodel.steps.base import Step
from syncmodel.targets.base import Reusable, Target

#: After so many runs in a row that said nothing, the tester is not able to go on.
INVALID_LIMIT = 3
#: A script that did not fail in each of the first confirmations is run up to this often.
DOUBTFUL_RUNS = 10
#: Rounds of the fine passes. Each makes the script smaller, so the budget ends them long before.
ROUNDS_LIMIT = 1_000


@frozen
class Budget:
    """How much the search may cost: runs, and steps performed in them. Confirmations are extra."""

    executions: int = 200
    live_steps: int = 4_000


#: No search at all: the run is only confirmed.
NO_SEARCH = Budget(executions=0, live_steps=0)


@frozen
class Progress:
    """Where the search stands; `length` counts the steps of the best script so far.

    `further`: these are runs of the simulator, in a search beyond what the target can afford.
    """

    executions: int
    live_steps: int
    length: int
    nodes: int
    further: bool = False


@frozen
class Minimized:
    """The best script so far, how it fails, and what finding it cost.

    `key` is the divergence that was kept: name and kind of row. `failed` of `runs` confirmations
    failed in the same way (0 of 0: not confirmed yet).
    `exhausted`: the budget ended before the search did, so a shorter one may well exist; `stopped`
    says why the search ended early, if it did.
    """

    steps: tuple[Step, ...]
    net: Net
    divergences: tuple[Divergence, ...]
    key: Key
    executions: int
    live_steps: int
    failed: int = 0
    runs: int = 0
    exhausted: bool = False
    stopped: str = ""

    @property
    def script(self) -> Script:
        """The steps, and where they start from."""
        return Script(self.net, self.steps)

    @property
    def length(self) -> int:
        """The number of steps; those inside a burst count one each."""
        return length(self.steps)


class _StopSearch(Exception):  # noqa: N818 (no error: the search is over)
    """The budget is used up, or the tester can't go on."""


class Minimizer:
    """One search. `minimized` is the best so far at any time, also after an interruption."""

    def __init__(
        self,
        target: Target,
        net: Net,
        failing: Result,
        *,
        guarantees: Guarantees | None = None,
        key: Key | None = None,
        budget: Budget | None = None,
        tries: int = 1,
        confirmations: int = 3,
        fewer_nodes: bool = True,
        further: Sequence[Pass] = (),
        progress: Callable[[Progress], None] = lambda _: None,
        observe: Observer = nobody,
        invariants: Sequence[Invariant] = (),
    ) -> None:
        """`failing` is a run from `net` (all nodes running, links whole) that diverged.

        `key`: which of its divergences to keep (default: the headline). `tries`: how often a
        candidate may pass before it counts as passing. `fewer_nodes`: nodes that are not needed
        may be left down; `further` are passes for when nothing else helps. `progress` is called
        after every run, `observe` gets all their history. `invariants` are checked in each run.
        Raises `UsageError` if the run did not diverge in that way.
        """
        key = key or (failing.divergences[0].key if failing.divergences else None)
        if failing.verdict is not Verdict.DIVERGED or key not in failing.keys:
            known = ", ".join(map(str, sorted(failing.keys))) or f"{failing.verdict.value}"
            raise UsageError(f"There is no divergence {key} to keep in this run, only: {known}.")
        self._target, self._guarantees, self._key = target, guarantees, key
        self._budget, self._tries = budget or Budget(), tries
        self._confirmations, self._fewer_nodes = confirmations, fewer_nodes
        self._further, self._invariants = further, invariants
        self._progress, self._observe = progress, observe
        self._best = Best(Script(net, failing.steps), failing.divergences)
        self._verdicts: dict[Script, bool] = {self._best.script: True}
        self._executions = self._live_steps = self._invalid = 0
        self._confirmed = (0, 0)
        self._exhausted, self._stopped = False, ""

    @property
    def minimized(self) -> Minimized:
        """The best so far. Valid at any time."""
        failed, runs = self._confirmed
        return Minimized(
            steps=self._best.script.steps,
            net=self._best.script.net,
            divergences=self._best.divergences,
            key=self._key,
            executions=self._executions,
            live_steps=self._live_steps,
            failed=failed,
            runs=runs,
            exhausted=self._exhausted,
            stopped=self._stopped,
        )

    async def run(self) -> Minimized:
        """Search, then confirm. Cancelled in between, `minimized` has what was found."""
        try:
            await self._search()
        except _StopSearch as reason:
            self._stopped = str(reason)
        await self._confirm()
        return self.minimized

    async def _search(self) -> None:
        for one in COARSE:
            await self._pass(one)
        for _ in range(ROUNDS_LIMIT):
            before = self._best
            for one in FINE:
                await self._pass(one)
            for one in self._further if self._best is before else ():
                await self._pass(one)
            if self._best is before:
                break
        for one in LAST:
            await self._pass(one)

    async def _pass(self, one: Pass) -> None:
        candidates = one(self._best)
        try:
            candidate = next(candidates)
            while True:
                await self._attempt(candidate)
                candidate = candidates.send(self._best)
        except StopIteration:
            pass

    async def _attempt(self, candidate: Script) -> None:
        """Makes the candidate the best if it is smaller, possible, and fails in the same way."""
        best = self._best.script
        if not self._fewer_nodes and candidate.net.nodes != best.net.nodes:
            return
        candidate = repaired(candidate)
        if not candidate.steps or cost(candidate) >= cost(best):
            return
        if self._verdicts.get(candidate) is not None:
            return
        for _ in range(self._tries):
            used = isinstance(self._target, Reusable) and self._target.used
            result = await self._run(candidate)
            if used and self._key in result.keys:
                # Perhaps by what an earlier run left.
                result = await self._run(candidate, alone=True)
            failing = self._key in result.keys
            self._verdicts[candidate] = failing
            if failing:
                shorter = evolve(candidate, steps=candidate.steps[: len(result.steps)])
                self._verdicts[shorter] = True
                self._best = Best(shorter, result.divergences)
                break
        self._report()

    async def _run(self, script: Script, *, alone: bool = False) -> Result:
        """One run within the budget. Raises `_StopSearch`."""
        budget = self._budget
        if self._executions >= budget.executions or self._live_steps >= budget.live_steps:
            self._exhausted = True
            raise _StopSearch("the budget is used up")
        result = await self._perform(script, alone=alone)
        self._invalid = self._invalid + 1 if result.verdict is Verdict.INVALID else 0
        if self._invalid >= INVALID_LIMIT:
            raise _StopSearch(f"{INVALID_LIMIT} runs in a row said nothing: {result.reason}")
        return result

    async def _perform(self, script: Script, *, alone: bool) -> Result:
        target, there = self._target, fitted(script, self._target.nodes)
        result = await run(
            target,
            there.net,
            there.steps,
            self._guarantees,
            self._observe,
            alone=alone,
            invariants=self._invariants,
        )
        self._executions += 1
        self._live_steps += length(result.steps)
        return result

    async def _confirm(self) -> None:
        """Run the best again: so often, and more often if it does not always fail."""
        failed = runs = 0
        doubtful = max(DOUBTFUL_RUNS, self._confirmations)
        for attempt in range(1, 1 + doubtful if self._confirmations else 1):
            result = await self._perform(self._best.script, alone=True)
            if result.verdict in (Verdict.PASS, Verdict.DIVERGED):
                runs += 1
                failed += self._key in result.keys
                self._confirmed = (failed, runs)
            self._report()
            if failed == attempt == self._confirmations:
                break

    def _report(self) -> None:
        script = self._best.script
        self._progress(
            Progress(
                self._executions,
                self._live_steps,
                length(script.steps),
                len(script.net.nodes),
            )
        )
