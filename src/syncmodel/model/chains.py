"""Whether writes of unknown outcome, one on the other, explain a value down to a known one.

Each increment adds a power of two of its own, so a counter says which of them it has: none is taken
twice, and mostly the first chain that is tried fits. What no known version and no unknown write
explains is seen without a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from syncmodel.model.values import (
    ANY,
    Added,
    Assigned,
    Cell,
    Change,
    Stored,
    Tombstone,
    Value,
    matches,
)

#: How many links are tried. Beyond that the value counts as explained: a miss, no false alarm.
TRIED = 2000


def explained(
    stored: Sequence[Stored], version: int, value: Value, bases: Callable[[int], Iterable[int]]
) -> bool:
    """Whether `version`, the number of one of the `stored`, may have made that value.

    `bases(v)` are the versions that v may rest on.
    """
    known = [one for one in stored if isinstance(one, Value)]
    changes = [one for one in stored if isinstance(one, Change)]
    waiting, seen = [(version, value)], {(version, value)}
    for _ in range(TRIED):
        if not waiting:
            return False
        number, shown = waiting.pop()
        change = stored[number]
        if isinstance(change, Tombstone):
            continue
        if isinstance(change, Value):
            if matches(change.cells, shown.cells):
                return True
            continue
        below = change.under(shown)
        if below is None or not any(_comes_of(one, below, changes) for one in known):
            continue
        fresh = [(base, below) for base in sorted(bases(number)) if (base, below) not in seen]
        seen.update(fresh)
        # Known versions and increments that the value has come first: the last one is taken next.
        waiting += sorted(fresh, key=lambda one: _promise(stored[one[0]], below))
    return True


def _promise(change: Stored, below: Value) -> int:
    if isinstance(change, Value):
        return 2
    return int(isinstance(change, Added) and change.under(below) is not None)


def _comes_of(base: Value, shown: Value, changes: Sequence[Change]) -> bool:
    """Whether these changes might make of the base what shows, column by column."""
    return all(
        cell is ANY or cell == base.get(name) or _is_made(name, base.get(name), cell, changes)
        for name, cell in shown.cells
    )


def _is_made(column: str, base: Cell, shown: Cell, changes: Sequence[Change]) -> bool:
    mine = [change for change in changes if change.column == column]
    if base is ANY or any(isinstance(one, Assigned) and one.value == shown for one in mine):
        return True
    added = sum(one.by for one in mine if isinstance(one, Added))
    if not added or not isinstance(base, int) or not isinstance(shown, int):
        return False
    return base & shown == base and not (shown ^ base) & ~added
