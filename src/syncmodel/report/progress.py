"""Where a search stands, on one line: what is going on, how far it is, how much may be left.

Not here: when such a line is shown (`terminal.Watch`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.report.story import plural

if TYPE_CHECKING:
    from syncmodel.shrink.minimize import Progress

#: What the progress line shows of a tally, besides sequences, steps and time.
SHORT = {
    Sometimes.PARTITIONS: "partitions",
    Sometimes.CONFLICTS: "conflicts",
    Sometimes.RESYNCS: "resyncs",
    Sometimes.ROLLBACKS: "rollbacks",
}

#: These also while there were none: a system may have no resyncs, and no rollbacks.
ALWAYS_SHOWN = (Sometimes.PARTITIONS, Sometimes.CONFLICTS)
#: Nothing is foretold before so much of the time and of the work.
FORETOLD_S, FORETOLD_SHARE = 2.0, 0.02
#: Of all, and of what goes on now and has a bound.
LEFT, MORE = "; about {} left", "; at most {} more of this"


def progress_line(tally: Tally, seconds: float, goal: int = 0, limit_s: float | None = None) -> str:
    """How far a search is that has begun so long ago.

    `goal`: so many sequences are to be tried; `limit_s`: but no new one begins later than that.
    """
    seen = ", ".join(
        f"{name} {tally.seen[what]:,}"
        for what, name in SHORT.items()
        if tally.seen[what] or what in ALWAYS_SHOWN
    )
    of = f" of {goal:,}" if goal else ""
    share = tally.sequences / goal if goal else 0.0
    if limit_s:
        share = max(share, seconds / limit_s)
    return (
        f"sequences {tally.sequences:,}{of}, steps {tally.steps:,}; {seen}; {duration(seconds)}"
        f"{left(seconds, share)}"
    )


def shortening_line(progress: Progress, seconds: float, began: float = 0.0) -> str:
    """How far the minimiser is, in a phase that began so long ago with so much of it done."""
    doing = progress.doing or ("looking further on the simulator" if progress.further else "")
    return (
        f"found a failure, {doing or 'shortening it'}: {plural(progress.length, 'step')} left "
        f"after {plural(progress.executions, 'run')}"
        f"{left(seconds, progress.share, MORE, began)}"
    )


def doing_line(doing: str, share: float, seconds: float, began: float = 0.0) -> str:
    """What else takes its time."""
    return f"{doing}; {duration(seconds)}{left(seconds, share, MORE, began)}"


def left(seconds: float, share: float, words: str = LEFT, began: float = 0.0) -> str:
    """How long it goes on, where it took so long from `began` to this share of it.

    Nothing if that is no basis.
    """
    done = share - began
    if seconds < FORETOLD_S or done < FORETOLD_SHARE or share >= 1.0:
        return ""
    return words.format(duration(seconds * (1.0 - share) / done))


def duration(seconds: float) -> str:
    """A time in words."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"
