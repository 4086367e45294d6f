"""One run on many fresh rows at once: how often it fails, from a single run. Pure.

Every write is taken for each copy in turn, with a rest after each as in the original; what is done
to the network is done once, to all of them. Only writes and the network: a crash, a resync or a
rollout would hit all copies in one moment, of which each would be an unlike witness, and an
invariant may count rows.
"""

from __future__ import annotations

from attrs import frozen

from syncmodel.engine.rename import Found, Names, renamed_steps
from syncmodel.engine.run import Result
from syncmodel.engine.script import Script, leaves, length, repaired
from syncmodel.model.columns import AMOUNTS, Column
from syncmodel.model.divergence import Divergence, Key, Kind
from syncmodel.model.values import Row, Scalar
from syncmodel.steps.base import Step
from syncmodel.steps.data import Data
from syncmodel.steps.network import Links

#: So many steps has a run of copies at most: each takes a rest.
STEPS = 60
#: With fewer copies a run is no cheaper than so many of the original.
FEWEST = 4
#: A longer id or text than this is not made longer still.
LONGEST = 200


@frozen
class Copies:
    """A script for all copies. `rows[i]` are those of copy i; `turns` says of each step whose it
    is (None: everyone's)."""

    script: Script
    rows: tuple[frozenset[Row], ...]
    turns: tuple[int | None, ...]

    def failed(self, result: Result, key: Key) -> tuple[int, int]:
        """In how many copies this run failed like that, and of how many that says anything.

        A run ends where the first fails: nothing is said of those whose turn was yet to come.
        """
        if not result.steps:
            return 0, 0
        alike = [one for one in result.divergences if one.key == key]
        if result.divergences and not alike:
            return 0, 0
        count = len(self.rows)
        if not result.divergences:
            return 0, count if len(result.steps) == len(self.script.steps) else 0
        failed = sum(any(_is_of(one, rows) for one in alike) for rows in self.rows)
        copy = self.turns[len(result.steps) - 1]
        return failed, count if copy is None else max(failed, copy + 1)


def copies(script: Script, key: Key, most: int) -> Copies | None:
    """The script on up to `most` times as many rows; None where that would prove nothing."""
    if key[0] == Kind.INVARIANT.value or not key[1] or not all(map(_is_copied, script.steps)):
        return None
    found = Found.of(script)
    count = min(most, STEPS // max(1, length(script.steps)))
    if found.amounts:
        count = min(count, len(AMOUNTS) // len(found.amounts))
    if count < FEWEST or not found.rows or _is_long(found):
        return None
    apart, used = list[Names](), _Used(found)
    for number in range(1, count + 1):
        apart.append(used.another(number))
    steps, turns = list[Step](), list[int | None]()
    schema = script.net.schema
    for step in script.steps:
        if isinstance(step, Links):
            steps.append(step)
            turns.append(None)
            continue
        for copy, names in enumerate(apart):
            steps += renamed_steps((step,), names, schema)
            turns.append(copy)
    many = Script(script.net, tuple(steps))
    if repaired(many) != many:
        return None
    rows = (frozenset(Row(old.table, new) for old, new in one.rows.items()) for one in apart)
    return Copies(many, tuple(rows), tuple(turns))


def _is_copied(step: Step) -> bool:
    return isinstance(step, Links) or all(isinstance(leaf, Data) for _, leaf in leaves((step,)))


def _is_of(divergence: Divergence, rows: frozenset[Row]) -> bool:
    return divergence.row is not None and divergence.row.whole in rows


def _is_long(found: Found) -> bool:
    texts = (*(row.name for row in found.rows), *map(str, found.tokens))
    return any(len(text) > LONGEST for text in texts)


class _Used:
    """The names that are taken, of the original and of the copies so far."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._rows = set(found.rows)
        self._tokens: set[Scalar] = set(found.tokens)
        self._amounts: set[Scalar] = set()

    def another(self, number: int) -> Names:
        """Names of another copy, which look like the old ones."""
        rows = {row: self._row(row, number) for row in self._found.rows}
        tokens = {
            token: self._token(token, column, number)
            for token, column in self._found.tokens.items()
            if column is not None
        }
        free = iter([by for by in AMOUNTS if by not in self._amounts])
        amounts = {old: next(free) for old in self._found.amounts}
        self._amounts.update(amounts.values())
        return Names(rows=rows, tokens=tokens, amounts=amounts)

    def _row(self, row: Row, number: int) -> str:
        name = f"{row.name}.{number}"
        while Row(row.table, name) in self._rows:
            name += "'"
        self._rows.add(Row(row.table, name))
        return name

    def _token(self, old: Scalar, column: Column, number: int) -> Scalar:
        new: Scalar = f"{old}.{number}" if isinstance(old, str) else column.fresh(self._tokens)
        if not column.is_fresh(new, self._tokens):
            new = column.fresh(self._tokens)
        self._tokens.add(new)
        return new
