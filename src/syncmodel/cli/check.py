"""`syncmodel check`: every run within bounds, instead of many at random."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from syncmodel.cli.options import BUG, CORPUS, given, known_bugs, number
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError
from syncmodel.safe_path import SafeChildren, started

if TYPE_CHECKING:
    from syncmodel.checker import Bounds, Progress
    from syncmodel.exhaustive.limits import Limits
    from syncmodel.exhaustive.scene import Scene
    from syncmodel.exhaustive.searches import Search
    from syncmodel.model.schema import Schema
    from syncmodel.targets.registry import TargetKind

NAME = "check"
HELP = "search exhaustively: the model itself, or a target against it"
EXAMPLES = """\
  syncmodel check                                        two nodes, two writes, every sequence
  syncmodel check --cuts 1 --crashes 1 --burst 2         with faults, and steps without a rest
  syncmodel check --rows cases=2,events=1 --writes 3     on more rows than one of the first table
  syncmodel check --grain messages --nodes 3 --cuts 1 --ops create,partition,heal
                                                         every interleaving of messages
  syncmodel check --grain model --timeouts 1 --burst 2   the model, with a correct system under it
  syncmodel check --bug tombstone-lost-on-resync --rollbacks 1
                                                         the shortest run that finds it
  syncmodel check --target my_store:Store --cuts 1 --max-depth 4
                                                         a target of your own, run by run
  syncmodel check --cuts any --cover kind --corpus found
                                                         runs that take every kind of step
  syncmodel check --dot states.dot                       the state graph, for Graphviz
  syncmodel check --scenes all --jobs 2                  the table of docs/checking.md

exit codes: 0 holds, 1 violated, 3 unknown (a bound was hit), unreached, or not the pinned count
"""

SIMULATED = "simulated"
#: The numbers that bound a search, with their least value, their default and what they count.
NUMBERS = {
    "nodes": (1, 2, "nodes"),
    "writes": (0, 2, "writes"),
    "cuts": (0, 0, "cuts and partitions; mending is free"),
    "crashes": (0, 0, "crashes; restarting what is down is free"),
    "restarts": (0, 0, "restarts of nodes that run"),
    "rollbacks": (0, 0, "rollbacks, which lose the log; rolling out again is free"),
    "rollouts": (0, 0, "rollouts to a newer plugin"),
    "faulty": (0, 0, "deployments that fail or are interrupted"),
    "resyncs": (0, 0, "resyncs"),
    "reads": (0, 0, "reads, of a row or a table"),
    "timeouts": (0, 0, "writes of unknown outcome; model only"),
    "pauses": (0, 0, "nodes that stand still; letting them go on is free"),
    "clocks": (0, 0, "jumps of nodes' clocks"),
    "hangs": (0, 0, "links that hang; mending is free"),
    "takeouts": (0, 0, "plugins that are disabled or uninstalled"),
    "reboots": (0, 0, "machines that boot, or select what they will boot"),
    "leaves": (0, 0, "nodes that leave the cluster; coming back is free"),
    "distrusts": (0, 0, "authors that a node trusts no more; trusting again is free"),
    "backups": (0, 0, "disks that are copied"),
    "restores": (0, 0, "disks that are put back"),
    "misuses": (0, 0, "admin requests that must be refused"),
    "purges": (0, 0, "purges of deletes (with a burst of 1)"),
    "spoils": (0, 0, "stores that are damaged at rest"),
    "burst": (1, 1, "steps without a rest between them"),
}
#: Between two lines of progress.
REPEAT_S = 1.0
BOUNDS = {
    "max-states": (1_000_000, "states"),
    "max-depth": (None, "actions from the beginning"),
    "max-seconds": (None, "seconds"),
    "max-memory-mib": (None, "MiB of the whole process"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to search, how far, and where the results go."""
    parser.add_argument(
        "--grain",
        choices=("model", "steps", "messages"),
        default="steps",
        help="the model itself; the target, every sequence of steps (the default); or every "
        "interleaving of messages",
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        type=given(),
        default=SIMULATED,
        help="what is searched: simulated (the reference node's cores; the default), or any other "
        "target, run by run from the beginning; one of your own is named module:Class",
    )
    parser.add_argument(
        "--rows",
        metavar="TABLE=N,...",
        type=_rows,
        default={},
        help="how many rows of each table (default: one of the first, none of the others)",
    )
    for name, (least, usual, what) in NUMBERS.items():
        told = f"{what} (default: {usual})"
        if name != "nodes":
            told = f"at most so many {what} (default: {usual}; any: no bound, as far as it ends)"
        parser.add_argument(f"--{name}", metavar="N", type=_or_any(least), default=usual, help=told)
    parser.add_argument("--together", action="store_true", help="steps at the same time (model)")
    parser.add_argument("--ops", metavar="KINDS", help="only these kinds of steps: a comma list")
    parser.add_argument(
        "--property",
        metavar="WORDS",
        action="append",
        default=[],
        help="only the properties with these words in their names; may be given several times",
    )
    parser.add_argument("--no-symmetry", action="store_true", help="tell the nodes apart")
    for name, (most, what) in BOUNDS.items():
        told = f"stop after so many {what} (default: {most or 'no bound'})"
        parser.add_argument(f"--{name}", metavar="N", type=number(1), default=most, help=told)
    parser.add_argument("--dot", metavar="FILE", type=Path, help="draw the state graph (Graphviz)")
    parser.add_argument("--graphml", metavar="FILE", type=Path, help="the state graph as GraphML")
    parser.add_argument(
        "--cover",
        choices=("kind", "edge"),
        help="save runs that together take every kind of transition between steps, or every one",
    )
    parser.add_argument(
        "--scenes",
        metavar="NAMES",
        help="the searches of docs/checking.md instead: a comma list, or `all`",
    )
    parser.add_argument(
        "--jobs", metavar="N", type=number(1), default=1, help="scenes at the same time"
    )
    add_options(parser, (BUG, CORPUS))


