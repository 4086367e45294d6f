"""`syncmodel explore`: search for divergences at random."""

from __future__ import annotations

import argparse
import time

from syncmodel.cli.options import SEED, SHARED, Wanted
from syncmodel.cli.parsing import add_options

NAME = "explore"
HELP = "search for divergences: random sequences of steps on live nodes"
EXAMPLES = """\
  syncmodel explore                                    three local nodes, 40 sequences
  syncmodel explore --nodes 5 --sequences 500          longer, on five
  syncmodel explore --seed 7 --record run.jsonl        the same sequences every time, written down
  syncmodel explore --faults network,sync              no crashes, no rollouts
  syncmodel explore --bug tie-by-arrival               nodes with a bug: it is found and shortened
  syncmodel explore --target simulated --sequences 5000
                                                       the nodes' cores in memory: much faster
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The shared options, and a seed."""
    add_options(parser, (*SHARED, SEED))


def run(args: argparse.Namespace) -> int:
    """Search, and print what came of it."""
    wanted = Wanted.of(lambda name: getattr(args, name), args.seed)
    from contextlib import ExitStack

    from syncmodel.campaign.campaign import Campaign
    from syncmodel.engine.history import all_of
    from syncmodel.engine.pool import Stage
    from syncmodel.report.jsonl import Recorder
    from syncmodel.report.terminal import Watch, complain, say, summary

    started_s = time.monotonic()
    settings = wanted.settings()
    with ExitStack() as closing:
        stage = closing.enter_context(Stage(wanted.target))
        campaign = Campaign(
            stage, settings, wanted.corpus, bugs=wanted.bugs, minimize=wanted.minimize
        )
        recorder = wanted.record and closing.enter_context(Recorder(wanted.record, wanted.facts()))
        with Watch(campaign.report.tally) as watch:
            campaign.minimizing = watch.minimizing
            campaign.observe = all_of(watch, recorder) if recorder else watch
            watch.announce(
                f"Exploring {wanted.nodes} nodes ({stage.kind.title}): {wanted.sequences} "
                f"sequences of up to {wanted.steps} steps. Ctrl-C ends it and keeps what was found."
            )
            report = campaign.run()
        say(summary(report, time.monotonic() - started_s, settings))
    if report.halted is not None:
        complain(str(report.halted))
    return report.exit_code
