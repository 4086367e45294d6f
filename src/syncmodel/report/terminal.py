"""What a person sees of a search: one line that moves on a terminal, plain lines elsewhere.

Progress goes to stderr, results to stdout, so that a pipe gets results only. A reader that goes
away changes neither the search nor its exit code.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Entry, Observer, Taken, Verdict
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import printable, printable_lines
from syncmodel.report.progress import doing_line, duration, progress_line, shortening_line
from syncmodel.report.story import found_story, plural

if TYPE_CHECKING:
    from syncmodel.campaign.campaign import Report
    from syncmodel.campaign.scenes import Looked
    from syncmodel.shrink.minimize import Progress

#: Between two updates of the line on a terminal, and between two lines elsewhere.
REDRAW_S = 0.1
REPEAT_S = 5.0

#: As long after the last line without any news it is told that it still goes on.
STILL_S = 1.0
EXPLORING = "exploring"


class Unbreakable(Console):
    """A console that falls silent when its reader is gone."""

    def on_broken_pipe(self) -> None:
        """Keep quiet from now on; the search goes on."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(*, stderr: bool = False) -> Console:
    """The console for results, or (`stderr`) for progress. It prints texts just as they are."""
    return Unbreakable(stderr=stderr, soft_wrap=True, markup=False, highlight=False, emoji=False)


class Watch:
    """Shows how a search goes on: an observer, and a listener to the minimiser.

    Where nothing is heard for a while, the line comes again with the time that went by since.
    """

    def __init__(
        self,
        tally: Tally,
        out: Console | None = None,
        *,
        goal: int = 0,
        limit_s: float | None = None,
        repeat_s: float = REPEAT_S,
    ) -> None:
        """`tally` is only read here; another observer counts.

        `goal` and `limit_s` are the sequences and the seconds that the search has; `repeat_s` is
        between two lines where nobody watches.
        """
        self._tally, self._goal, self._limit_s = tally, goal, limit_s
        self._out = out or console(stderr=True)
        self._repeat_s = repeat_s
        self._between_s = REDRAW_S if self._out.is_terminal else repeat_s
        self._started_s = self._shown_s = self._heard_s = self._phase_s = time.monotonic()
        self._phase, self._began, self._minimizing = "", 0.0, False
        self._line: Callable[[float, float], str] | None = None
        self._live = Live(console=self._out, auto_refresh=False, transient=True)
        # The lines are this thread's and the one's that says that it still goes on.
        self._showing, self._over = Lock(), Event()
        self._still = Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Self:
        if self._out.is_terminal:
            self._live.start()
        self._still.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._still.join()
        self._live.stop()

    def announce(self, text: str) -> None:
        """A line that stays, above the one that moves."""
        with self._showing:
            self._out.print(printable_lines(text))

    def __call__(self, entry: Entry) -> None:
        """Another entry of the history."""
        self.look()

    def look(self) -> None:
        """Time to look at the tally. Called for every entry, so mostly nothing is done."""
        now_s = self._heard_s = time.monotonic()
        if self._phase != EXPLORING or now_s - self._shown_s >= self._between_s:
            self._hear(EXPLORING, self._explored)

    def minimizing(self, progress: Progress) -> None:
        """The minimiser made progress; announce at once that there is something to shrink."""
        first, self._minimizing = not self._minimizing, True
        phase, line = f"{progress.further} {progress.doing}", partial(shortening_line, progress)
        self._hear(phase, line, progress.share, at_once=first)

    def doing(self, what: str, share: float = 0.0) -> None:
        """Something else goes on, of which this share is done."""
        self._hear(what, partial(doing_line, what, share), share)

    def performing(self, what: str, steps: int) -> Observer:
        """An observer of runs of so many steps, of which nothing else tells how they go on."""

        def see(entry: Entry) -> None:
            if isinstance(entry, Taken):
                place = f"step {entry.index} of {steps}"
                self.doing(f"performing {what}: {place}", entry.index / max(1, steps))

        self.doing(f"performing {what}")
        return see

    def _explored(self, _seconds: float, _began: float) -> str:
        seconds = time.monotonic() - self._started_s
        return progress_line(self._tally, seconds, self._goal, self._limit_s)

    def _hear(
        self,
        phase: str,
        line: Callable[[float, float], str],
        share: float = 0.0,
        *,
        at_once: bool = False,
    ) -> None:
        """What goes on; the same `phase`, up to a colon, is the same work with more of it done."""
        now_s = self._heard_s = time.monotonic()
        if (name := phase.partition(":")[0]) != self._phase:
            self._phase, self._phase_s, self._began = name, now_s, share
        self._line = line
        if at_once or now_s - self._shown_s >= self._between_s:
            self._show(now_s)

    def _go_on(self) -> None:
        """Say now and then that it still goes on, while nothing is heard."""
        between_s = STILL_S if self._out.is_terminal else self._repeat_s
        while not self._over.wait(between_s):
            now_s = time.monotonic()
            if self._line is not None and now_s - self._shown_s >= between_s:
                try:
                    self._show(now_s)
                except (OSError, ValueError):
                    # The stream is full or closed: the search meets that itself, if it matters.
                    return

    def _show(self, now_s: float) -> None:
        with self._showing:
            if self._line is None or self._over.is_set():
                return
            self._shown_s, line = now_s, self._line(now_s - self._phase_s, self._began)
            silent_s = now_s - self._heard_s
            if silent_s >= self._repeat_s:
                line = f"{line} (nothing new for {duration(silent_s)})"
            if self._out.is_terminal:
                text = Text(printable(line), no_wrap=True, overflow="ellipsis")
                self._live.update(text, refresh=True)
            else:
                self._out.print(printable(line))


