"""What a person sees of a search: one line that moves on a terminal, plain lines elsewhere.

Progress goes to stderr, results to stdout, so that a pipe gets results only. A reader that goes
away changes neither the search nor its exit code.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Entry, Verdict
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import printable, printable_lines
from syncmodel.report.story import found_story, plural

if TYPE_CHECKING:
    from syncmodel.campaign.campaign import Report
    from syncmodel.campaign.scenes import Looked
    from syncmodel.shrink.minimize import Progress

#: Between two updates of the line on a terminal, and between two lines elsewhere.
REDRAW_S = 0.1
REPEAT_S = 5.0

#: What the progress line shows of a tally, besides sequences, steps and time.
SHORT = {
    Sometimes.PARTITIONS: "partitions",
    Sometimes.CONFLICTS: "conflicts",
    Sometimes.RESYNCS: "resyncs",
    Sometimes.ROLLBACKS: "rollbacks",
}

#: These also while there were none: a system may have no resyncs, and no rollbacks.
ALWAYS_SHOWN = (Sometimes.PARTITIONS, Sometimes.CONFLICTS)


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
    """Shows how a search goes on: an observer, and a listener to the minimiser."""

    def __init__(self, tally: Tally, out: Console | None = None) -> None:
        """`tally` is only read here; another observer counts."""
        self._tally = tally
        self._out = out or console(stderr=True)
        self._started_s = self._shown_s = time.monotonic()
        self._minimizing = False
        self._live = Live(console=self._out, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._out.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def announce(self, text: str) -> None:
        """A line that stays, above the one that moves."""
        self._out.print(printable_lines(text))

    def __call__(self, entry: Entry) -> None:
        """Another entry of the history."""
        self.look()

    def look(self) -> None:
        """Time to look at the tally."""
        if self._due():
            self._show(progress_line(self._tally, time.monotonic() - self._started_s))

    def minimizing(self, progress: Progress) -> None:
        """The minimiser made progress; announce at once that there is something to shrink."""
        first, self._minimizing = not self._minimizing, True
        if first or self._due():
            how = "looking further on the simulator" if progress.further else "shortening it"
            self._show(
                f"found a failure, {how}: {plural(progress.length, 'step')} left "
                f"after {plural(progress.executions, 'run')}"
            )

    def _due(self) -> bool:
        now_s = time.monotonic()
        due = now_s - self._shown_s >= (REDRAW_S if self._out.is_terminal else REPEAT_S)
        self._shown_s = now_s if due else self._shown_s
        return due

    def _show(self, line: str) -> None:
        if self._out.is_terminal:
            text = Text(printable(line), no_wrap=True, overflow="ellipsis")
            self._live.update(text, refresh=True)
        else:
            self._out.print(printable(line))


def progress_line(tally: Tally, seconds: float) -> str:
    """How far a search is, on one line."""
    seen = ", ".join(
        f"{name} {tally.seen[what]:,}"
        for what, name in SHORT.items()
        if tally.seen[what] or what in ALWAYS_SHOWN
    )
    return f"sequences {tally.sequences:,}, steps {tally.steps:,}; {seen}; {_duration(seconds)}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


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
    yield f"{_verdict(report)} {_amount(tally)} in {_duration(seconds)}, seed {settings.seed}."
    seen = [f"{what.value} {tally.seen[what]:,}" for what in Sometimes if tally.seen[what]]
    if seen:
        yield f"Seen: {', '.join(seen)}."
    if report.looked is not None:
        yield _looked(report.looked)
    ops = None if settings.scope is None else settings.scope.ops
    never = [what.value for what in tally.never(ops, waits=waits)]
    if never and tally.rests:
        yield f"Never happened, so nothing is said of it: {', '.join(never)}."
    if settings.lacking:
        parts = (f"{', '.join(ops)} ({name})" for name, ops in settings.lacking.items())
        yield f"Never drawn, as the target lacks the ability: {'; '.join(parts)}."
    if report.findings.out_of_time:
        yield (
            f"The time was over ({_duration(settings.max_time_s or 0)}): "
            f"{plural(tally.sequences, 'sequence')} of {settings.sequences:,} had begun."
        )
    yield from _doubts("unknown (no rest, or no answer, in time)", report.findings.unknown)
    yield from _doubts("invalid (the tester could not do its part)", report.findings.invalid)
    for file in report.doubtful:
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
    elif report.interrupted or report.halted:
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
