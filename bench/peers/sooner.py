"""How soon we find each bug, compared with an earlier version: sequences to the first failure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table

#: By bug, the sequences that each seed took; None: it found nothing.
Counts = Mapping[str, Sequence[int | None]]


def read(file: Path) -> Counts:
    """What an earlier version took, as `write` left it."""
    counts: Counts = json.loads(file.read_text(encoding="utf-8"))
    return counts


def write(file: Path, counts: Counts) -> None:
    """One bug a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(bug)}: {json.dumps(took)}" for bug, took in counts.items())
    file.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def median(took: Sequence[int | None], cap: int) -> float:
    """The median; a search that found nothing counts as the cap."""
    return statistics.median(cap if one is None else one for one in took)


def ratios(counts: Counts, before: Counts, cap: int) -> dict[str, float]:
    """Our median by the earlier one's, for every bug that both have searched for."""
    return {
        bug: median(took, cap) / median(before[bug], cap)
        for bug, took in counts.items()
        if bug in before
    }


def table(counts: Counts, before: Counts, cap: int) -> Table:
    """A row for each bug."""
    shown = Table("bug", "found", "median", "before", "ratio")
    found = ratios(counts, before, cap)
    for bug, took in counts.items():
        known = sum(one is not None for one in took)
        cells = [f"{known}/{len(took)}", f"{median(took, cap):g}"]
        if bug in found:
            cells += [f"{median(before[bug], cap):g}", f"{found[bug]:.2f}"]
        shown.add_row(bug, *cells)
    return shown


def summary(counts: Counts, before: Counts, cap: int) -> Iterator[str]:
    """The geometric mean of the ratios, and the worst of them."""
    found = ratios(counts, before, cap)
    if not found:
        return
    worst = max(found, key=found.__getitem__)
    mean = statistics.geometric_mean(found.values())
    yield f"now / before, geometric mean over {len(found)} bugs: {mean:.2f}"
    yield f"worst: {found[worst]:.2f}, {worst}"
