"""`syncmodel replay --step`, `--until`, `--hold`: a saved run, walked through step by step.

Here: where to stop, a plain listing for pipes, and nodes that stay up until Enter. The screen for a
terminal is `walk_screen`; what a walk is, `engine.walk`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from attrs import frozen

from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from syncmodel.engine.drive import Driver
    from syncmodel.engine.history import Verdict
    from syncmodel.engine.walk import Stop, Walk
    from syncmodel.report.terminal import Watch
    from syncmodel.targets.base import Target

#: The library of the screen, which is no more than an extra.
SCREEN = "textual"
#: Of one line of standard input.
LINE_BYTES = 65_536
HELD = "The nodes run on as they are, until Enter (or the end of standard input):"
WITHDRAWN = "The nodes are taken down."


@frozen
class Wanted:
    """How a run is to be walked through; nothing of it: it is performed at once, as ever."""

    step: bool = False
    until: int | None = None
    messages: bool = False
    hold: bool = False

    @property
    def anything(self) -> bool:
        """Whether it is walked through at all."""
        return self.step or self.hold or self.messages or self.until is not None


def arguments(parser: argparse.ArgumentParser) -> None:
    """How to walk through one file."""
    from syncmodel.cli.options import number

    parser.add_argument(
        "--step",
        action="store_true",
        help="step through one file in the terminal, forward and back, with each node's tables and "
        "what it must and may know; a pipe gets a plain listing of every step",
    )
    parser.add_argument(
        "--until",
        metavar="N",
        type=number(0),
        help="perform the steps up to the N-th, show each, and stop there",
    )
    parser.add_argument(
        "--messages",
        action="store_true",
        help="show every message too, where the target can tell (the simulated one can)",
    )
    parser.add_argument(
        "--hold",
        action="store_true",
        help="where that ends, keep the live nodes running and say how to reach each of them, "
        "until Enter",
    )


def wanted(args: argparse.Namespace) -> Wanted:
    """What the options ask for. Raises `UsageError` for what does not go together."""
    found = Wanted(args.step, args.until, args.messages, args.hold)
    if not found.anything:
        return found
    if args.check:
        raise UsageError("--check judges whole runs: leave --step, --until and --hold out.")
    if len(args.files) > 1:
        raise UsageError("One run is walked through at a time: name one file.")
    if found.step and _is_terminal() and not has_screen():
        raise UsageError(
            "--step shows a screen that needs textual, which is not installed: pip install "
            "'syncmodel[terminal]', or pipe it to get a plain listing: --step | less."
        )
    return found


def has_screen() -> bool:
    """Whether the library of the screen is installed."""
    try:
        return find_spec(SCREEN) is not None
    except (ImportError, ValueError):
        return False


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def check(wanted: Wanted, walk: Walk, path: Path) -> None:
    """Raises `UsageError` for a step that there is not, and for what such a target can't do."""
    from syncmodel.targets.inside import Reachable, Traces

    target, steps = walk.target, len(walk.steps)
    name = type(target).__name__
    if wanted.until is not None and wanted.until > steps:
        raise UsageError(f"{path} has {steps} steps: --until takes 0 to {steps}.")
    if wanted.messages and not isinstance(target, Traces):
        raise UsageError(
            f"{name} can't tell its messages (it lacks the ability Traces): leave --messages out, "
            f"or perform the run there: --target simulated."
        )
    if wanted.hold and not isinstance(target, Reachable):
        raise UsageError(
            f"{name} has no nodes that could be reached from outside (it lacks the ability "
            f"Reachable): leave --hold out, or step through the run with --step."
        )


def through(walk: Walk, driver: Driver, wanted: Wanted, watch: Watch, title: str) -> Verdict | None:
    """Walk, show, and hold; how the run ended, None where it did not come so far.

    `watch` shows how a listing goes on until it is there.
    """
    from syncmodel.report.terminal import say

    goal = len(walk.steps) if wanted.until is None else wanted.until
    if wanted.step and _is_terminal():
        _on_screen(walk, driver, 0 if wanted.until is None else wanted.until, title)
        stops = walk.stops[-1:]
    else:
        with watch:
            driver.run(walk.seek(goal))
        stops = walk.stops
    say(_listed(walk, stops, messages=wanted.messages))
    if wanted.hold:
        _hold(walk, driver)
    last = walk.last
    return None if last is None or last.result is None else last.result.verdict


def _on_screen(walk: Walk, driver: Driver, start: int, title: str) -> None:
    """The screen, on the loop that the target's connections are on."""
    from syncmodel.cli.walk_screen import Screen
    from syncmodel.engine.drive import Loop

    screen = Screen(walk, start, title)
    if isinstance(driver, Loop):
        driver.run(screen.shown())
    else:
        with Loop() as loop:
            loop.run(screen.shown())


# --- a plain listing -----------------------------------------------------------------------------


def _listed(walk: Walk, stops: Sequence[Stop], *, messages: bool) -> str:
    from syncmodel.report.stop import plainly, told_stop

    lines = list[str]()
    for stop in stops:
        before = walk.stops[stop.number - 1] if stop.number else None
        lines.append(plainly(told_stop(stop, before, len(walk.steps))))
        if messages:
            lines += ["", *_messages(stop, before)]
        lines.append("")
    lines.append(_ended(walk))
    return "\n".join(lines)


def _messages(stop: Stop, before: Stop | None) -> Iterator[str]:
    from syncmodel.report.stop import plainly, told_moment

    shown, count = {} if before is None else before.views, len(stop.moments)
    for number, moment in enumerate(stop.moments, 1):
        told = plainly(told_moment(moment, shown, number, count, whole=False))
        yield "\n".join(f"    {line}" for line in told.splitlines())
        shown = moment.views


def _ended(walk: Walk) -> str:
    """Where it ended, and whether that is what the file says."""
    last, judgement = walk.last, walk.judgement
    assert last is not None, "it has begun"
    if judgement is None:
        return f"Stopped after step {last.number} of {len(walk.steps)}."
    judged = judgement.value.capitalize()
    tries = f", in run {walk.tries}" if walk.tries > 1 else ""
    return f"{judged}: the file says that it must {walk.expected}{tries}."


# --- nodes that stay -----------------------------------------------------------------------------


def _hold(walk: Walk, driver: Driver) -> None:
    """Keep the nodes until Enter; the loop runs meanwhile, as links of theirs may be on it."""
    from syncmodel.report.terminal import say

    say("\n".join(["", HELD, *reaching(walk.target)]))
    driver.run(until_enter())
    say(WITHDRAWN)


def reaching(target: Target) -> Iterator[str]:
    """How to reach each node, in lines."""
    from syncmodel.targets.inside import Reachable

    ways = target.ways() if isinstance(target, Reachable) else {}
    for node, commands in ways.items():
        yield node
        width = max(len(what) for what, _ in commands)
        yield from (f"  {what:<{width}}  {command}" for what, command in commands)


async def until_enter(number: int = 0) -> None:
    """Until a line comes on standard input, or its end."""
    loop, come = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(number, come.set)
    except PermissionError:
        # A file, or /dev/null: it never waits.
        return
    try:
        while True:
            await come.wait()
            read = os.read(number, LINE_BYTES)
            if not read or b"\n" in read:
                return
            come.clear()
    finally:
        loop.remove_reader(number)
