"""`syncmodel minimize`: shorten a failing run that was recorded or saved."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from syncmodel.cli.options import (
    BUG,
    CORPUS,
    MACHINE,
    TARGET,
    invariants_of,
    known_bugs,
    number,
    target_of,
)
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncmodel.campaign.triage import Origin
    from syncmodel.engine.history import Ended
    from syncmodel.engine.pool import Stage
    from syncmodel.engine.run import Result
    from syncmodel.model.guarantees import Guarantees
    from syncmodel.model.net import Net
    from syncmodel.steps.base import Step

NAME = "minimize"
HELP = "shorten a failing run, from a record (--record) or a saved file"
EXAMPLES = """\
  syncmodel explore --no-minimize --record run.jsonl --bug tie-by-arrival
  syncmodel minimize run.jsonl --bug tie-by-arrival   its first run that failed
  syncmodel minimize run.jsonl --run 17               another one of it
  syncmodel minimize found/a-file.json                with the bug that the file names planted

Ctrl-C ends it; the shortest so far is saved.
"""

#: A run that fails only sometimes is given so many chances to fail at all.
TRIES = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and on what it is performed."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a record, or a saved run")
    parser.add_argument(
        "--run",
        dest="number",
        metavar="N",
        type=number(1),
        help="which run of the record (default: the first that failed)",
    )
    add_options(parser, (TARGET, BUG, CORPUS, MACHINE))


def run(args: argparse.Namespace) -> int:
    """See it fail, shorten it, save it."""
    from syncmodel.campaign.campaign import INTERRUPTED_CODE
    from syncmodel.campaign.triage import Origin, Work
    from syncmodel.engine.pool import Stage
    from syncmodel.engine.tally import Tally
    from syncmodel.report.story import found_story
    from syncmodel.report.terminal import Watch, say

    invariants, kind = invariants_of(args.machine), target_of(args.target, args.machine)
    net, steps, guarantees, named, network = _read(args.file, args.number)
    bugs = known_bugs(args.bug) or known_bugs(list(named))
    facts = {"machine": args.machine} if args.machine else {}
    origin = Origin(args.corpus, kind.name, bugs, guarantees, facts, network, invariants)
    with Stage(kind) as stage:
        failed = _seen_to_fail(stage, net, steps, origin)
        if isinstance(failed, str):
            say(failed)
            return 0
        result, ended, network = failed
        origin = evolve(origin, network=network)
        work = Work(stage, origin, net, result, ended)
        code = 1
        try:
            with Watch(Tally()) as watch:
                work.minimize(watch.minimizing)
        except KeyboardInterrupt:
            code = INTERRUPTED_CODE
        say(found_story(work.saved()))
    return code


def _read(
    path: Path, wanted: int | None
) -> tuple[Net, Sequence[Step], Guarantees, Sequence[str], int | None]:
    """The run that a file has, the bugs that it was found with, and its simulated network.

    Raises `UsageError` if there is none such, `FormatError` if the file is malformed.
    """
    from syncmodel.corpus import load
    from syncmodel.model.guarantees import Guarantees
    from syncmodel.report.jsonl import is_record, read_failing_runs

    if not is_record(path):
        reproduction = load(path)
        bugs = () if reproduction.bug is None else (reproduction.bug,)
        run = reproduction
        return run.net, run.steps, run.guarantees, bugs, run.network
    runs = read_failing_runs(path)
    chosen = [run for run in runs if wanted in (None, run.number)]
    if not chosen:
        numbers = ", ".join(str(run.number) for run in runs)
        which = f"the runs that failed are: {numbers}" if runs else "no run of it failed"
        raise UsageError(f"There is nothing to shorten in {path}: {which}.")
    facts = chosen[0].facts
    network = facts.get("seed") if facts.get("target") == "simulated" else None
    return chosen[0].net, chosen[0].steps, Guarantees(), tuple(facts.get("bugs", ())), network


def _seen_to_fail(
    stage: Stage, net: Net, steps: Sequence[Step], origin: Origin
) -> tuple[Result, Ended, int | None] | str:
    """A failing run of the steps, its end and its network; or a sentence if none fails any more."""
    from syncmodel.engine import run as engine
    from syncmodel.engine.history import Ended, Entry, Verdict
    from syncmodel.errors import InvalidRunError
    from syncmodel.targets.base import SEEDS, Networked

    ended: list[Ended] = []

    def keep(entry: Entry) -> None:
        if isinstance(entry, Ended):
            ended.append(entry)

    target = stage.target(len(net.nodes), origin.bugs)
    networks: Sequence[int | None] = (origin.network,) * TRIES
    if isinstance(target, Networked):
        networks = tuple(dict.fromkeys((origin.network, *SEEDS)))
    for network in networks:
        if isinstance(target, Networked):
            target.on_network(network)
        once = engine.run(target, net, steps, origin.guarantees, keep, invariants=origin.invariants)
        result = stage.driver.run(once)
        if result.verdict is Verdict.DIVERGED:
            return result, ended[-1], network
        if result.verdict is Verdict.INVALID:
            raise InvalidRunError(result.reason)
    return f"The run did not fail in {len(networks)} runs: there is nothing to shorten."
