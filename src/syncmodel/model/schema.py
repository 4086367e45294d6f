"""What a system stores, as data: tables, their columns, and the generations that it is deployed in.

Every engine, report and file works for any schema. A *generation* is an entry of the schema's list,
by its place from 1; a target maps it to its own numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from attrs import field, frozen
from immutables import Map

from syncmodel.errors import UsageError
from syncmodel.model import words
from syncmodel.model.columns import REQUIRED, Column, OnDelete, Ref
from syncmodel.model.values import ANY, Cell, Cells, Row, Scalar, Value, known

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
#: Letters of nodes (n1) and of texts (t1): the name of a row must differ from these at a glance.
TAKEN = ("n", "t")


def _known_name(_owner: object, attribute: Any, name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be a {attribute.name}: small letters, digits and underscores only."
        )


@frozen(init=False)
class Table:
    """A table: its name and its columns, those of later versions last."""

    name: str = field(validator=_known_name)
    columns: tuple[Column, ...]

    def __init__(self, name: str, *columns: Column) -> None:
        """Raises `UsageError` for an invalid name, a column twice, or one out of order."""
        names = [name for column in columns for name in column.names]
        for column in names:
            if not NAME.fullmatch(column) or names.count(column) > 1:
                raise UsageError(f"{column!r} can't be a column of {name} (bad, or there twice).")
        if [c.since for c in columns] != sorted(c.since for c in columns):
            raise UsageError(f"{name}: columns of later versions come after those of earlier ones.")
        self.__attrs_init__(name, columns)

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.columns))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def refs(self) -> tuple[Ref, ...]:
        """The columns that name rows of other tables."""
        return tuple(column for column in self.columns if isinstance(column, Ref))

    @cached_property
    def optional(self) -> tuple[Column, ...]:
        """The columns that a create may give, and may leave out."""
        return tuple(c for c in self.columns if c.OP == "set" and c.start is not REQUIRED)

    def given(self, value: Value) -> list[str]:
        """The columns that it has otherwise than a create that left them out."""
        return [one.name for one in self.optional if value.get(one.name) != one.start]

    @cached_property
    def constants(self) -> frozenset[str]:
        """The columns that no operation changes."""
        return frozenset(column.name for column in self.columns if column.op is None)

    def changing(self, op: str, version: int) -> tuple[Column, ...]:
        """The columns that this operation changes, as a plugin of that version knows them."""
        return _changing(self, op, version)

    def value(self, given: Mapping[str, Scalar]) -> Value:
        """A whole value: these cells, and the defaults of all others.

        Raises `UsageError` for a column that is not there, or one left out that has no default.
        """
        cells: list[tuple[str, Scalar]] = []
        for column in self.columns:
            start = given.get(column.name, column.start)
            if start is REQUIRED:
                raise UsageError(f"A row of {self.name} needs a {column.name}.")
            assert not isinstance(start, type(REQUIRED))
            cells.append((column.name, start))
        strange = sorted(given.keys() - self.by_name.keys())
        if strange:
            raise UsageError(f"{self.name} has no column {strange[0]!r}.")
        return Value(tuple(cells))

    def read(self, shown: object) -> Value:
        """A row as a node shows it, as a value; columns that are not ours are passed over.

        Columns of other versions may be missing. Raises `ValueError` if it is no row of this table.
        """
        if not isinstance(shown, Mapping):
            raise ValueError(f"not a row of {self.name}: {shown!r}")
        cells: list[tuple[str, Cell]] = []
        for column in self.columns:
            if column.name not in shown:
                if column.until is not None:
                    cells.append((column.name, ANY))
                    continue
                if column.since > 1:
                    break
                raise ValueError(f"not a row of {self.name}, no {column.name}: {shown!r}")
            cell = shown[column.name]
            if not column.shows(cell):
                raise ValueError(f"not a row of {self.name}, {column.name} is {cell!r}: {shown!r}")
            cells.append((column.name, cell))
        return known(cells) if self._drops else Value(tuple(cells))

    @cached_property
    def _drops(self) -> bool:
        return any(column.until is not None for column in self.columns)

    @cached_property
    def latest(self) -> int:
        """The last version that brings a column, or drops one."""
        return max((max(c.since, c.until or 1) for c in self.columns), default=1)

    @cached_property
    def _shown(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(column.name for column in self.columns if column.there(version))
            for version in range(self.latest + 1)
        )

    def shown(self, version: int) -> tuple[str, ...]:
        """The columns that a plugin of that version shows."""
        return self._shown[min(version, self.latest)]


@lru_cache(maxsize=256)
def _changing(table: Table, op: str, version: int) -> tuple[Column, ...]:
    return tuple(c for c in table.columns if op == c.op and c.there(version))


def _plugins(value: Mapping[str, int]) -> Map[str, int]:
    return Map(value)


@frozen
class Generation:
    """One immutable deployment: its role in plain words, and its plugins with their versions."""

    role: str
    plugins: Map[str, int] = field(default=Map(), converter=_plugins)


@frozen(init=False)
class Schema:
    """Tables, and the generations that nodes may run.

    `plugin` has the tables: a node whose generation lacks it shows no rows. `usual` is the
    generation that runs start from. Where there are no `generations`, every node always has the
    tables, in their latest version. `ids` and `texts` are the looks (see `words`) that the system
    takes in ids and in texts.
    """

    tables: tuple[Table, ...]
    plugin: str = field(validator=_known_name)
    generations: tuple[Generation, ...]
    usual: int
    ids: frozenset[str]
    texts: frozenset[str]

    def __init__(
        self,
        *tables: Table,
        plugin: str = "app",
        generations: Iterable[Generation] = (),
        usual: int | None = None,
        ids: Iterable[str] = words.IDS,
        texts: Iterable[str] = words.TEXTS,
    ) -> None:
        """Raises `UsageError` for invalid tables: one named twice, or one that refers to a table
        that does not stand before it."""
        before: list[str] = []
        for table in tables:
            for ref in table.refs:
                if ref.table not in before:
                    raise UsageError(
                        f"{table.name}.{ref.name} refers to {ref.table!r}, which is no table that "
                        f"stands before it; there are: {', '.join(before) or 'none'}."
                    )
            if table.name in before:
                raise UsageError(f"The table {table.name!r} is there twice.")
            before.append(table.name)
        if not tables:
            raise UsageError("A schema needs at least one table.")
        latest = max(
            (v for t in tables for c in t.columns for v in (t.latest, *(v for v, _ in c.renamed))),
            default=1,
        )
        listed = tuple(generations) or (Generation("the only one", {plugin: latest}),)
        usual = len(listed) if usual is None else usual
        if not 1 <= usual <= len(listed) or plugin not in listed[usual - 1].plugins:
            raise UsageError(f"Generation {usual}, the usual one, must have the plugin {plugin}.")
        looks = (words.known(ids), words.known(texts))
        self.__attrs_init__(tables, plugin, listed, usual, *looks)

    def __repr__(self) -> str:
        """Its tables by name."""
        return f"Schema({', '.join(self.by_name)})"

    @cached_property
    def _hash(self) -> int:
        return hash((self.tables, self.plugin, self.generations))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def by_name(self) -> Mapping[str, Table]:
        """The tables by name."""
        return {table.name: table for table in self.tables}

    def table(self, name: str) -> Table:
        """The table of that name. Raises `UsageError`, which lists the known ones."""
        found = self.by_name.get(name)
        if found is None:
            raise UsageError(f"There is no table {name!r}; there are: {', '.join(self.by_name)}.")
        return found

    def shown(self, table: str, version: int | None) -> tuple[str, ...]:
        """The columns that a plugin of that version shows of a table; None: no plugin, so none."""
        return self.by_name[table].shown(version or 0)

    @cached_property
    def deployment(self) -> Map[int, int | None]:
        """The plugin's version in each generation, None where it has none."""
        return Map({i: g.plugins.get(self.plugin) for i, g in enumerate(self.generations, 1)})

    @cached_property
    def columns(self) -> Map[int, tuple[str, ...]]:
        """The columns that the tables have in each generation, as `cases.title`, in order."""
        every = [(t.name, column) for t in self.tables for column in t.columns]
        return Map(
            {
                generation: tuple(
                    sorted(f"{t}.{c.called(v or 0)}" for t, c in every if c.there(v or 0))
                )
                for generation, v in self.deployment.items()
            }
        )

    @cached_property
    def bare(self) -> Map[int, int | None]:
        """For each generation: the first one that has all but the plugin, None where none has."""
        plugins = {i: g.plugins for i, g in enumerate(self.generations, 1)}
        without = {
            i: {name: version for name, version in there.items() if name != self.plugin}
            for i, there in plugins.items()
        }
        return Map(
            {
                i: next((other for other, there in plugins.items() if dict(there) == rest), None)
                for i, rest in without.items()
            }
        )

    @cached_property
    def referring(self) -> Mapping[str, tuple[tuple[Table, Ref], ...]]:
        """For each table: the columns of others that name its rows."""
        return {
            table.name: tuple(
                (other, ref)
                for other in self.tables
                for ref in other.refs
                if ref.table == table.name
            )
            for table in self.tables
        }

    @cached_property
    def binding(self) -> Mapping[str, Mapping[str, str]]:
        """For each table: the columns that bind a row to another one, each with the table of that.

        By name: a register of a row, or a row of an older version, has not all columns.
        """
        return {
            table.name: {ref.name: ref.table for ref in table.refs if ref.binds}
            for table in self.tables
        }

    def bound_to(self, row: Row, cells: Cells) -> tuple[Row, ...]:
        """The rows that must show for this one to show."""
        binding = self.binding[row.table]
        return tuple([Row(binding[name], str(cell)) for name, cell in cells if name in binding])

    @cached_property
    def restricting(self) -> frozenset[str]:
        """The tables whose rows can't be deleted while others refer to them."""
        return self._with(OnDelete.RESTRICT)

    @cached_property
    def cascading(self) -> frozenset[str]:
        """The tables whose deletes delete the rows that refer to the deleted one."""
        return self._with(OnDelete.CASCADE)

    @cached_property
    def cascading_in_order(self) -> tuple[str, ...]:
        """The same, each table before those that refer to it."""
        return tuple(name for name in self.by_name if name in self.cascading)

    def _with(self, what: OnDelete) -> frozenset[str]:
        refs = (ref for table in self.tables for ref in table.refs)
        return frozenset(ref.table for ref in refs if ref.on_delete is what)

    def names(self, table: str, count: int) -> tuple[str, ...]:
        """Ids for rows of a table: its first letters and a number."""
        return tuple(f"{self.prefixes[table]}{number}" for number in range(1, count + 1))

    @cached_property
    def prefixes(self) -> Mapping[str, str]:
        """The first letters that tell the rows of each table from all other names."""
        found: dict[str, str] = {}
        for table in self.by_name:
            letters = (table[:end] for end in range(1, len(table) + 1))
            free = (one for one in letters if one not in TAKEN and one not in found.values())
            found[table] = next(free, f"{table}_")
        return found
