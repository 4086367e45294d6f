"""`syncmodel explore`: search for divergences at random."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.options import JOBS, MACHINE, SEED, SEQUENCES, SHARED, wanted
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.campaign.campaign import Report
    from syncmodel.engine.findings import Settings
    from syncmodel.engine.pool import Pool
    from syncmodel.machine.wanted import Wanted
    from syncmodel.report.page.course import Course

NAME = "explore"
HELP = "search for divergences: random sequences of steps on live nodes"
EXAMPLES = """\
  syncmodel explore                                    three local nodes, 40 sequences
  syncmodel explore --nodes 5 --sequences 500 --jobs 2 longer, on five, by two processes
  syncmodel explore --seed 7 --record run.jsonl        the same sequences every time, written down
  syncmodel explore --sequences 100000 --max-time 600  for ten minutes
  syncmodel explore --faults network,sync              no crashes, no rollouts
  syncmodel explore --bug tie-by-arrival               nodes with a bug: it is found and shortened
  syncmodel explore --statistics                       how often each kind of step came
  syncmodel explore --machine test_mine:MyMachine      with rules and invariants of yours
  syncmodel explore --inventory hosts.toml             on hosts of yours, over SSH
  syncmodel explore --target simulated --sequences 5000
                                                       the nodes' cores in memory: much faster
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The shared options, a seed, the number of jobs, the machine, and the statistics."""
    add_options(parser, (*SHARED, SEED, JOBS, MACHINE))
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="print how often each kind of step, pair of kinds and situation came",
    )


def run(args: argparse.Namespace) -> int:
    """Search, and print the outcome."""
    asked = wanted(lambda name: getattr(args, name), args.seed, SEQUENCES)
    _begin_workers(args.jobs)
    from syncmodel.campaign.campaign import Campaign, halted_by
    from syncmodel.engine.history import all_of
    from syncmodel.engine.pool import Pool
    from syncmodel.machine.deck import own_invariants, weights_of
    from syncmodel.machine.jobs import Jobs
    from syncmodel.machine.loading import OURS, facts_of, load
    from syncmodel.machine.search import searching
    from syncmodel.report.jsonl import Recorder
    from syncmodel.report.page.course import Course
    from syncmodel.report.statistics import show
    from syncmodel.report.terminal import Watch, complain, say, summary

    _check(asked, args.jobs)
    started_s = time.monotonic()
    name, folder = args.machine or OURS, Path.cwd() if args.machine else None
    machine = load(name, folder)
    settings, jobs = asked.settings(machine), args.jobs
    if jobs > 1 and not settings.ours:
        raise UsageError("Hypothesis' own backend learns from run to run: leave --jobs out.")
    shared = Jobs(name, folder, asked, jobs)
    report: Report | None = None
    try:
        with ExitStack() as closing:
            pool = closing.enter_context(Pool(asked.kind(machine)))
            campaign = Campaign(
                pool,
                settings,
                asked.corpus,
                shared if jobs > 1 else searching(machine),
                bugs=asked.bugs,
                minimize=asked.minimize,
                invariants=own_invariants(machine),
                facts=facts_of(machine),
                scenes=asked.scenes,
                gathers=asked.pages,
            )
            facts = asked.facts(settings, pool.kind)
            recorder = asked.record and closing.enter_context(Recorder(asked.record, facts))
            goal, limit_s = settings.sequences, settings.max_time_s
            course = Course(campaign.report.tally)
            with Watch(campaign.report.tally, goal=goal, limit_s=limit_s) as watch:
                campaign.minimizing, shared.watch = watch.minimizing, watch.look
                campaign.looking = watch.doing
                campaign.observe = all_of(watch, recorder) if recorder else watch
                if asked.report:
                    campaign.observe = all_of(campaign.observe, course)
                    shared.watch = _both(watch.look, course.look)
                campaign.beginning = partial(watch.announce, _announcement(settings, pool, jobs))
                report = campaign.run()
            took_s = time.monotonic() - started_s
            if not report.nothing_ran:
                say(summary(report, took_s, settings, waits=pool.kind.waits))
            _say_where(report, settings, asked, course, waits=pool.kind.waits)
            if args.statistics and not report.nothing_ran:
                show(report.tally, weights_of(machine, settings))
    except Exception as error:
        # In telling, or in closing the nodes: what was found is saved by then.
        if report is None or report.found is None:
            raise
        complain(f"{halted_by(error)} What was found is in {report.found.file or asked.corpus}.")
    return _code_of(report)


def _begin_workers(jobs: int) -> None:
    """They import what they need while this process does: it takes a second."""
    if jobs > 1:
        from syncmodel.machine.workers import prepare

        prepare()


def _check(asked: Wanted, jobs: int) -> None:
    """Raises `UsageError` for folders that can't be written to, and for what does not fit."""
    from syncmodel.corpus import check_folder
    from syncmodel.report.page.searched import check_report

    check_folder(asked.corpus)
    check_report(asked.report, asked.corpus)
    if asked.inventory is not None and jobs > 1:
        raise UsageError("An inventory is one cluster, which one process uses: leave --jobs out.")


def _code_of(report: Report) -> int:
    """The exit code; raises what halted the search, unless it says less than what was found."""
    from syncmodel.report.terminal import complain

    if report.halted is not None:
        if report.exit_code == report.halted.exit_code:
            raise report.halted
        complain(str(report.halted))
    return report.exit_code


def _say_where(
    report: Report, settings: Settings, asked: Wanted, course: Course, *, waits: bool
) -> None:
    """Write the pages that were asked for, and say where they are."""
    from syncmodel.report.page.searched import searched
    from syncmodel.report.terminal import say

    if asked.pages and (told := searched(report, settings, asked.report, course, waits=waits)):
        say(told)


def _both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    def do() -> None:
        one()
        other()

    return do


def _announcement(settings: Settings, pool: Pool, jobs: int) -> str:
    from syncmodel.report.story import plural

    by = f" by {jobs} processes" if jobs > 1 else ""
    return (
        f"Exploring {settings.nodes} nodes ({pool.kind.title}): "
        f"{plural(settings.sequences, 'sequence')} of {plural(settings.steps, 'step')}{by}. "
        f"Ctrl-C ends it and keeps what was found."
    )
