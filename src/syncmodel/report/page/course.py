"""The course of a search: how much it had done and come across, as time went by.

An observer that looks at the tally now and then. Where other processes search, it hears of them by
their tally alone, and counts no states.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field

from syncmodel.engine.history import Entry, Rested
from syncmodel.engine.tally import Tally
from syncmodel.model.plan import Plan

#: Seconds between two points at first, and how many points there are before every second one goes.
EVERY_S, MOST_POINTS = 0.2, 400
#: So many rows are told apart.
ROWS = 4

#: Seconds, sequences, steps, pairs of kinds, kinds in situations, abstract states.
Point = tuple[float, int, int, int, int, int]


@define
class Course:
    """What was seen by when. `tally` is only read."""

    tally: Tally
    clock: Callable[[], float] = time.monotonic
    points: list[Point] = field(factory=list)
    _states: set[int] = field(factory=set)
    _every_s: float = EVERY_S
    _began_s: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._began_s = self.clock()

    def __call__(self, entry: Entry) -> None:
        """Another entry of the history."""
        if isinstance(entry, Rested):
            self._states.add(abstract(entry.after.plan))
            self.look()

    def look(self) -> None:
        """Time to look at the tally, if a while has passed."""
        if not self.points or self.clock() - self._began_s - self.points[-1][0] >= self._every_s:
            self._look()

    def whole(self) -> list[Point]:
        """All that it saw, and how it stands now."""
        self._look()
        return self.points

    def _look(self) -> None:
        tally, seconds = self.tally, round(self.clock() - self._began_s, 3)
        seen = (len(tally.by_pair), len(tally.by_situation), len(self._states))
        self.points.append((seconds, tally.sequences, tally.steps, *seen))
        if len(self.points) > MOST_POINTS:
            del self.points[1:-1:2]
            self._every_s *= 2


def abstract(plan: Plan) -> int:
    """The abstract state that a plan is in: who runs what, who is down, which links are cut, and
    how many rows there are, and are deleted, up to a few."""
    return hash((plan.net, min(len(plan.rows), ROWS), min(len(plan.deleted), ROWS)))
