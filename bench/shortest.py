"""Proves the shortest failing run of every planted bug, and stores the lengths next to the bugs.

    python bench/shortest.py --bug checkpoint-kept      one bug
    python bench/shortest.py --store                    all (a quarter of an hour), and store

For each way in which a bug's nodes fail (the name of the divergence, and the kind of row) the
shortest run is looked for, by searches that see every run up to some length. A shorter one that is
in the corpus or was stored before (of a random network, say) counts as well. Which lengths were
found by which search is written to bench/results/shortest.json; docs/checking.md tells how far that
is a proof.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

from syncmodel.corpus import load_all
from syncmodel.engine.script import length
from syncmodel.exhaustive.limits import Limits, of_families
from syncmodel.exhaustive.shortest import (
    FILE,
    beginnings,
    known_lengths_by_key,
    shortest_of_each,
)
from syncmodel.exhaustive.shortest import (
    anything as limits_of_anything,
)
from syncmodel.model.divergence import Key
from syncmodel.reference.node.bugs import all_bugs, get
from syncmodel.shrink.sharpen import DATA, LIFECYCLE
from syncmodel.targets.registry import registered

ROOT = Path(__file__).parent.parent
STORED = ROOT / "src" / "syncmodel" / "reference" / "node" / "bugs" / FILE
RESULTS = ROOT / "bench" / "results" / "shortest.json"


@frozen
class Pass:
    """One search: its limits, from how many kinds of nets, with how many coins, how deep.

    `partly`: messages may come between the steps of a burst.
    """

    name: str
    limits: Limits
    depth: int
    nets: slice = slice(0, 1)
    coins: int = 1
    partly: bool = False


def passes(
    deepest: int, *, reads: bool = False, faulty: bool = False, members: bool = False
) -> Iterator[Pass]:
    """From cheap to expensive; `deepest` is for two nodes with one case.

    `reads`: with them. `faulty`: with deployments that meet a fault. `members`: with changes of
    members and of trust.
    """
    anything = partial(limits_of_anything, reads=reads, faulty=faulty, members=members)
    every = slice(0, None)
    yield Pass("1 node", anything(1), 5)
    yield Pass("1 node, other ties", anything(1), 4, coins=2)
    yield Pass("1 node, mixed", anything(1), 4, slice(1, 3))
    yield Pass("2 nodes, other ties", anything(2), 2, coins=2)
    yield Pass("2 nodes, partly", anything(2), 2, partly=True)
    yield Pass("2 nodes", anything(2), 3, every)
    yield Pass("3 nodes", anything(3), 2, every)
    yield Pass("3 nodes, partly", anything(3), 1, partly=True)
    yield Pass("3 nodes, one case", evolve(anything(3), rows={"cases": 1}), 3)
    few = {"cases": 1, "events": 1}
    stops = evolve(anything(2), rows=few, ops=of_families(DATA, LIFECYCLE))
    yield Pass("2 nodes, one case, stops, partly", stops, 3, partly=True)
    yield Pass("2 nodes, one case", evolve(anything(2), rows=few), deepest)


@frozen
class Known:
    """The shortest run of one kind that is known, and the search that found it."""

    length: int
    by: str
    steps: tuple[str, ...] = ()


def prove(bug: str, deepest: int, names: Sequence[str]) -> dict[Key, Known]:
    """What the searches found for each way to fail; only those of these names, if given."""
    best: dict[Key, Known] = {}
    family = get(bug).family
    asked = {
        "reads": family == "sessions",
        "faulty": family == "deployments",
        "members": family in ("membership", "trust"),
    }
    for one in passes(deepest, **asked):
        if names and one.name not in names:
            continue
        nets = beginnings(one.limits.nodes)[one.nets]
        found = shortest_of_each(
            [bug], one.limits, one.depth, nets=nets, coins=one.coins, partly=one.partly
        )
        for key, run in found.items():
            if key not in best or run.length < best[key].length:
                best[key] = Known(run.length, one.name, tuple(map(str, run.steps)))
    return best


def seen(bug: str, best: dict[Key, Known]) -> dict[Key, Known]:
    """The same with what is shorter in the corpus, or was stored before."""
    lengths = known_lengths_by_key().get(bug, {})
    for path, file in load_all(ROOT / "corpus", registered):
        if file.bug == bug and file.expected.divergence is not None:
            key, count = file.expected.divergence, length(file.steps)
            lengths[key] = min(count, lengths.get(key, count))
            if lengths[key] == count and (key not in best or count < best[key].length):
                best = {**best, key: Known(count, f"corpus: {path.name}")}
    for key, count in lengths.items():
        if key not in best or count < best[key].length:
            best = {**best, key: Known(count, "stored before")}
    return best


def main() -> None:
    """Prove, print, and store if asked to."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--bug", action="append", help="only this one")
    parser.add_argument("--deepest", type=int, default=4, help="steps, on two nodes (4)")
    names = [one.name for one in passes(0)]
    parser.add_argument(
        "--pass", dest="names", action="append", choices=names, default=[], help="only this search"
    )
    parser.add_argument("--jobs", type=int, default=1, help="bugs at the same time")
    parser.add_argument("--store", action="store_true", help=f"write {STORED.name}")
    args = parser.parse_args()
    chosen = args.bug or [bug.name for bug in all_bugs()]
    stored: dict[str, dict[str, int]] = json.loads(STORED.read_text(encoding="utf-8"))
    results: dict[str, dict[str, dict[str, Any]]] = {}
    with ProcessPoolExecutor(args.jobs) as pool:
        found = pool.map(prove, chosen, repeat(args.deepest), repeat(args.names))
        for bug, best in zip(chosen, found, strict=True):
            known = seen(bug, best)
            named = {" ".join(key).strip(): known[key] for key in sorted(known)}
            print(bug, {name: (one.length, one.by) for name, one in named.items()}, flush=True)
            stored[bug] = {name: one.length for name, one in named.items()}
            results[bug] = {name: asdict(one) for name, one in named.items()}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if args.store:
        STORED.write_text(json.dumps(dict(sorted(stored.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
