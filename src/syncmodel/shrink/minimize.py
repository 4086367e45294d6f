"""The minimiser: it cuts a failing run down to a short one that fails in the same way.

Here: driving the passes, the budget, the cache of verdicts, and the confirmation. Not here: what is
tried (`passes`), names (`rename`). The method is delta debugging (Zeller and Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input", 2002) with passes that know the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from attrs import evolve, frozen

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Observer, Verdict, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import Result, run
from syncmodel.engine.script import Script, length, repaired
from syncmodel.shrink.chances import Chances
from syncmodel.shrink.forms import reformed, shape
from syncmodel.shrink.odds import HALF, MOST_TRIES, Odds
from syncmodel.shrink.passes import COARSE, FINE, LAST, Pass
from syncmodel.shrink.simpler import cost
from syncmodel.targets.base import Networked, Reusable, Target

#: After this many runs in a row without a verdict, the tester can't go on.
INVALID_LIMIT = 3
#: A script that did not fail in each of the first confirmations is run up to this many times.
DOUBTFUL_RUNS = 10
#: How often a search goes back from a script that fails by luck; then nothing is lucky twice.
BACK_LIMIT = 2
#: Rounds of the fine passes. Each makes the script smaller, so the budget ends them long before.
ROUNDS_LIMIT = 1_000


@frozen
class Budget:
    """How much the search may cost: runs, and steps performed in them. Confirmations are extra."""

    executions: int = 200
    steps: int = 4_000


#: No search at all: the run is only confirmed.
NO_SEARCH = Budget(executions=0, steps=0)


@frozen
class Progress:
    """Where the search stands; `length` counts the steps of the best script so far.

    `further`: these are runs of the simulator, in a search beyond what the target can afford.
    `doing`: what goes on, where that is not plain shortening. `share`: how much of what it may
    cost at most is used up.
    """

    executions: int
    steps: int
    length: int
    nodes: int
    further: bool = False
    doing: str = ""
    share: float = 0.0


@frozen
class Effort:
    """What a search cost: runs, and steps performed in them, of confirmations too.

    `exhausted`: the budget ended before the search did, so a shorter run may well exist; `stopped`
    says why the search ended early, if it did.
    """

    executions: int = 0
    steps: int = 0
    exhausted: bool = False
    stopped: str = ""

    def with_runs(self, executions: int, steps: int) -> Effort:
        """The same with this much more."""
        return evolve(self, executions=self.executions + executions, steps=self.steps + steps)


class _StopSearch(Exception):  # noqa: N818 (no error: the search is over)
    """The budget is used up, or the tester can't go on."""


