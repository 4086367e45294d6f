"""Does anything go wrong, or grow, when the correct system is searched for long?

    python bench/soak.py [--simulated-steps 1000000] [--live-sequences 2000] [--seed 1]

The correct core on the simulator, then the embedded cluster: no divergence, no invalid or unknown
run; at ten points on the way it checks memory, descriptors, processes and files of this process and
all its descendants. Exit code 1 if anything was found or grows. 0 leaves a part out.

Our caches have bounds, and fill for tens of thousands of steps (nets: 1,024 of a few kilobytes
of each kind). So memory counts as growing where it still rises in the last third though they take
up no more, or too much in all; while they fill, that is said, and is no failure.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Driver, Loop, Straight
from syncmodel.engine.findings import Settings
from syncmodel.machine import heap
from syncmodel.machine.search import searched
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.base import Target

POINTS = 10
STEPS_A_SEQUENCE = 30
SEQUENCES_A_SEARCH = 20
#: Until then caches fill.
WARM = 4
#: What the last points may have more than the first warm ones: allocators breathe.
MEMORY_GROWTH = 0.10
MEMORY_SLACK_MIB = 8.0
#: What the last third may have more than the one before it, in the median.
STILL_MIB = 2.0
#: What our caches may take up more meanwhile, and count as full.
STILL_CACHED = 0.02


@attrs.frozen
class Point:
    """One look: how far the search was, and what was held then."""

    sequences: int
    steps: int
    seconds: float
    own_mib: float
    children_mib: float
    descriptors: int
    processes: int
    files: int
    cached: int


def look(folder: Path, sequences: int, steps: int, seconds: float) -> Point:
    """What this process and all that descend from it hold now; `folder` has all their files.

    Free pages are given back first, as a search does every hundred sequences: what is left is held.
    """
    gc.collect()
    heap.give_back()
    children = list(descendants(os.getpid()))
    return Point(
        sequences,
        steps,
        round(seconds, 1),
        round(_memory_mib(os.getpid()), 1),
        round(sum(map(_memory_mib, children)), 1),
        sum(map(_descriptors, [os.getpid(), *children])),
        len(children),
        sum(1 for file in folder.rglob("*") if file.is_file()),
        sum(one.cache_info().currsize for one in caches()),
    )


def caches() -> list[Any]:
    """The caches of our functions."""
    kind = type(lru_cache(look))
    every = [one for one in gc.get_objects() if isinstance(one, kind)]
    return [one for one in every if one.__module__.startswith("syncmodel.")]


def descendants(pid: int) -> Iterator[int]:
    """The processes below one, by number."""
    try:
        listed = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return  # It ended while we looked.
    for child in listed:
        yield child
        yield from descendants(child)


def _memory_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(sizes[0]) / 1024 if sizes else 0.0


def _descriptors(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


@attrs.define
class Soak:
    """One long search, in parts: each has its own seed, and where it is simulated its own network.

    `target` gives the target for the search of a seed.
    """

    name: str
    target: Callable[[int], Target]
    driver: Driver
    goal: int
    by_steps: bool
    folder: Path
    #: That of its first search; each has the next one.
    seed: int
    sequences: int = 0
    steps: int = 0
    points: list[Point] = attrs.field(factory=list)
    found: list[str] = attrs.field(factory=list)

    def run(self, console: Console) -> None:
        """Search until the goal is reached or something was found."""
        started = time.monotonic()
        for seed in count(self.seed):
            if self._done >= self.goal or self.found:
                return
            left = self.goal - self.sequences
            sequences = SEQUENCES_A_SEARCH if self.by_steps else min(SEQUENCES_A_SEARCH, left)
            self._search(seed, Settings(sequences=sequences, steps=STEPS_A_SEQUENCE, seed=seed))
            while self._done >= self.goal * (len(self.points) + 1) / POINTS:
                elapsed_s = time.monotonic() - started
                self.points.append(look(self.folder, self.sequences, self.steps, elapsed_s))
                console.print(self.name, attrs.asdict(self.points[-1]), soft_wrap=True)

    @property
    def _done(self) -> int:
        return self.steps if self.by_steps else self.sequences

    def _search(self, seed: int, settings: Settings) -> None:
        findings = searched(self.target(seed), self.driver, settings)
        self.sequences += findings.sequences
        self.steps += findings.steps
        if findings.failure is not None:
            headline = findings.failure.counterexample.headline
            self.found.append(
                f"seed {settings.seed}: sequence {findings.failure.number}: {headline}"
            )
        self.found += [f"seed {settings.seed}: unknown: {why}" for why in findings.unknown]
        self.found += [f"seed {settings.seed}: invalid: {why}" for why in findings.invalid]

    def grown(self) -> list[str]:
        """What the last three points have more than the first warm ones, in words."""
        if len(self.points) < POINTS:
            return []
        early, late = self.points[WARM - 1 : WARM + 2], self.points[-3:]
        words = []
        for name in ("own_mib", "children_mib"):
            before = max(getattr(point, name) for point in early)
            after = min(getattr(point, name) for point in late)
            if after > before * (1 + MEMORY_GROWTH) + MEMORY_SLACK_MIB:
                words.append(f"{name} grew from {before} to {after}")
        if self._still_rises() and not self.fills():
            words.append("own_mib still rises at the end, and no cache fills")
        for name in ("descriptors", "processes", "files"):
            before = max(getattr(point, name) for point in self.points[: WARM + 2])
            after = min(getattr(point, name) for point in late)
            if after > before:
                words.append(f"{name} grew from {before} to {after}")
        return words

    def _still_rises(self) -> bool:
        # Medians: one look may find more than those before and after it.
        middle, late = (
            [one.own_mib for one in part] for part in (self.points[-6:-3], self.points[-3:])
        )
        return median(late) > median(middle) + STILL_MIB

    def fills(self) -> bool:
        """Whether our caches still took up more at the end."""
        if len(self.points) < POINTS:
            return False
        return self.points[-1].cached > self.points[-6].cached * (1 + STILL_CACHED)


def simulated(steps: int, folder: Path, console: Console, seed: int) -> Soak:
    """The correct core on the simulator, a random network of another seed for each search."""

    def target(seed: int) -> Target:
        return SimulatedCluster(3, (), seed)

    soak = Soak("simulated", target, Straight(), steps, True, folder, seed)
    soak.run(console)
    return soak


def live(sequences: int, folder: Path, console: Console, seed: int) -> Soak:
    """The embedded cluster."""
    with Loop() as loop:
        cluster = EmbeddedCluster(3)
        soak = Soak("live", lambda _: cluster, loop, sequences, False, folder, seed)
        try:
            soak.run(console)
        finally:
            loop.run(cluster.close())
    return soak


def report(soaks: list[Soak], console: Console) -> bool:
    """Print what was found; whether all is well."""
    table = Table("part", "sequences", "steps", "steps a second", "found", "grows", "caches")
    for soak in soaks:
        rate = soak.steps / soak.points[-1].seconds if soak.points else 0.0
        cells = (str(soak.sequences), str(soak.steps), f"{rate:.0f}")
        grown = "; ".join(soak.grown()) or "nothing"
        filled = "still fill" if soak.fills() else "full"
        table.add_row(soak.name, *cells, "\n".join(soak.found) or "nothing", grown, filled)
    console.print(table)
    return not any(soak.found or soak.grown() for soak in soaks)


def main(argv: list[str]) -> int:
    """Search, print, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--simulated-steps", type=int, default=1_000_000)
    parser.add_argument("--live-sequences", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first search of each part")
    parser.add_argument("--json", type=Path, default=Path("bench/results/soak.json"))
    options = parser.parse_args(argv)
    console = Console(width=140)
    # All temporary files of ours and of the machines go below a folder that we can count.
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    soaks = []
    try:
        if options.simulated_steps:
            soaks.append(simulated(options.simulated_steps, folder, console, options.seed))
        if options.live_sequences:
            soaks.append(live(options.live_sequences, folder, console, options.seed))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    well = report(soaks, console)
    points = {soak.name: [attrs.asdict(point) for point in soak.points] for soak in soaks}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(points, indent=1) + "\n", encoding="utf-8")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