def _or_any(least: int) -> Callable[[str], int]:
    """A whole number of at least this, or `any` for no bound."""
    whole = number(least)

    def parse(text: str) -> int:
        from syncmodel.exhaustive.limits import UNLIMITED

        return UNLIMITED if text == "any" else whole(text)

    return parse


def _rows(text: str) -> dict[str, int]:
    """Rows of each table, as `users=2,carts=1`."""
    whole, found = number(0), dict[str, int]()
    for part in text.split(","):
        table, equals, count = part.partition("=")
        if not equals:
            raise argparse.ArgumentTypeError(
                f"{part!r} is not a valid TABLE=N, such as users=2,carts=1"
            )
        found[table.strip()] = whole(count)
    return found


def run(args: argparse.Namespace) -> int:
    """Search, and print the verdict."""
    if args.scenes is not None:
        return _scenes(args)
    from syncmodel.corpus import check_folder
    from syncmodel.targets import registry

    check_folder(args.corpus)
    kind = registry.get(args.target)
    limits, black_box = _limits(args, kind.schema), kind.name != SIMULATED
    if black_box and (args.cover or args.grain == "messages"):
        raise UsageError(
            f"Messages, and walks that cover, need the reference's cores, and {kind.name} is a "
            f"black box: search it at the grain of steps, or leave --target out."
        )
    if args.cover:
        return _cover(limits, args.cover, args.corpus)
    if black_box and args.grain == "steps":
        return _replay(args, kind, limits)
    from syncmodel.exhaustive.searches import Grain, search

    bugs = known_bugs(args.bug)
    found = search(
        Grain(args.grain),
        limits,
        bugs,
        guarantees=kind.guarantees,
        symmetric=not args.no_symmetry,
        wanted=args.property,
    )
    return _run(args, found, limits, bugs)


def _replay(args: argparse.Namespace, kind: TargetKind, limits: Limits) -> int:
    """Search a black box by performing its runs."""
    from syncmodel.engine.pool import Pool
    from syncmodel.exhaustive.searches import replaying

    bugs = tuple(args.bug or ())
    with Pool(kind) as pool:
        found = replaying(pool, limits, _bounds(args), bugs, wanted=args.property)
        return _run(args, found, limits, bugs)


def _run(args: argparse.Namespace, found: Search, limits: Limits, bugs: tuple[str, ...]) -> int:
    if args.dot or args.graphml:
        return _draw(found, _bounds(args), args.dot, args.graphml)
    return _search(found, limits, _bounds(args), bugs, args.corpus)


def _limits(args: argparse.Namespace, schema: Schema) -> Limits:
    from syncmodel.exhaustive.limits import Limits

    given: dict[str, Any] = {name: getattr(args, name) for name in NUMBERS}
    if args.ops is not None:
        given["ops"] = frozenset(name.strip() for name in args.ops.split(","))
    return Limits(schema=schema, rows=args.rows, together=args.together, **given)


def _bounds(args: argparse.Namespace) -> Bounds:
    from syncmodel.checker import Bounds

    return Bounds(
        **{name.replace("-", "_"): getattr(args, name.replace("-", "_")) for name in BOUNDS}
    )


def _search(
    found: Search, limits: Limits, bounds: Bounds, bugs: tuple[str, ...], corpus: Path
) -> int:
    from syncmodel.checker import Violated
    from syncmodel.exhaustive.replayed import Replayed, covered
    from syncmodel.report.terminal import say

    say(f"Searching: {limits}.")
    started_s = time.monotonic()
    verdict = found.run(bounds, _progress())
    took_s = time.monotonic() - started_s
    rate = verdict.statistics.states / took_s if took_s else 0.0
    say(f"{verdict}\n{took_s:.1f} s, {rate:.0f} states a second")
    decided = True
    if isinstance(found.system, Replayed):
        say(covered(found.system, verdict))
        decided = not found.system.undecided
    if isinstance(verdict, Violated):
        say(_told(found, verdict, bugs, corpus))
        return 1
    return 0 if verdict.outcome == "holds" and decided else 3


