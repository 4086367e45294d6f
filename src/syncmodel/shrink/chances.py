"""Whether a candidate fails, where a run that fails may pass the next time.

A candidate counts as passing once it passed as often as hardly any run does that fails as often as
the best (`odds`). Where that takes many runs, many copies of it run at once (`engine.copies`): as
long as copies of the best are seen to fail so, a candidate whose copies pass is discarded; one
whose copies fail must still fail by itself. Not here: budgets, what is tried, what is kept.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, evolve

from syncmodel.engine.copies import FEWEST, Copies, copies
from syncmodel.engine.run import Result
from syncmodel.engine.script import Script
from syncmodel.model.divergence import Key
from syncmodel.shrink.forms import forms
from syncmodel.shrink.odds import HALF, MOST_TRIES, Odds

#: A run that failed so many times in a row, when it is first tried again, fails always.
STEADY = 2
#: Of one that does not, so many failures say how often it fails.
ENOUGH = 3
#: So many runs has another form of what fails sometimes.
FORM_RUNS = 6


class Run(Protocol):
    """Performs a script once; `alone`: on machines that no other run used."""

    async def __call__(self, script: Script, *, alone: bool = False) -> Result:
        """The result."""


@define
class Chances:
    """What is known by now of how often such runs fail.

    `key` is how they fail. `odds`: how often the best does, and `in_copies` each of many copies of
    it in one run; of 0 runs: nothing is known yet. `copied`: copies say something here.
    `must_fail`: so many times a candidate has to fail.
    """

    key: Key
    run: Run
    copied: bool = True
    must_fail: int = 1
    odds: Odds = Odds()
    in_copies: Odds = Odds()

    async def failing(self, candidate: Script, best: Script) -> Result | None:
        """A run of it that fails in the same way; None: it passes."""
        if await self._passes_in_copies(candidate, best):
            return None
        seen = Odds()
        while True:
            result = await self.run(candidate, alone=seen.failed > 0)
            fails = self.key in result.keys
            seen = seen.and_also(fails, 1)
            if seen.failed == self.must_fail:
                if not self.odds.failed:
                    self.odds = Odds()
                elif not self.odds.always:
                    self.odds = self.odds.and_also(seen.failed, seen.runs)
                return result
            if not fails:
                await self._measure(best)
                passes = seen.runs - seen.failed
                if passes > (self.odds.tries - 1) * self.must_fail:
                    return None

    async def surer(self, best: Script) -> tuple[Script, Result] | None:
        """What fails sometimes in a form that fails more often, so that what follows is cheaper."""
        for form in forms(best) if self.odds.share < HALF else ():
            odds, shown = Odds(), None
            while odds.runs < FORM_RUNS and (odds.failed or odds.runs < FORM_RUNS / 2):
                result = await self.run(form, alone=True)
                fails = self.key in result.keys
                shown = result if fails else shown
                odds = odds.and_also(fails, 1)
            if shown is not None and self.odds.is_rarer_than(odds):
                self.odds, self.in_copies = odds, Odds()
                return evolve(form, steps=form.steps[: len(shown.steps)]), shown
        return None

    def were_overrated(self, seen: Odds) -> bool:
        """Whether the best fails less often than was thought; what was seen counts from now on."""
        if not self.odds.runs or not self.odds.always or seen.always or not seen.failed:
            return False
        self.odds = seen
        return True

    async def _measure(self, best: Script) -> None:
        """How often the best fails, before a candidate is discarded because it passed."""
        if self.odds.runs:
            return
        odds = Odds()
        while odds.runs < MOST_TRIES and odds.failed < (STEADY if odds.always else ENOUGH):
            result = await self.run(best, alone=True)
            odds = odds.and_also(self.key in result.keys, 1)
        self.odds = odds

    # --- copies --------------------------------------------------------------------------------

    async def _passes_in_copies(self, candidate: Script, best: Script) -> bool:
        """Whether copies of it pass where those of the best fail; False: that says nothing."""
        if not self.copied or not self.odds.runs or self.odds.tries < FEWEST:
            return False
        if not self.in_copies.runs:
            known = copies(best, self.key, self.odds.tries)
            if known is not None:
                self.in_copies = await self._until_one_fails(known, self.odds.tries)
        # What one copy is as likely to show alone is not believed to show in fewer copies.
        tries = max(self.odds.tries, self.in_copies.tries)
        many = copies(candidate, self.key, tries) if self.in_copies.failed else None
        if many is None:
            return False
        seen = await self._until_one_fails(many, tries)
        if seen.failed:
            self.in_copies = self.in_copies.and_also(seen.failed, seen.runs)
        return bool(seen.runs) and not seen.failed

    async def _until_one_fails(self, many: Copies, tries: int) -> Odds:
        """What copies do until some failed, or so many passed; of 0 runs: they fail otherwise."""
        seen = Odds()
        while not seen.failed and seen.runs < tries:
            failed, count = many.failed(await self.run(many.script), self.key)
            if not count:
                return Odds()
            seen = seen.and_also(failed, count)
        return seen
