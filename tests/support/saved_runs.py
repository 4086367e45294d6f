"""The files of our corpus, read once in each process: reading all of them takes a while."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from syncmodel.corpus import Reproduction, load_all
from syncmodel.reference.simulated import DroppingSimulation, SimulatedCluster
from syncmodel.targets.registry import registered
from syncmodel.targets.wire import DROPPING

CORPUS = Path(__file__).parents[2] / "corpus"


@cache
def saved() -> tuple[tuple[Path, Reproduction], ...]:
    """Each file, and what it says."""
    return load_all(CORPUS, registered)


def simulated(
    found: Reproduction, more: int = 0, bug_names: Sequence[str] = (), seed: int | None = None
) -> SimulatedCluster:
    """Virtual nodes that have what its nodes have, and so many more of them."""
    kind = DroppingSimulation if found.schema == DROPPING else SimulatedCluster
    return kind(len(found.nodes) + more, bug_names, seed)


def saved_bugs() -> list[str]:
    """The planted bugs that a file shows, in order."""
    return sorted({run.bug for _, run in saved() if run.bug is not None})
