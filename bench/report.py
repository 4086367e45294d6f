"""What does the HTML report cost? Runs that keep their history, and runs that don't; and a page.

    python bench/report.py [--pairs 20] [--live]

Prints the median of the pairs' ratios: the same steps with and without, in turns. Without
`--live` on the simulator, where steps are quick, so that the share of keeping is largest.
"""

from __future__ import annotations

import argparse
import statistics
import time

from attrs import evolve

from syncmodel.engine.drive import Driver, Loop, Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.following import Following
from syncmodel.engine.history import Entry, Performed, Verdict, all_of, nobody
from syncmodel.engine.session import Result, Session
from syncmodel.machine.search import searched
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.page.filling import run_page
from syncmodel.report.page.moments import seen
from syncmodel.report.page.writing import data
from syncmodel.steps import Create, Set
from syncmodel.steps.base import Step
from syncmodel.targets.base import Target
from syncmodel.targets.wire import SUPERTEST

#: Writes of a pair's run, on the simulator and live.
WRITES, LIVE_WRITES = 60, 40


def steps(count: int) -> list[Step]:
    """A create, and changes by each of three nodes."""
    first = Create("n1", "cases", "c1", (("title", "t0"),))
    return [
        first,
        *(Set(f"n{i % 3 + 1}", "cases", "c1", "title", f"t{i}") for i in range(1, count)),
    ]


def run_s(driver: Driver, target: Target, taken: list[Step], *, keeps: bool) -> float:
    """How long the steps take."""
    session = Session(target, fully_connected(SUPERTEST, 3))
    if not keeps:
        session._observe = nobody
    driver.run(session.begin())
    # On a busy computer the process's own time says more, where nothing is waited for.
    clock = time.perf_counter if target.waits else time.process_time
    began = clock()
    for step in taken:
        driver.run(session.take(step))
    took = clock() - began
    session.finish()
    return took


def pairs(driver: Driver, target: Target, count: int, writes: int) -> list[float]:
    """The ratios, with against without; which of the two comes first takes turns."""
    taken, found = steps(writes), list[float]()
    for pair in range(count + 1):
        took = {}
        for keeps in (True, False) if pair % 2 else (False, True):
            took[keeps] = run_s(driver, target, taken, keeps=keeps)
        if pair:
            found.append(took[True] / took[False])
    return found


def page() -> None:
    """The page of a drawn run of 60 steps on 5 nodes, with its messages."""
    history: list[Entry] = []
    settings, target = Settings(nodes=5, sequences=1, steps=60, seed=1), SimulatedCluster(5)
    follows = Following(target)
    findings = searched(target, Straight(), settings, all_of(history.append, follows))
    assert findings.failure is None
    took, text = list[float](), ""
    for _ in range(5):
        began = time.perf_counter()
        run = seen(Result(Verdict.PASS, history=tuple(history)), Guarantees())
        assert run is not None
        run = evolve(run, happened=follows.happened)
        text = run_page(data("a run", [], {"The run": run}), "a run")
        took.append(time.perf_counter() - began)
    performed = sum(isinstance(entry, Performed) for entry in history)
    print(
        f"A page of {performed} steps on 5 nodes: {statistics.median(took):.3f} s, {len(text):,} B."
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--live", action="store_true")
    args = parser.parse_args()
    page()
    if args.live:
        with Loop() as loop:
            cluster = EmbeddedCluster(3)
            try:
                found = pairs(loop, cluster, args.pairs, LIVE_WRITES)
            finally:
                loop.run(cluster.close())
    else:
        found = pairs(Straight(), SimulatedCluster(3), args.pairs, WRITES)
    where = "live" if args.live else "simulated"
    print(
        f"A {where} step that is kept takes {statistics.median(found):.3f} times as long "
        f"(median of {len(found)} pairs, {min(found):.3f} to {max(found):.3f})."
    )


if __name__ == "__main__":
    main()
