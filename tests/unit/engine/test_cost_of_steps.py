"""A step of a long run does as much as one of a short run: the whole grows as its steps do."""

from __future__ import annotations

import sys
from types import FrameType

from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Entry, Taken, Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Tally
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Create
from syncmodel.targets.wire import SUPERTEST

#: Steps of which the calls are counted, when there are few rows and when there are many.
EARLY, LATE = range(80, 90), range(240, 250)


def calls() -> dict[int, int]:
    """How many functions are called in each of those steps, of Python's too."""
    found = dict.fromkeys((*EARLY, *LATE), 0)
    tally, step = Tally(), [0]

    def count(_frame: FrameType, event: str, _of: object) -> None:
        if event in ("call", "c_call"):
            found[step[0]] += 1

    def see(entry: Entry) -> None:
        if isinstance(entry, Taken):
            sys.setprofile(None)
            step[0] = entry.index
            if entry.index in found:
                sys.setprofile(count)
        tally(entry)

    creates = [
        Create(f"n{number % 3 + 1}", "cases", f"c{number}", (("title", f"t{number}"),))
        for number in range(1, LATE.stop + 1)
    ]
    before = sys.getprofile()
    try:
        net = fully_connected(SUPERTEST, 3)
        result = Straight().run(run(SimulatedCluster(3), net, creates, observe=see))
    finally:
        sys.setprofile(before)
    assert result.verdict is Verdict.PASS
    return found


def test_a_step_late_in_a_long_run_calls_as_much_as_an_early_one() -> None:
    found = calls()
    early, late = (sum(found[number] for number in steps) for steps in (EARLY, LATE))
    assert early > 1000
    assert late < 1.02 * early
