"""Searches for tests of their own end: each says that it is in a phase, and waits there.

A line `FOLDER<tab>PHASE` on stdin begins one, in a process of its own, which costs no imports. It
says its number once it is in that phase, and then its exit code and how long it was kept waiting
for a processor (`soon_ended.kept_waiting_s`). SIGHUP and SIGTERM are answered
like Ctrl-C, as the command line does.
"""

import os
import select
import sys
from pathlib import Path

from attrs import define, evolve, field
from soon_ended import kept_waiting_s

from syncmodel.campaign.campaign import Campaign
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Ended, Entry, Rested, Verdict
from syncmodel.engine.pool import Pool
from syncmodel.interrupts import like_ctrl_c
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.net import Net
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.minimize import Progress

SETTINGS = Settings(sequences=300, steps=30, seed=2)


@define
class Waiting:
    """Waits in one phase of a search for a signal."""

    phase: str
    lengths: list[int] = field(factory=list)

    def at(self, phase: str) -> None:
        """Wait here, if this is the phase, once: a search has several targets to close."""
        if phase == self.phase:
            self.phase = ""
            print(os.getpid(), flush=True)
            # Not pause(2): a signal that came just before it would be waited for for ever.
            while True:
                select.select([], [], [], 0.01)

    def observe(self, entry: Entry) -> None:
        """In the middle of the first run; and once one has failed."""
        if isinstance(entry, Rested) and entry.index:
            self.at("explore")
        if isinstance(entry, Ended) and entry.verdict is Verdict.DIVERGED:
            self.at("found")

    def minimizing(self, progress: Progress) -> None:
        """After each run of the minimiser, and of the further search."""
        self.lengths.append(progress.length)
        if progress.further:
            self.at("further")
        else:
            self.at("confirm" if self.phase == "confirm" else "shorten")
            if progress.length < self.lengths[0]:
                self.at("shorter")


def search(folder: Path, phase: str) -> int:
    """The exit code of a search that waits in that phase."""
    waiting = Waiting(phase)

    class Told(SimulatedCluster):
        """Says when it begins and closes."""

        async def begin(self, net: Net) -> None:
            waiting.at("boot")
            await super().begin(net)

        async def close(self) -> None:
            waiting.at("close")
            await super().close()

    explore = searching(ClusterMachine)
    with Pool(evolve(SIMULATED, make=Told)) as pool:
        campaign = Campaign(
            pool, SETTINGS, folder, explore, bugs=("tie-by-arrival",), minimize=phase != "confirm"
        )
        campaign.observe, campaign.minimizing = waiting.observe, waiting.minimizing
        return campaign.run().exit_code


def main() -> None:
    """One search after the other, as they are asked for."""
    for line in sys.stdin:
        folder, phase = line.rstrip("\n").split("\t")
        pid = os.fork()
        if not pid:
            try:
                with like_ctrl_c():
                    os._exit(search(Path(folder), phase))
            except KeyboardInterrupt:
                os._exit(130)
            finally:
                os._exit(99)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        waited_s = kept_waiting_s(pid)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), waited_s, flush=True)


if __name__ == "__main__":
    main()
