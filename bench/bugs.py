"""Finding power: for every planted bug and several seeds, who finds it, how soon, and how short.

    python bench/bugs.py [--seeds 10] [--bugs NAME ...] [--cap 400] [--engines ...] [--jobs 1]
    python bench/bugs.py --first-seed 101 ...
    python bench/bugs.py --find-only [--against FILE.json]

All search the same simulated cluster, and the same model judges them; each step of a burst counts.

  ours        our explorer, our minimiser, then the further search (whose runs count apart)
  hypothesis  a plain state machine: uniform rules, bundles, its own shrinker
  fast-check  model-based commands (npm), its own shrinker, over a pipe; see `make peers`
  random      steps at random, nothing shrinks

Each search is written to the JSON as it ends; --resume skips those that are there already
(remove the file after a change of the code). A search that found nothing counts as the cap.

--find-only measures ours alone, up to the first failure: for each bug the median sequences over the
seeds. Those of every seed go to bench/results/found.json. --against compares with the file of an
earlier version: the ratio for each bug, their geometric mean, and the worst.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import repeat
from pathlib import Path

import attrs
from peers import fast_check, naive_hypothesis, ours, plain_random, sooner
from peers.finding import (
    ENGINES,
    FAST_CHECK,
    HYPOTHESIS,
    OURS,
    RANDOM,
    Yardstick,
    findings,
    lengths,
    summary,
    surprises,
    table,
)
from peers.plot import plot
from peers.recorder import Recorder, Search, searched
from rich.console import Console

from syncmodel.reference.node import bugs

#: Engines that report only the runs that they made.
SEARCHES: dict[str, Callable[[str | None, int, int], Recorder]] = {
    HYPOTHESIS: naive_hypothesis.search,
    FAST_CHECK: fast_check.search,
    RANDOM: plain_random.search,
}


@attrs.frozen(order=True)
class Job:
    """One search to run."""

    bug: str
    seed: int
    engine: str
    cap: int


def perform(job: Job) -> Search:
    """Run the search."""
    if job.engine == OURS:
        return ours.search(job.bug, job.seed, job.cap)
    started = time.perf_counter()
    runs = SEARCHES[job.engine](job.bug, job.seed, job.cap).runs
    return searched(runs, **attrs.asdict(job), seconds=time.perf_counter() - started)


def performed(jobs: Sequence[Job], workers: int) -> Iterator[Search]:
    """Each search as it ends."""
    if workers == 1:
        yield from map(perform, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        for future in as_completed([pool.submit(perform, job) for job in jobs]):
            yield future.result()


def soon(bug: str, seeds: range, cap: int) -> list[int | None]:
    """The sequences to the first failure with each seed."""
    return [ours.sequences_to_failure(bug, seed, cap) for seed in seeds]


def find_only(options: argparse.Namespace, console: Console) -> None:
    """Measure ours up to the first failure, print a table and what an earlier version took."""
    before = sooner.read(options.against) if options.against else {}
    counts: dict[str, list[int | None]] = {}
    with ProcessPoolExecutor(options.jobs) as pool:
        took = pool.map(soon, options.bugs, repeat(seeds(options)), repeat(options.cap))
        for bug, each in zip(options.bugs, took, strict=True):
            counts[bug] = each
            print(f"{bug}: {each}", file=sys.stderr, flush=True)
            sooner.write(options.json, counts)
    console.print(sooner.table(counts, before, options.cap))
    for line in sooner.summary(counts, before, options.cap):
        console.print(line)


def seeds(options: argparse.Namespace) -> range:
    """Those of each bug."""
    return range(options.first_seed, options.first_seed + options.seeds)


def job_of(search: Search) -> Job:
    """The job that ran this search."""
    return Job(search.bug, search.seed, search.engine, search.cap)


def wanted(options: argparse.Namespace) -> list[Job]:
    """Every requested search, in order of the bugs."""
    return [
        Job(bug, seed, engine, options.cap)
        for bug in options.bugs
        for seed in seeds(options)
        for engine in options.engines
    ]


def measure(options: argparse.Namespace) -> list[Search]:
    """Run what is missing, take the rest from the file; the file always has all that was run."""
    made: dict[Job, Search] = {}
    if options.resume and options.json.exists():
        made = {job_of(one): one for one in read(options.json)}
    jobs = wanted(options)
    missing = [job for job in jobs if job not in made]
    for number, search in enumerate(performed(missing, options.jobs), 1):
        made[job_of(search)] = search
        write(options.json, [made[job] for job in sorted(made)])
        end = f"{search.final_length} steps" if search.found else "not found"
        print(
            f"[{number}/{len(missing)}] {search.bug}, seed {search.seed}, {search.engine}: {end} "
            f"({search.sequences} sequences, {search.seconds:.1f} s)",
            file=sys.stderr,
        )
    return [made[job] for job in jobs]


def read(file: Path) -> list[Search]:
    """The searches of a file."""
    return [Search(**one) for one in json.loads(file.read_text(encoding="utf-8"))]


def write(file: Path, searches: Sequence[Search]) -> None:
    """All searches, one a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(attrs.asdict(search)) for search in searches)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def arguments(argv: list[str]) -> argparse.Namespace:
    """The options."""
    names = [bug.name for bug in bugs.all_bugs()]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="so many seeds for each")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N", help="and those after")
    parser.add_argument("--bugs", nargs="+", default=names, choices=names, metavar="NAME")
    parser.add_argument("--cap", type=int, default=400, help="sequences of a search")
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--jobs", type=int, default=1, help="searches at the same time")
    parser.add_argument("--json", type=Path, help="the raw data (default: in bench/results)")
    parser.add_argument("--plot", type=Path, default=Path("bench/results/bugs.png"))
    parser.add_argument("--resume", action="store_true", help="go on with what the JSON has")
    parser.add_argument("--find-only", action="store_true", help="ours, to the first failure")
    parser.add_argument("--against", type=Path, metavar="FILE", help="what --find-only had before")
    options = parser.parse_args(argv)
    if options.against and not options.find_only:
        parser.error("--against goes with --find-only")
    usual = "found.json" if options.find_only else "bugs.json"
    options.json = options.json or Path("bench/results") / usual
    return options


def main(argv: list[str]) -> int:
    """Measure, print one table, write JSON and a plot."""
    options = arguments(argv)
    console = Console(width=160, highlight=False)
    if options.find_only:
        find_only(options, console)
        return 0
    if FAST_CHECK in options.engines and not fast_check.installed():
        options.engines = [one for one in options.engines if one != FAST_CHECK]
        console.print("fast-check is not installed and is left out: see `make peers`.")
    searches = measure(options)
    shortest = Yardstick.of(searches)
    found = findings(searches, shortest)
    console.print(table(found, shortest))
    for line in (*summary(found), *lengths(searches, shortest), *surprises(searches)):
        console.print(line)
    console.print(plot(searches, shortest, options.plot) or f"The plot is {options.plot}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
