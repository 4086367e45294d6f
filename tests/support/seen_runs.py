"""Runs for the tests of pages: those of the corpus as they are seen, and drawn ones."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from attrs import evolve, frozen
from saved_runs import saved, simulated

from syncmodel.corpus import Reproduction
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.following import Following
from syncmodel.engine.history import Began, Entry, Verdict
from syncmodel.engine.replay import replay
from syncmodel.engine.session import Result
from syncmodel.machine.search import searched
from syncmodel.model.guarantees import Guarantees
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.page.moments import SeenRun, seen, seen_failure

T = TypeVar("T")


@frozen
class SavedRun:
    """A saved run, and how it went."""

    file: Path
    reproduction: Reproduction
    run: SeenRun


def apart(act: Callable[[], T]) -> T:
    """Do it in a thread of its own: in a browser's test the thread has a loop that runs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result()


@cache
def planted() -> dict[str, SavedRun]:
    """The run of the corpus for each planted bug, as the simulator shows it."""
    return apart(_planted)


def _planted() -> dict[str, SavedRun]:
    found: dict[str, SavedRun] = {}
    for file, one in saved():
        # Of a bug with two files, the first.
        if one.bug is not None and one.bug not in found:
            target = simulated(one, bug_names=[one.bug])
            result = Straight().run(replay(target, one)).results[-1]
            run = seen(result, one.guarantees)
            assert run is not None
            found[one.bug] = SavedRun(file, one, run)
    return found


def followed(bug: str) -> SeenRun:
    """The run of the corpus for a planted bug, with its messages."""
    one = planted()[bug].reproduction
    target = SimulatedCluster(len(one.nodes), [bug])
    follows = Following(target)
    result = apart(lambda: Straight().run(replay(target, one, follows))).results[-1]
    run = seen(result, one.guarantees)
    assert run is not None
    return evolve(run, happened=follows.happened)


def drawn(
    seed: int, nodes: int, steps: int, guarantees: Guarantees | None = None, bug: str | None = None
) -> SeenRun:
    """The first run that diverged of a few that were drawn from that seed, else the last of them.

    On the simulator, held against these guarantees (default: its own, which hold).
    """
    history: list[Entry] = []
    promised = guarantees or Guarantees()
    count = 1 if guarantees is None and bug is None else 8
    settings = Settings(nodes=nodes, sequences=count, steps=steps, seed=seed, guarantees=promised)
    target = SimulatedCluster(nodes, [] if bug is None else [bug])
    findings = apart(lambda: searched(target, Straight(), settings, history.append))
    if findings.failure is not None:
        run = seen_failure(findings.failure.counterexample)
    else:
        began = max(i for i, entry in enumerate(history) if isinstance(entry, Began))
        run = seen(Result(Verdict.PASS, history=tuple(history[began:])), promised)
    assert run is not None
    return run