class Minimizer:
    """One search. `best` and `effort` are valid at any time, also after an interruption."""

    def __init__(
        self,
        target: Target,
        found: Counterexample,
        *,
        budget: Budget | None = None,
        networks: Sequence[int | None] = (),
        confirmations: int = 3,
        fewer_nodes: bool = True,
        further: Sequence[Pass] = (),
        invariants: Sequence[Invariant] = (),
        progress: Callable[[Progress], None] = lambda _: None,
        observe: Observer = nobody,
    ) -> None:
        """`found` was seen to diverge on `target`, from a net whose nodes all run and whose links
        are whole.

        `networks`: each run is on the next of these simulated ones, and a candidate counts as
        passing only once it passed on all of them. `fewer_nodes`: nodes that are not needed may be
        left down; `further` are passes for when nothing else helps. `invariants`: see `Session`.
        `progress` is called after every run, `observe` gets all their history.
        """
        self._target, self._budget = target, budget or Budget()
        self._networks, self._next_network = tuple(networks), 0
        self._confirmations, self._fewer_nodes = confirmations, fewer_nodes
        self._further, self._invariants = further, invariants
        self._progress, self._observe = progress, observe
        self.best = evolve(found, failed=0, runs=0)
        self.effort = Effort()
        self._verdicts: dict[Script, bool] = {found.script: True}
        #: Every best so far, each smaller than the one before.
        self._bests = [self.best]
        self.chances = Chances(found.key, self._once, copied=not invariants)
        #: Whether what is done at once was chosen because it fails more often so.
        self._formed = False
        #: The best that nothing was found to be shorter than, for what fails sometimes.
        self._final: Counterexample | None = None
        self._invalid = 0
        #: The number of runs when progress was told last.
        self._told = 0

    async def run(self) -> Counterexample:
        """Search, then confirm. Cancelled in between, `best` is what was found.

        Where the smallest script fails far less often than the one that was found, it failed by
        luck: the search goes back to the last that does not, and on from there. Where it turns out
        to fail less often than was thought, what was discarded has another chance.
        """
        for _ in range(BACK_LIMIT):
            with self._stopping():
                await self._search()
            await self._confirm()
            if not await self._went_back() and not self._was_overrated():
                break
        return self.best

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """A part of the search that may end early; `effort` says why."""
        try:
            yield
        except _StopSearch as reason:
            self.effort = evolve(self.effort, stopped=str(reason))

    async def _search(self) -> None:
        for one in COARSE:
            await self._pass(one)
        await self._surer()
        for _ in range(ROUNDS_LIMIT):
            before = self.best
            for one in FINE:
                await self._pass(one)
            for one in (reformed, *self._further) if self.best is before else ():
                await self._pass(one)
            if self.best is before and not self._has_another_chance():
                break
        for one in LAST:
            await self._pass(one)

    async def _pass(self, one: Pass) -> None:
        candidates = one(self.best)
        try:
            candidate = next(candidates)
            while True:
                await self._attempt(candidate)
                candidate = candidates.send(self.best)
        except StopIteration:
            pass

    async def _attempt(self, candidate: Script) -> None:
        """Makes the candidate the best if it is smaller, possible, and fails in the same way."""
        best = self.best.script
        if not self._fewer_nodes and candidate.net.nodes != best.net.nodes:
            return
        candidate = repaired(candidate)
        if cost(candidate) >= cost(best) or candidate in self._verdicts:
            return
        as_long = length(candidate.steps) == length(best.steps)
        if self._formed and as_long and shape(candidate) != shape(best):
            # It would be the simpler form again, which fails less often.
            return
        result = await self._failing(candidate)
        self._verdicts[candidate] = result is not None
        if result is not None:
            shorter = evolve(candidate, steps=candidate.steps[: len(result.steps)])
            self._verdicts[shorter] = True
            self._take(shorter, result)
            self._bests.append(self.best)
        self._report()

    async def _failing(self, candidate: Script) -> Result | None:
        """A run of it that fails in the same way; None: it passes, as far as can be said."""
        if not self._networks:
            return await self.chances.failing(candidate, self.best.script)
        for _ in self._networks:
            result = await self._once(candidate)
            if self.best.key in result.keys:
                return result
        return None

    async def _once(self, script: Script, *, alone: bool = False) -> Result:
        used = isinstance(self._target, Reusable) and self._target.used
        result = await self._run(script, alone=alone)
        if used and not alone and self.best.key in result.keys:
            # Perhaps an earlier run's leftovers made it fail.
            result = await self._run(script, alone=True)
        return result

    async def _surer(self) -> None:
        """Go on from a form that fails more often, if there is one."""
        found = None if self._networks else await self.chances.surer(self.best.script)
        if found is not None:
            self._verdicts[found[0]] = True
            self._take(*found)
            self._bests.append(self.best)
            self._formed = True
            self._report()

    def _was_overrated(self) -> bool:
        """Whether the best fails less often than was thought: then nothing is discarded yet."""
        if self.effort.exhausted or not self.chances.were_overrated(_odds(self.best)):
            return False
        self._discard_nothing()
        return True

    def _has_another_chance(self) -> bool:
        """Whether what was discarded is to be tried once more: one in twenty fails all the same."""
        if self.chances.odds.always or self._final is self.best:
            return False
        self._final = self.best
        self._discard_nothing()
        return True

    def _discard_nothing(self) -> None:
        self._verdicts = {script: True for script, fails in self._verdicts.items() if fails}

    def _take(self, script: Script, result: Result) -> None:
        self.best = self.best.seen(script, result)

    async def _run(self, script: Script, *, alone: bool = False) -> Result:
        """One run within the budget. Raises `_StopSearch`."""
        budget, effort = self._budget, self.effort
        if effort.executions >= budget.executions or effort.steps >= budget.steps:
            self.effort = evolve(effort, exhausted=self._budget is not NO_SEARCH)
            raise _StopSearch("the budget is used up")
        result = await self._perform(script, alone=alone)
        self._invalid = self._invalid + 1 if result.verdict is Verdict.INVALID else 0
        if self._invalid >= INVALID_LIMIT:
            raise _StopSearch(f"{INVALID_LIMIT} runs in a row said nothing: {result.reason}")
        return result

    async def _perform(self, script: Script, *, alone: bool) -> Result:
        if self.effort.executions > self._told:
            self._report()
        target, there = self._target, fitted(script, self._target.nodes)
        if self._networks and isinstance(target, Networked):
            target.on_network(self._networks[self._next_network % len(self._networks)])
            self._next_network += 1
        result = await run(
            target,
            there.net,
            there.steps,
            self.best.guarantees,
            self._observe,
            alone=alone,
            invariants=self._invariants,
        )
        self.effort = self.effort.with_runs(1, length(result.steps))
        return result

    async def _confirm(self, *, more: bool = False) -> None:
        """Run the best again to confirm it, more often if it does not always fail.

        A run that says nothing is none in which it failed. `more`: what is known already counts.
        """
        before = _odds(self.best) if more else Odds()
        self.best = evolve(self.best, failed=before.failed, runs=before.runs)
        doubtful = max(DOUBTFUL_RUNS, self._confirmations)
        attempt = 0
        while attempt < (doubtful if self._confirmations else 0):
            attempt += 1
            result = await self._perform(self.best.script, alone=True)
            again = self.best.key in result.keys
            if again:
                self._take(self.best.script, result)
            best = self.best
            self.best = evolve(best, failed=best.failed + again, runs=best.runs + 1)
            self._report(f"confirming it (run {attempt})")
            if self.best.failed == attempt == self._confirmations:
                break
            if attempt == doubtful and not self.best.failed and self.chances.odds.tries > 1:
                # What fails seldom is told with the runs that it takes to see it.
                doubtful = max(doubtful, MOST_TRIES)

    async def _went_back(self) -> bool:
        """Go back to the smallest script that fails about as often as the first one.

        Returns whether there was reason to: a search that goes on then takes no lucky one.
        """
        last = self.best
        if len(self._bests) < 2 or not last.runs or _odds(last).share > HALF:
            return False
        self.best = self._bests[0]
        await self._confirm()
        first, self.best = self.best, last
        if _is_lucky(last, first):
            # Twice, for a search that goes back for nothing loses what it has.
            await self._confirm(more=True)
            last = self.best
        if not _is_lucky(last, first):
            return False
        good, lucky = 0, len(self._bests) - 1
        steady = first
        while lucky - good > 1:
            middle = (good + lucky) // 2
            self.best = self._bests[middle]
            await self._confirm()
            if not _is_lucky(self.best, first):
                good, steady = middle, self.best
            else:
                lucky = middle
        for one in self._bests[lucky:]:
            self._verdicts[one.script] = False
        del self._bests[lucky:]
        self.best, self.chances.must_fail = steady, 2
        return True

    def _report(self, doing: str = "") -> None:
        script, effort, budget = self.best.script, self.effort, self._budget
        nodes, share = len(script.net.nodes), 0.0
        if budget.executions and not doing:
            share = max(effort.executions / budget.executions, effort.steps / budget.steps)
        self._told = effort.executions
        about = (effort.executions, effort.steps, length(script.steps), nodes)
        self._progress(Progress(*about, doing=doing, share=share))


def _odds(found: Counterexample) -> Odds:
    return Odds(found.failed, found.runs)


def _is_lucky(found: Counterexample, first: Counterexample) -> bool:
    """Whether its confirmations fall below the first one's: below half of always, or beyond doubt
    of sometimes."""
    odds, before = _odds(found), _odds(first)
    if before.always and before.runs:
        return odds.share < HALF
    return odds.is_rarer_than(before)
