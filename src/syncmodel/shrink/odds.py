"""How often a run fails, as far as was seen, and what follows from that. Pure."""

from __future__ import annotations

from math import ceil, comb, log

from attrs import frozen

#: How likely a failing run may be taken for one that passes, and luck for a difference.
DOUBT = 0.05
#: More runs than this are spent on no candidate, however seldom the best one fails.
MOST_TRIES = 30
HALF = 0.5


@frozen
class Odds:
    """Of so many `runs` so many `failed`."""

    failed: int = 0
    runs: int = 0

    def and_also(self, failed: int, runs: int) -> Odds:
        """With these runs as well."""
        return Odds(self.failed + failed, self.runs + runs)

    @property
    def share(self) -> float:
        """The share that failed; 1 as long as nothing is known."""
        return self.failed / self.runs if self.runs else 1.0

    @property
    def always(self) -> bool:
        """Whether every run failed that there was."""
        return self.failed == self.runs

    @property
    def tries(self) -> int:
        """So many runs in a row hardly ever pass of what fails like this: ln(0.05) / ln(1 - p).

        Runs were counted until one failed, so p is less than their share (Haldane, "On a method of
        estimating frequencies", 1945).
        """
        if self.always or not self.failed:
            # What never failed again is nothing to go by: many candidates have one chance each.
            return 1
        if self.failed < 2:
            return MOST_TRIES
        share = (self.failed - 1) / (self.runs - 1)
        return min(MOST_TRIES, ceil(log(DOUBT) / log(1 - share)))

    def is_rarer_than(self, other: Odds) -> bool:
        """Whether it fails less often, beyond doubt (Fisher's exact test, one-sided)."""
        runs, failed = self.runs + other.runs, self.failed + other.failed
        if not self.runs or not other.runs or self.share >= other.share:
            return False
        ways = sum(
            comb(self.runs, mine) * comb(other.runs, failed - mine)
            for mine in range(min(self.failed, failed) + 1)
        )
        return ways <= DOUBT * comb(runs, failed)
