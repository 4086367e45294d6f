"""Writes accepted by one node: a row is created, changed and deleted, in any table of a schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import ClassVar, Self

from attrs import evolve, frozen

from syncmodel.model.columns import REQUIRED, Column, Ref
from syncmodel.model.outcome import Outcome
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import TOMBSTONE, Row, Scalar, Stored, Write, written
from syncmodel.steps.base import Step, Target
from syncmodel.steps.scope import Scope

#: Columns and what they are to show, in the order of the table's columns.
Given = tuple[tuple[str, Scalar], ...]


@lru_cache(maxsize=256)
def names_of(rows: frozenset[Row], table: str) -> tuple[str, ...]:
    """The names of those rows of that table, in order."""
    return tuple(sorted(row.name for row in rows if row.table == table))


@frozen
class Data(Step):
    """A write of one row through one node."""

    node: str
    table: str
    row: str

    @property
    def key(self) -> Row:
        """The row that is written."""
        return Row(self.table, self.row)

    def asks(self, schema: Schema) -> Write:
        """The write that this step asks for."""
        return Write(self.node, self.key, self.change(schema))

    def change(self, schema: Schema) -> Stored:
        """What it will have stored."""
        raise NotImplementedError

    def fits(self, plan: Plan) -> bool:
        """Whether table and columns are there, the row may be written once more, and no other write
        uses its values."""
        return self.is_of(plan.net.schema) and plan.has_room(self.key)

    def is_of(self, schema: Schema) -> bool:
        """Whether table and columns are there, and its values are such as these columns show."""
        return self.table in schema.by_name

    def enabled(self, plan: Plan) -> bool:
        """The node takes writes or stands still, and may show this row."""
        return (
            self.node in plan.net.asked and self.key in plan.may_show(self.node) and self.fits(plan)
        )

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        for table in plan.net.schema.tables:
            yield from cls.of_table(table, plan, scope)

    @classmethod
    def of_table(cls, table: Table, plan: Plan, scope: Scope) -> Iterator[Self]:
        """The choices in one table."""
        raise NotImplementedError

    async def perform(self, target: Target) -> Outcome:
        """Send the request."""
        return await target.write(self.node, self.asks(target.schema))


def _shown(plan: Plan, table: str) -> Iterator[tuple[str, str]]:
    """Every row of a table that may show, with every node that may be asked to change it."""
    for node in plan.net.asked:
        for name in names_of(plan.drawn(node), table):
            yield node, name


@frozen
class Create(Data):
    """A row is created, with texts and numbers that no other write of the run uses.

    `values` has the columns that have no default, and any others.
    """

    op: ClassVar[str] = "create"
    values: Given

    @classmethod
    def of_table(cls, table: Table, plan: Plan, scope: Scope) -> Iterator[Self]:
        free = fresh(table, plan)
        names = scope.names(table.name)
        if not table.refs:
            for node, name in product(plan.net.asked, names):
                yield cls(node, table.name, name, free)
            return
        for node in plan.net.asked:
            shown = plan.drawn(node)
            bound = [
                names_of(shown, ref.table) if ref.binds else scope.names(ref.table)
                for ref in table.refs
            ]
            for refs in product(*bound):
                values = _with_refs(table, free, refs)
                for name in names:
                    if plan.refs.get(Row(table.name, name), refs) == refs:
                        yield cls(node, table.name, name, values)

    def refs(self, schema: Schema) -> tuple[str, ...]:
        """The rows that it names, in the order of the table's references."""
        given = dict(self.values)
        return tuple(str(given[ref.name]) for ref in schema.by_name[self.table].refs)

    def needs(self, schema: Schema) -> tuple[Row, ...]:
        """The rows that must show for this one to be created."""
        table, given = schema.by_name[self.table], dict(self.values)
        return tuple([Row(ref.table, str(given[ref.name])) for ref in table.refs if ref.binds])

    def fits(self, plan: Plan) -> bool:
        table = plan.net.schema.by_name.get(self.table)
        if table is None or not plan.has_room(self.key):
            return False
        return _are_fresh(self.values, table, plan)

    def is_of(self, schema: Schema) -> bool:
        table, given = schema.by_name.get(self.table), dict(self.values)
        if table is None or len(given) != len(self.values) or given.keys() - table.by_name.keys():
            return False
        return all(
            column.shows(given[name]) if name in given else column.start is not REQUIRED
            for name, column in table.by_name.items()
        )

    def enabled(self, plan: Plan) -> bool:
        if self.node not in plan.net.asked or not self.fits(plan):
            return False
        schema = plan.net.schema
        if not self._is_known(schema.by_name[self.table], plan.net.plugin(self.node) or 0):
            return False
        refs = self.refs(schema)
        if plan.refs.get(self.key, refs) != refs:
            return False
        return plan.may_show(self.node).issuperset(self.needs(schema))

    def spare(self, schema: Schema) -> tuple[str, ...]:
        """The columns that it gives, and could leave out."""
        optional = {column.name for column in schema.by_name[self.table].optional}
        return tuple([name for name, _ in self.values if name in optional])

    def fuller(self, plan: Plan) -> Self:
        """The same with values that no write used for columns that have a default, as far as its
        node has them."""
        table, given = plan.net.schema.by_name[self.table], dict(self.values)
        used, version = plan.tokens.union(given.values()), plan.net.plugin(self.node) or 0
        for column in table.optional:
            if column.there(version) and column.name not in given:
                given[column.name] = column.fresh(used)
                used |= {given[column.name]}
        return evolve(self, values=_in_order(table, given))

    def _is_known(self, table: Table, version: int) -> bool:
        """Whether a plugin of that version has all columns that are given."""
        return all(table.by_name[name].there(version) for name, _ in self.values)

    def mark(self, plan: Plan) -> Plan:
        schema = plan.net.schema
        table = schema.by_name[self.table]
        tokens = [v for name, v in self.values if not isinstance(table.by_name[name], Ref)]
        return plan.wrote(self.node, self.key, tokens=tokens, refs=self.refs(schema))

    def change(self, schema: Schema) -> Stored:
        return schema.by_name[self.table].value(dict(self.values))

    def asks(self, schema: Schema) -> Write:
        return Write(self.node, self.key, self.change(schema), self.needs(schema))

    def __str__(self) -> str:
        given = ", ".join(f"{column} {written(value)}" for column, value in self.values)
        return f"{self.node} creates {self.key}{given and f' with {given}'}"