# --- the end -----------------------------------------------------------------------------------


def summary(report: Report, seconds: float, settings: Settings, *, waits: bool = True) -> str:
    """The result of a search in a few sentences.

    `waits`: the target does real input and output, so that a request can time out.
    """
    return "\n".join(_summary(report, seconds, settings, waits))


def _summary(report: Report, seconds: float, settings: Settings, waits: bool) -> Iterator[str]:
    tally = report.tally
    if report.found is not None:
        yield found_story(report.found)
        yield ""
    yield f"{_verdict(report)} {_amount(tally)} in {duration(seconds)}, seed {settings.seed}."
    seen = [f"{what.value} {tally.seen[what]:,}" for what in Sometimes if tally.seen[what]]
    if seen:
        yield f"Seen: {', '.join(seen)}."
    if report.looked is not None:
        yield _looked(report.looked)
    ops = None if settings.scope is None else settings.scope.ops
    never = [what.value for what in tally.never(ops, waits=waits)]
    if never and tally.rests:
        yield f"Never came up in this search, so untested: {', '.join(never)}."
    if settings.lacking:
        parts = (f"{', '.join(ops)} ({name})" for name, ops in settings.lacking.items())
        yield f"Never drawn, as the target lacks the ability: {'; '.join(parts)}."
    if report.findings.out_of_time:
        yield (
            f"The time was over ({duration(settings.max_time_s or 0)}): "
            f"{plural(tally.sequences, 'sequence')} of {settings.sequences:,} had begun."
        )
    yield from _doubts("unknown (no rest, or no answer, in time)", report.findings.unknown)
    yield from _doubts("invalid (the tester could not do its part)", report.findings.invalid)
    for file in (one.file for one in report.doubtful):
        yield f"Saved as {file}, to be performed again with `syncmodel replay`."
    yield from map(printable, report.unsaved)


def _looked(looked: Looked) -> str:
    many = plural(looked.situations, "situation")
    if looked.failing is not None:
        return (
            f"It was found in a small scene on the simulator ({looked.about}) after {many}, not by "
            f"a sequence."
        )
    some = "" if looked.whole == looked.scenes else f"{looked.whole} of them to their ends, "
    return f"{plural(looked.scenes, 'small scene')} on the simulator: {some}{many}, nothing wrong."


def _verdict(report: Report) -> str:
    if report.found is not None:
        end = "Divergence found"
    elif report.interrupted or (report.halted and report.tally.rests):
        end = "No divergence so far"
    elif not report.tally.sequences:
        end = "Nothing was tried"
    elif not report.tally.verdicts[Verdict.PASS]:
        end = "No verdict"
    else:
        end = "No divergence"
    return f"{end}{', interrupted' if report.interrupted else ''}:"


def _amount(tally: Tally) -> str:
    counted = {"sequence": tally.sequences, "step": tally.steps, "comparison": tally.rests}
    return ", ".join(plural(count, what) for what, count in counted.items())


def _doubts(what: str, reasons: list[str]) -> Iterator[str]:
    if reasons:
        first = printable(reasons[0])
        yield f"Of these, {len(reasons)} {what}, which is no pass. The first: {first}"


def say(text: str) -> None:
    """A result, on stdout."""
    console().print(printable_lines(text))


def remark(text: str) -> None:
    """What is no result, on stderr."""
    console(stderr=True).print(printable_lines(text))


def complain(text: str) -> None:
    """An error on stderr."""
    console(stderr=True).print(printable_lines(f"syncmodel: {text}"))
