"""Many rows at once: what only shows in a long log, or in a table of many rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import ClassVar, Self

from attrs import field, frozen

from syncmodel.model.columns import REQUIRED, Column, Ref
from syncmodel.model.outcome import Outcome, compound
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Scalar, Write
from syncmodel.steps.base import Call, Step, Target
from syncmodel.steps.data import Create, Given, names_of
from syncmodel.steps.mistakes import within
from syncmodel.steps.scope import Scope

#: How many rows a fill makes at most. The first of each begins with the next thousand, so that
#: fills never meet each other nor the few rows that all other steps are about.
MOST = 1000
#: Beyond any number of a row of a run.
LAST = 1_000_000
#: So many requests are under way at the same time: a client has not more connections than that.
AT_ONCE = 8


@frozen
class Fill(Step):
    """`rows` rows of a table are created, numbered from `first` on, in no promised order.

    Each is judged as a create of its own. A row's name and its texts follow from its number;
    `refs` are the rows that each of them names, in the order of the table's references.
    """

    op: ClassVar[str] = "fill"
    node: str
    table: str
    first: int
    rows: int
    refs: tuple[str, ...] = field(default=())

    @classmethod
    def family(cls) -> str:
        """It is nothing but writes."""
        return Create.family()

    def creates(self, schema: Schema) -> tuple[Create, ...]:
        """The creates that it stands for."""
        return _creates(self, schema)

    def keys(self, schema: Schema) -> frozenset[Row]:
        """The rows that it makes."""
        return _keys(self, schema)

    def calls(self, schema: Schema, outcome: Outcome) -> list[Call]:
        return list(zip(_writes(self, schema), outcome.parts, strict=True))

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        for table in plan.net.schema.tables if scope.fills else ():
            first = _free(table, plan) if _can_fill(table) else LAST
            for node in plan.net.writers if first < LAST else ():
                shown = plan.drawn(node)
                named = [
                    names_of(shown, ref.table) if ref.binds else scope.names(ref.table)
                    for ref in table.refs
                ]
                for rows, refs in product(scope.fills, product(*named)):
                    yield cls(node, table.name, first, rows, refs)

    def mistake(self) -> str | None:
        return within("rows", self.rows, 1, MOST) or within("first", self.first, 1, LAST)

    def enabled(self, plan: Plan) -> bool:
        """The node takes writes, shows what the rows name, and nothing of this was written yet."""
        if not plan.net.writes(self.node) or not self.fits(plan):
            return False
        return plan.may_show(self.node).issuperset(_needs(self, plan.net.schema))

    def fits(self, plan: Plan) -> bool:
        """Whether table and columns are there, and no other write uses its rows or values."""
        schema = plan.net.schema
        table = schema.by_name.get(self.table)
        if table is None or not _can_fill(table) or self.mistake() is not None:
            return False
        if len(self.refs) != len(table.refs):
            return False
        new = self.keys(schema).isdisjoint(plan.rows)
        return new and _tokens(self, schema).isdisjoint(plan.tokens) and _are_shown(self, schema)

    def mark(self, plan: Plan) -> Plan:
        schema = plan.net.schema
        keys, ends = self.keys(schema), {self.first, self.first + self.rows - 1}
        between = keys - {_row(schema, self.table, number) for number in ends}
        return plan.filled(
            self.node, keys, between=between, tokens=_tokens(self, schema), refs=self.refs
        )

    async def perform(self, target: Target) -> Outcome:
        """Send the requests, some at the same time."""
        writes, outcomes = _writes(self, target.schema), list[Outcome]()
        for start in range(0, len(writes), AT_ONCE):
            some = [target.write(self.node, one) for one in writes[start : start + AT_ONCE]]
            outcomes += await target.together(some)
        return compound(tuple(outcomes))

    def __str__(self) -> str:
        last = self.first + self.rows - 1
        numbers = f"number {last}" if self.rows == 1 else f"numbers {self.first} to {last}"
        named = f" that name {', '.join(self.refs)}" if self.refs else ""
        many = f"{self.rows} row{'s' * (self.rows != 1)}"
        return f"{self.node} creates {many} of {self.table}{named} ({numbers})"


def _row(schema: Schema, table: str, number: int) -> Row:
    return Row(table, f"{schema.prefixes[table]}{number}")


@lru_cache(maxsize=256)
def _given(table: Table) -> tuple[Column, ...]:
    """The columns besides references that a create must give."""
    return tuple(c for c in table.columns if c.start is REQUIRED and not isinstance(c, Ref))


@lru_cache(maxsize=256)
def _can_fill(table: Table) -> bool:
    """Whether each column that needs a value has one for every number."""
    return all(type(column).numbered is not Column.numbered for column in _given(table))


def _values(table: Table, number: int) -> Iterator[tuple[str, Scalar]]:
    for place, column in enumerate(_given(table)):
        yield column.name, column.numbered(number + place * 2 * LAST)


@lru_cache(maxsize=64)
def _creates(fill: Fill, schema: Schema) -> tuple[Create, ...]:
    table = schema.by_name[fill.table]
    refs = [(ref.name, name) for ref, name in zip(table.refs, fill.refs, strict=True)]
    made = []
    for number in range(fill.first, fill.first + fill.rows):
        cells = dict([*refs, *_values(table, number)])
        given: Given = tuple((c.name, cells[c.name]) for c in table.columns if c.name in cells)
        name = _row(schema, fill.table, number).name
        made.append(Create(fill.node, fill.table, name, given))
    return tuple(made)


@lru_cache(maxsize=64)
def _writes(fill: Fill, schema: Schema) -> tuple[Write, ...]:
    return tuple(create.asks(schema) for create in _creates(fill, schema))


@lru_cache(maxsize=256)
def _keys(fill: Fill, schema: Schema) -> frozenset[Row]:
    numbers = range(fill.first, fill.first + fill.rows)
    return frozenset(_row(schema, fill.table, number) for number in numbers)


@lru_cache(maxsize=256)
def _tokens(fill: Fill, schema: Schema) -> frozenset[Scalar]:
    table, numbers = schema.by_name[fill.table], range(fill.first, fill.first + fill.rows)
    return frozenset(value for number in numbers for _, value in _values(table, number))


@lru_cache(maxsize=256)
def _are_shown(fill: Fill, schema: Schema) -> bool:
    """Whether its columns show such values, none of which is a default."""
    columns = _given(schema.by_name[fill.table])
    return all(column.is_fresh(v, frozenset()) for column in columns for v in _of(column, fill))


def _of(column: Column, fill: Fill) -> Iterator[Scalar]:
    for number in range(fill.first, fill.first + fill.rows):
        yield column.numbered(number)


def _needs(fill: Fill, schema: Schema) -> frozenset[Row]:
    table = schema.by_name[fill.table]
    pairs = zip(table.refs, fill.refs, strict=True)
    return frozenset(Row(ref.table, name) for ref, name in pairs if ref.binds)


def _free(table: Table, plan: Plan) -> int:
    """The first number of a thousand that nothing was written of; `LAST` if there is none left."""
    for first in range(MOST + 1, LAST - MOST, MOST):
        values = {value for _, value in _values(table, first)}
        if _row(plan.net.schema, table.name, first) not in plan.rows and not values & plan.tokens:
            return first
    return LAST
