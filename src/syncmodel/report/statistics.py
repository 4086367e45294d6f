"""How often each theme, kind of step, pair of kinds and situation came in a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.table import Table

from syncmodel.engine.occasions import Occasion
from syncmodel.engine.tally import Situation, Tally
from syncmodel.report.terminal import console

#: Pairs of kinds that are shown: the most frequent ones.
PAIRS = 20
#: Columns of words; what is counted stands to the right.
TEXTS = frozenset({"kind", "first", "then", "situation", "most often", "theme", "occasion"})


def show(tally: Tally, weights: Mapping[str, int]) -> None:
    """Print the tables on stdout. `weights` has every kind of step that may be drawn."""
    out = console()
    tables = (_themes(tally), _kinds(tally, weights), _pairs(tally))
    for table in (*tables, _situations(tally), _occasions(tally)):
        out.print(table)
    out.print(f"Pairs that never came: {', '.join(_never(tally)) or 'none'}.")


def _table(title: str, *columns: str) -> Table:
    """A table with these columns."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        text = column in TEXTS
        table.add_column(column, justify="left" if text else "right")
    return table


def _themes(tally: Tally) -> Table:
    table = _table("Themes of sequences", "theme", "sequences", "share")
    for name, count in tally.themes.most_common():
        table.add_row(name, f"{count:,}", f"{count / max(tally.sequences, 1):.0%}")
    return table


def _kinds(tally: Tally, weights: Mapping[str, int]) -> Table:
    """A burst counts as drawn once, and what is in it as performed."""
    table = _table("Kinds of steps", "kind", "weight", "drawn", "performed", "per sequence")
    for op in sorted({*weights, *tally.drawn, *tally.by_op}, key=lambda op: (-tally.drawn[op], op)):
        performed = tally.by_op[op]
        each = max(performed, tally.drawn[op]) / max(tally.sequences, 1)
        table.add_row(
            op, f"{weights.get(op, 0)}", f"{tally.drawn[op]:,}", f"{performed:,}", f"{each:.2f}"
        )
    return table


def _pairs(tally: Tally) -> Table:
    table = _table("Pairs of kinds, one after the other", "first", "then", "times", "per sequence")
    for (first, then), times in tally.by_pair.most_common(PAIRS):
        table.add_row(first, then, f"{times:,}", f"{times / max(tally.sequences, 1):.2f}")
    return table


def _situations(tally: Tally) -> Table:
    table = _table("Where the plan stood", "situation", "steps taken there", "most often")
    for situation in Situation:
        ops = Counter(
            {op: n for (where, op), n in tally.by_situation.items() if where is situation}
        )
        most = ", ".join(f"{op} {times:,}" for op, times in ops.most_common(3))
        table.add_row(situation.value, f"{ops.total():,}", most)
    return table


def _occasions(tally: Tally) -> Table:
    table = _table("What whole kinds of mistakes need", "occasion", "times", "per sequence")
    for occasion in Occasion:
        times = tally.occasions[occasion]
        table.add_row(occasion.value, f"{times:,}", f"{times / max(tally.sequences, 1):.3f}")
    return table


def _never(tally: Tally) -> Iterator[str]:
    """The pairs that did not come, of the kinds that were performed."""
    for first in sorted(tally.by_op):
        for then in sorted(tally.by_op):
            if not tally.by_pair[first, then]:
                yield f"{first} then {then}"
