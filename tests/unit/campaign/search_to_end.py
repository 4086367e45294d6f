"""A search for tests of its own end: it says that it is in a phase, and waits there.

`python search_to_end.py FOLDER PHASE` prints the phase once it is there. Its exit code is that of
the search.
"""

import signal
import sys
from pathlib import Path

from attrs import evolve

from syncmodel.campaign.campaign import Campaign
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Ended, Entry, Rested, Verdict
from syncmodel.engine.pool import Pool
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.net import Net
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.minimize import Progress

FOLDER, PHASE = Path(sys.argv[1]), sys.argv[2]
SETTINGS = Settings(sequences=300, steps=30, seed=1)
lengths: list[int] = []


def at(phase: str) -> None:
    """Wait here for a signal, if this is the phase."""
    if phase == PHASE:
        print(phase, flush=True)
        signal.pause()


class Told(SimulatedCluster):
    """Says when it begins and closes."""

    async def begin(self, net: Net) -> None:
        """The first one is the boot."""
        at("boot")
        await super().begin(net)

    async def close(self) -> None:
        """The last phase."""
        at("close")
        await super().close()


def observe(entry: Entry) -> None:
    """In the middle of the first run; and once one has failed."""
    if isinstance(entry, Rested) and entry.index:
        at("explore")
    if isinstance(entry, Ended) and entry.verdict is Verdict.DIVERGED:
        at("found")


def minimizing(progress: Progress) -> None:
    """After each run of the minimiser, and of the further search."""
    lengths.append(progress.length)
    at("further" if progress.further else "shorten" if PHASE != "confirm" else "confirm")
    if progress.length < lengths[0] and not progress.further:
        at("shorter")


if __name__ == "__main__":
    kind = evolve(SIMULATED, make=Told)
    with Pool(kind) as pool:
        campaign = Campaign(
            pool,
            SETTINGS,
            FOLDER,
            searching(ClusterMachine),
            bugs=("tie-by-arrival",),
            minimize=PHASE != "confirm",
        )
        campaign.observe, campaign.minimizing = observe, minimizing
        report = campaign.run()
    sys.exit(report.exit_code)