def _told(found: Search, verdict: Any, bugs: tuple[str, ...], corpus: Path) -> str:
    """The path in words, and where it was saved."""
    from syncmodel.corpus import save
    from syncmodel.exhaustive.counterexamples import counterexample, counterexample_of
    from syncmodel.exhaustive.replayed import Replayed
    from syncmodel.exhaustive.searches import label
    from syncmodel.report.again import again

    lines = [f"  {n}. {action}" for n, action in enumerate(verdict.path.actions, 1)]
    lines += ["", label(verdict.path.end)]
    if isinstance(found.system, Replayed):
        saved, where = counterexample_of(found.system, verdict), "once more there"
    else:
        saved, where = counterexample(verdict, bugs), "in a simulated cluster"
    if saved is not None:
        seen = "the same" if saved.confirmed.failed else "nothing: the order decides"
        file = save(corpus, saved)
        lines += ["", f"Saved as {file}; {where}: {seen}.", f"See it again: {again(saved, file)}"]
    return "\n".join(lines)


def _progress() -> Callable[[Progress], None]:
    shown_s = 0.0

    def show(now: Progress) -> None:
        nonlocal shown_s
        if now.seconds < shown_s + REPEAT_S:
            return
        shown_s = now.seconds
        end = "\r" if sys.stderr.isatty() else "\n"
        rate = now.states / now.seconds if now.seconds else 0.0
        sys.stderr.write(
            f"{now.states} states, depth {now.depth} with {now.waiting} to go, "
            f"{now.seconds:.0f} s, {rate:.0f} states a second{end}"
        )
        sys.stderr.flush()

    return show


def _draw(found: Search, bounds: Bounds, dot: Path | None, graphml: Path | None) -> int:
    from syncmodel.checker import graph, to_dot, to_graphml
    from syncmodel.exhaustive.searches import label
    from syncmodel.report.terminal import say

    for path in (dot, graphml):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"There is no folder {path.parent} for {path.name}: make it first.")
    drawn = graph(found.system, bounds)
    for path, text in ((dot, to_dot), (graphml, to_graphml)):
        if path is not None:
            path.write_text(text(drawn, state_label=label), encoding="utf-8")
            counts = f"{drawn.number_of_nodes()} states, {drawn.number_of_edges()} transitions"
            say(f"{path}: {counts}")
    return 0


def _cover(limits: Limits, by: Literal["kind", "edge"], corpus: Path) -> int:
    """Save the runs of a suite that the folder does not have yet."""
    from syncmodel.corpus import load_all, save
    from syncmodel.engine.script import length
    from syncmodel.exhaustive.suites import suite
    from syncmodel.report.terminal import say
    from syncmodel.targets.registry import registered

    known = load_all(corpus, registered) if corpus.is_dir() else ()
    there = {(one.nodes, one.steps) for _, one in known}
    runs = suite(limits, by)
    new = [one for one in runs if (one.nodes, one.steps) not in there]
    for one in new:
        save(corpus, one)
    steps = sum(length(one.steps) for one in runs)
    say(f"{len(runs)} runs of {steps} steps, {len(new)} of them new in {corpus}")
    return 0


# --- scenes --------------------------------------------------------------------------------------


def _scenes(args: argparse.Namespace) -> int:
    """Run several searches, each in its own process, and check each count."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from syncmodel.exhaustive.scenes import SCENES
    from syncmodel.report.terminal import say

    chosen = SCENES if args.scenes == "all" else tuple(map(_named, args.scenes.split(",")))
    bounds = _bounds(args)
    fine = True
    started_s = time.monotonic()
    with SafeChildren(), ProcessPoolExecutor(args.jobs, get_context("spawn"), started) as pool:
        for came, line in pool.map(_scene, chosen, [bounds] * len(chosen)):
            say(line)
            fine = fine and came
    say(f"{len(chosen)} scenes in {time.monotonic() - started_s:.0f} s")
    return 0 if fine else 3


def _named(name: str) -> Scene:
    from syncmodel.exhaustive.scenes import SCENES, scene

    found = scene(name.strip())
    if found is None:
        known = ", ".join(one.name for one in SCENES)
        raise UsageError(f"There is no scene {name!r}; there are: {known}.")
    return found


def _scene(one: Scene, bounds: Bounds) -> tuple[bool, str]:
    """Whether the scene holds with its own counts, and a line that says so. Runs in a child."""
    from syncmodel.exhaustive.searches import search

    started_s = time.monotonic()
    verdict = search(one.grain, one.limits).run(bounds)
    counts = (verdict.statistics.states, verdict.statistics.transitions)
    as_pinned = verdict.outcome == "holds" and counts == (one.states, one.transitions)
    pinned = "" if as_pinned else f"; pinned are {one.states} states, {one.transitions} transitions"
    took_s = time.monotonic() - started_s
    return as_pinned, f"{one.name}: {verdict}{pinned}; {took_s:.1f} s"
