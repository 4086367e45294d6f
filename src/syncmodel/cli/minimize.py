"""`syncmodel minimize`: shorten a failing run that was recorded or saved."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from syncmodel.cli.files import kinds, loaded_from
from syncmodel.cli.options import (
    BUG,
    CORPUS,
    INVENTORY,
    MACHINE,
    NO_REPORT,
    REPLAYED_ON,
    REPORT,
    asked_kind,
    check_inventory,
    check_pages,
    invariants_of,
    known_bugs,
    number,
)
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncmodel.engine.counterexample import Counterexample
    from syncmodel.engine.invariant import Invariant
    from syncmodel.engine.pool import Pool
    from syncmodel.engine.script import Script
    from syncmodel.model.guarantees import Guarantees
    from syncmodel.targets.registry import TargetKind

NAME = "minimize"
HELP = "shorten a failing run, from a record (--record) or a saved file"
EXAMPLES = """\
  syncmodel explore --no-minimize --record run.jsonl --bug tie-by-arrival
  syncmodel minimize run.jsonl --bug tie-by-arrival   its first run that failed
  syncmodel minimize run.jsonl --run 17               another one of it
  syncmodel minimize found/a-file.json                with the bug that the file names planted

The shortest so far is always on disk: Ctrl-C ends it, and prints that one.

exit codes: 1 it fails and was shortened, 0 it did not fail again, 2 usage, 3 nothing can be said
(the run is invalid), 130 Ctrl-C or a signal
"""

#: How many chances a run that fails only sometimes has to fail at all.
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
    add_options(parser, (REPLAYED_ON, INVENTORY, BUG, CORPUS, REPORT, NO_REPORT, MACHINE))


def run(args: argparse.Namespace) -> int:
    """See it fail, shorten it, save it."""
    from syncmodel.campaign.campaign import halted_by
    from syncmodel.campaign.keeping import Origin
    from syncmodel.campaign.triage import Triage
    from syncmodel.corpus import check_folder
    from syncmodel.engine.pool import Pool
    from syncmodel.engine.tally import Tally
    from syncmodel.interrupts import INTERRUPTED_CODE
    from syncmodel.report.page.writing import found_page
    from syncmodel.report.story import found_story
    from syncmodel.report.terminal import Watch, complain, say

    check_pages(args.report, none=args.no_report)
    check_folder(args.corpus)
    invariants = invariants_of(args.machine)
    check_inventory(args.inventory, args.target, args.bug)
    asked = _read(args.file, args.number, asked_kind(args.target, args.machine, args.inventory))
    bugs = known_bugs(args.bug, args.target)
    if not bugs and args.inventory is None:
        bugs = known_bugs(list(asked.bugs), asked.kind.name)
    facts = {"machine": args.machine} if args.machine else {}
    with Pool(asked.kind) as pool:
        found = _seen_to_fail(pool, evolve(asked, bugs=bugs), invariants)
        if isinstance(found, str):
            say(found)
            return 0
        origin, gathers = Origin(args.corpus, facts), not args.no_report
        triage = Triage(pool, origin, found, invariants, gathers=gathers)
        code = 1
        try:
            with Watch(Tally()) as watch:
                triage.minimize(watch.minimizing)
        except KeyboardInterrupt:
            code = INTERRUPTED_CODE
        except Exception as error:  # noqa: BLE001 (the best so far is saved and told)
            complain(str(halted_by(error)))
        finding = triage.save()
        say(found_story(finding))
        pages = "" if args.no_report else found_page(finding, args.report)
        if pages:
            say(pages)
    return code


@frozen
class _Asked:
    """The run that a file has, the bugs that it was found with, and its simulated network."""

    kind: TargetKind
    script: Script
    guarantees: Guarantees
    bugs: tuple[str, ...] = ()
    network: int | None = None


def _read(path: Path, wanted: int | None, asked: TargetKind | None) -> _Asked:
    """Raises `UsageError` if there is none, `FormatError` if the file is malformed."""
    from syncmodel.engine.script import Script
    from syncmodel.report.jsonl import is_record, read_failing_runs

    if not is_record(path):
        kind, run = loaded_from(path, asked, NAME)
        bugs = () if run.bug is None else (run.bug,)
        return _Asked(kind, Script(run.net, run.steps), run.guarantees, bugs, run.network)
    kind_of = kinds(path, asked, NAME)
    runs = read_failing_runs(path, kind_of)
    chosen = [run for run in runs if wanted in (None, run.number)]
    if not chosen:
        numbers = ", ".join(str(run.number) for run in runs)
        which = f"the runs that failed are: {numbers}" if runs else "no run of it failed"
        raise UsageError(f"There is nothing to shorten in {path}: {which}.")
    one = chosen[0]
    on = kind_of(one.system.name)
    assert on is not None, "else there is no run"
    network = one.facts.get("seed") if on.twin == on.name else None
    bugs = tuple(one.facts.get("bugs", ()))
    return _Asked(on, Script(one.net, one.steps), one.system.guarantees, bugs, network)


def _seen_to_fail(
    pool: Pool, asked: _Asked, invariants: Sequence[Invariant]
) -> Counterexample | str:
    """The run, seen to fail; or a sentence if it no longer fails."""
    from syncmodel.engine.counterexample import Counterexample
    from syncmodel.engine.history import Verdict
    from syncmodel.engine.run import run as perform
    from syncmodel.errors import InvalidRunError
    from syncmodel.targets.base import SEEDS, Networked

    net, steps = asked.script.net, asked.script.steps
    target = pool.target(len(net.nodes), asked.bugs)
    networks: Sequence[int | None] = (asked.network,) * TRIES
    if isinstance(target, Networked):
        networks = tuple(dict.fromkeys((asked.network, *SEEDS)))
    for network in networks:
        if isinstance(target, Networked):
            target.on_network(network)
        once = perform(target, net, steps, asked.guarantees, invariants=invariants)
        result = pool.driver.run(once)
        if result.verdict is Verdict.DIVERGED:
            return Counterexample.of(
                net, result, bugs=asked.bugs, guarantees=asked.guarantees, network=network
            )
        if result.verdict is Verdict.INVALID:
            raise InvalidRunError(result.reason)
    return f"The run did not fail in {len(networks)} runs: there is nothing to shorten."
