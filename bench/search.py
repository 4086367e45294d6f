"""A search on live nodes, for every planted bug: sequences to find it, cost, and final length.

    python bench/search.py [--seeds 10] [--bugs NAME ...] [--cap 200] [--engines ours naive]

  ours      our explorer, our minimiser, then the further search on the simulator
  shrinker  the same machine on Hypothesis' usual backend, with its own shrinker
  naive     steps at random, each kind as likely as any other; knows no plan, shrinks nothing

All on the same embedded cluster of real processes, judged by the same model; each step inside a
burst counts. A search that found nothing counts as the cap. Medians over the seeds; raw data as
JSON. Runs to minimal are live runs; those of the further search are on the simulator. By default
one bug of each main kind: all of them, with ten seeds, take hours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import attrs
from peers import ours
from peers.finding import OURS, STEPS, Yardstick, lengths
from peers.naive import NODES, NaiveRun
from peers.plain_random import step as any_step
from peers.recorder import Recorder, Search, searched
from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Loop
from syncmodel.engine.findings import Settings
from syncmodel.machine.search import searched as explored
from syncmodel.model.divergence import DivergenceFound
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.kinds import EMBEDDED
from syncmodel.reference.node import bugs

USUAL = (
    "tombstone-lost-on-resync",
    "resync-duplicates-events",
    "tie-by-arrival",
    "event-before-case-dropped",
    "cursor-before-rows",
    "update-not-later",
    "rollback-leaves-table",
    "rollback-replays-plan",
    "resync-round-the-cut",
    "checkpoint-kept",
)


def shrinker(loop: Loop, cluster: EmbeddedCluster, recorder: Recorder, seed: int, cap: int) -> None:
    """Hypothesis draws every choice, and shrinks as it likes."""
    settings = Settings(sequences=cap, steps=STEPS, seed=seed, backend="hypothesis")
    explored(cluster, loop, settings, recorder)


def naive(loop: Loop, cluster: EmbeddedCluster, recorder: Recorder, seed: int, cap: int) -> None:
    """At most `cap` sequences of steps at random."""
    random = Random(seed)
    with contextlib.suppress(DivergenceFound):
        for _ in range(cap):
            run = NaiveRun(cluster, recorder, loop)
            for _ in range(STEPS):
                run.take(any_step(run.plan, random), hurry=random.random() < 0.5)
            run.finish()


ENGINES: dict[str, Callable[[Loop, EmbeddedCluster, Recorder, int, int], None]] = {
    "shrinker": shrinker,
    "naive": naive,
}


def search(engine: str, bug: str, seed: int, cap: int) -> Search:
    """One search on its own cluster."""
    if engine == OURS:
        return ours.search(bug, seed, cap, EMBEDDED.name)
    recorder, started = Recorder(), time.perf_counter()
    with Loop() as loop:
        cluster = EmbeddedCluster(len(NODES), (bug,))
        try:
            ENGINES[engine](loop, cluster, recorder, seed, cap)
        finally:
            loop.run(cluster.close())
    seconds = time.perf_counter() - started
    return searched(recorder.runs, engine=engine, bug=bug, seed=seed, cap=cap, seconds=seconds)


def table(searches: Sequence[Search]) -> Table:
    """A row for each bug and engine."""
    heads = ("bug", "by", "found", "sequences", "runs to minimal", "steps to minimal", "minimised")
    rows = Table(*heads, "further runs", "length", "/ shortest", "at most", "seconds")
    shortest = Yardstick.of(searches)
    for bug, engine in dict.fromkeys((one.bug, one.engine) for one in searches):
        some = [one for one in searches if (one.bug, one.engine) == (bug, engine)]
        found = [one for one in some if one.found]
        sequences = statistics.median(one.sequences if one.found else one.cap for one in some)
        cells = [
            _median([one.to_minimal for one in found]),
            _median([one.steps_to_minimal for one in found]),
            _median([one.minimized_length or one.final_length for one in found]),
            _median([one.further for one in found]),
            _median([one.final_length for one in found]),
            _median([one.final_length / shortest.same(one) for one in found if one.final_length]),
            str(max((one.final_length or 0 for one in found), default="-")),
            f"{statistics.median(one.seconds for one in some):.0f}",
        ]
        rows.add_row(bug, engine, f"{len(found)}/{len(some)}", f"{sequences:g}", *cells)
    return rows


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.3g}" if known else "-"


def main(argv: list[str]) -> int:
    """Search, print a table, write JSON after each search."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--bugs", nargs="+", default=list(USUAL))
    parser.add_argument("--cap", type=int, default=200)
    parser.add_argument("--engines", nargs="+", choices=[OURS, *ENGINES], default=[OURS])
    parser.add_argument("--json", type=Path, default=Path("bench/results/search.json"))
    options = parser.parse_args(argv)
    every = [bug.name for bug in bugs.all_bugs()]
    chosen = every if options.bugs == ["all"] else [bugs.get(name).name for name in options.bugs]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    searches: list[Search] = []
    for bug in chosen:
        for engine in options.engines:
            for seed in range(1, options.seeds + 1):
                searches.append(search(engine, bug, seed, options.cap))
                print(f"{bug}, {engine}, seed {seed}", file=sys.stderr, flush=True)
                text = json.dumps([attrs.asdict(one) for one in searches], indent=1)
                options.json.write_text(text + "\n", encoding="utf-8")
    console = Console(width=140, highlight=False)
    console.print(table(searches))
    for line in lengths(searches, Yardstick.of(searches)):
        console.print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
