"""The searches as a picture: a point for each seed. Says so if matplotlib is missing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from peers.finding import ENGINES, RANDOM, Yardstick
from peers.recorder import Search

COLOURS = dict(zip(ENGINES, ("#1b6ca8", "#d1495b", "#edae49", "#8d99ae"), strict=True))

#: Room for the titles and the legend.
MARGIN_INCHES = 1.7


def plot(searches: Sequence[Search], shortest: Yardstick, file: Path) -> str | None:
    """Write the picture; return a sentence if that fails."""
    try:
        import_module("matplotlib").use("Agg")
        pyplot: Any = import_module("matplotlib.pyplot")
    except ImportError:
        return "There is no plot: matplotlib is missing. Install it and run again with --resume."
    bugs = sorted({search.bug for search in searches})
    height = MARGIN_INCHES + 0.5 * len(bugs)
    figure, axes = pyplot.subplots(1, 3, sharey=True, figsize=(15, height))
    titles = ("sequences to first failure", "runs from there to minimal", "final / shortest length")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title)
        axis.grid(axis="x", alpha=0.3)
    for search in searches:
        row = bugs.index(search.bug) + 0.2 * (ENGINES.index(search.engine) - 1.5)
        points = (_sequences(search), _runs(search), _ratio(search, shortest))
        for axis, value in zip(axes, points, strict=True):
            if value is not None:
                look = {"facecolors": COLOURS[search.engine] if search.found else "none"}
                axis.scatter(value, row, s=18, edgecolors=COLOURS[search.engine], **look)
    axes[0].set_xscale("log")
    axes[1].set_xscale("symlog")
    axes[1].set_xlim(-0.2, 1.5 * max((_runs(search) or 0 for search in searches), default=0) + 1)
    axes[0].set_yticks(range(len(bugs)), bugs)
    axes[0].set_ylim(len(bugs) - 0.4, -0.6)
    present = [engine for engine in ENGINES if any(s.engine == engine for s in searches)]
    marks = [pyplot.Line2D([], [], marker="o", ls="", color=COLOURS[one]) for one in present]
    figure.legend(marks, present, loc="lower center", ncols=len(present))
    figure.suptitle("A point is a seed; hollow: nothing found up to the cap", fontsize=10)
    figure.tight_layout(rect=(0, 0.5 / height, 1, 1 - 0.3 / height))
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)
    return None


def _sequences(search: Search) -> float:
    return search.sequences if search.found else search.cap


def _runs(search: Search) -> float | None:
    return None if search.engine == RANDOM else search.to_minimal


def _ratio(search: Search, shortest: Yardstick) -> float | None:
    return None if search.final_length is None else search.final_length / shortest.same(search)