@lru_cache(maxsize=1024)
def _fresh_values(table: Table, tokens: frozenset[Scalar]) -> Given:
    values: list[tuple[str, Scalar]] = []
    for column in table.columns:
        if column.start is REQUIRED and not isinstance(column, Ref):
            value = column.fresh(tokens)
            values.append((column.name, value))
            tokens |= {value}
    return tuple(values)


def fresh(table: Table, plan: Plan) -> Given:
    """A value that no write used, for each column that needs one."""
    return _fresh_values(table, plan.tokens)


def _with_refs(table: Table, values: Given, refs: tuple[str, ...]) -> Given:
    given = dict(values) | {ref.name: name for ref, name in zip(table.refs, refs, strict=True)}
    return _in_order(table, given)


def _in_order(table: Table, given: Mapping[str, Scalar]) -> Given:
    return tuple([(c.name, given[c.name]) for c in table.columns if c.name in given])


def _are_fresh(values: Given, table: Table, plan: Plan) -> bool:
    """Whether every value is of its column, used by no other write, and none is missing."""
    given = dict(values)
    if len(given) != len(values):
        return False
    used = plan.tokens
    for column in table.columns:
        value = given.pop(column.name, REQUIRED)
        if value is REQUIRED:
            if column.start is REQUIRED:
                return False
        elif isinstance(column, Ref):
            if not column.shows(value):
                return False
        elif column.OP != "set" or not column.is_fresh(value, used):
            return False
        else:
            used |= {value}
    return not given


@frozen
class _Change(Data):
    """A write of one column of a row that is there."""

    #: The operation of the columns that it changes.
    CHANGES: ClassVar[str]
    column: str

    def value_given(self) -> Scalar:
        """What the column is set to, or what is added to it."""
        raise NotImplementedError

    def _column(self, plan: Plan) -> Column | None:
        """The column, if the node's version knows it and it can be changed so."""
        table = plan.net.schema.by_name.get(self.table)
        known = (
            () if table is None else table.changing(self.CHANGES, plan.net.plugin(self.node) or 0)
        )
        return next((column for column in known if column.name == self.column), None)

    def is_of(self, schema: Schema) -> bool:
        table = schema.by_name.get(self.table)
        column = None if table is None else table.by_name.get(self.column)
        return column is not None and column.op == self.CHANGES and column.shows(self.value_given())

    def fits(self, plan: Plan) -> bool:
        column = self._column(plan)
        if column is None or not plan.has_room(self.key):
            return False
        return column.is_fresh(self.value_given(), plan.used(column))

    def change(self, schema: Schema) -> Stored:
        return schema.by_name[self.table].by_name[self.column].change(self.value_given())

    @classmethod
    def of_table(cls, table: Table, plan: Plan, scope: Scope) -> Iterator[Self]:
        for node, name in _shown(plan, table.name):
            for column in table.changing(cls.CHANGES, plan.net.plugin(node) or 0):
                value = column.fresh(plan.used(column))
                yield cls(node, table.name, name, column.name, value)  # type: ignore[call-arg]


@frozen
class Set(_Change):
    """A column of a row gets another value, which no other write of the run uses."""

    op: ClassVar[str] = "set"
    CHANGES: ClassVar[str] = "set"
    value: Scalar

    def value_given(self) -> Scalar:
        return self.value

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.key, tokens=(self.value,))

    def __str__(self) -> str:
        return f"{self.node} sets {self.column} of {self.key} to {written(self.value)}"


@frozen
class Add(_Change):
    """A counter grows by a power of two that no other increment of the run uses."""

    op: ClassVar[str] = "add"
    CHANGES: ClassVar[str] = "add"
    by: int

    def value_given(self) -> Scalar:
        return self.by

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.key, amount=self.by)

    def __str__(self) -> str:
        return f"{self.node} adds {self.by} to {self.column} of {self.key}"


@frozen
class Delete(Data):
    """A row is deleted, shown or hidden."""

    op: ClassVar[str] = "delete"

    @classmethod
    def of_table(cls, table: Table, plan: Plan, scope: Scope) -> Iterator[Self]:
        for node, name in _shown(plan, table.name):
            yield cls(node, table.name, name)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.key, deleted=True)

    def change(self, schema: Schema) -> Stored:
        return TOMBSTONE

    def __str__(self) -> str:
        return f"{self.node} deletes {self.key}"
