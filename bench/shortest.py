"""Proves the shortest failing run of every planted bug, and stores the lengths beside the bugs.

    python bench/shortest.py --bug checkpoint-kept      one bug
    python bench/shortest.py --store                    all (about an hour of one core), and store

Goes through searches from cheap to dear, each for what is still shorter than what was found.
A length that no search reached is that of the shortest run in the corpus; which lengths are proved
how far is printed, written to bench/results/shortest.json, and told in docs/checking.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, frozen

from syncmodel.corpus import load_all
from syncmodel.engine.exhaustive.limits import Limits
from syncmodel.engine.exhaustive.shortest import (
    FILE,
    NoneShorter,
    Shortest,
    anything,
    beginnings,
    shortest,
)
from syncmodel.engine.script import length
from syncmodel.node.bugs import all_bugs

ROOT = Path(__file__).parent.parent
STORED = ROOT / "src" / "syncmodel" / "node" / "bugs" / FILE
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


def passes(deepest: int) -> Iterator[Pass]:
    """From cheap to dear; `deepest` is for two nodes."""
    yield Pass("1 node", anything(1), 4, coins=2)
    yield Pass("1 node, mixed", anything(1), 3, slice(1, 3))
    yield Pass("2 nodes", anything(2), 2, coins=2)
    yield Pass("2 nodes, partly", anything(2), 2, partly=True)
    yield Pass("2 nodes, mixed", anything(2), 2, slice(1, 3))
    yield Pass("3 nodes", anything(3), 2)
    yield Pass("3 nodes, partly", anything(3), 1, partly=True)
    yield Pass("2 nodes", anything(2), 3)
    yield Pass("1 node", anything(1), 5)
    yield Pass("2 nodes, one case", evolve(anything(2), cases=1), deepest)


def prove(bug: str, known: int, deepest: int) -> tuple[int, Shortest | None, dict[str, int]]:
    """(length, the run that has it if a search found one, up to where none is, by pass)."""
    best, run, excluded = known, None, dict[str, int]()
    for one in passes(deepest):
        depth = min(one.depth, best - 1)
        if depth <= excluded.get(one.name, 0):
            continue
        nets = beginnings(one.limits.nodes)[one.nets]
        found = shortest(bug, one.limits, depth, nets=nets, coins=one.coins, partly=one.partly)
        if isinstance(found, NoneShorter):
            excluded[one.name] = depth
        else:
            best, run, excluded[one.name] = found.length, found, found.length - 1
    return best, run, {name: min(depth, best - 1) for name, depth in excluded.items()}


def main() -> None:
    """Prove, print, and store if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bug", action="append", help="only this one")
    parser.add_argument("--deepest", type=int, default=4, help="steps, on two nodes (4)")
    parser.add_argument("--store", action="store_true", help=f"write {STORED.name}")
    args = parser.parse_args()
    saved = [one for _, one in load_all(ROOT / "corpus") if one.bug]
    lengths = json.loads(STORED.read_text()) if STORED.exists() else {}
    proofs = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for bug in all_bugs():
        if args.bug and bug.name not in args.bug:
            continue
        known = min((length(one.steps) for one in saved if one.bug == bug.name), default=10)
        best, run, excluded = prove(bug.name, known, args.deepest)
        steps = [str(step) for step in run.steps] if run else []
        print(
            f"{bug.name}: {best}; none shorter: {excluded}; {steps or 'in the corpus'}", flush=True
        )
        lengths[bug.name] = best
        proofs[bug.name] = {"length": best, "none_up_to": excluded, "steps": steps}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(dict(sorted(proofs.items())), indent=2) + "\n")
    if args.store:
        STORED.write_text(json.dumps(dict(sorted(lengths.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
