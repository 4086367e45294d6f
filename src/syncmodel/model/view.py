"""What was seen of one node, in the model's own words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from syncmodel.errors import UsageError
from syncmodel.model.members import MembersView
from syncmodel.model.schema import Schema
from syncmodel.model.values import Row, Value
from syncmodel.record import Record


class View(Record, cache_hash=True):
    """The rows that a node with the plugin shows in one consistent read, in the order shown.

    A row that shows twice is there twice. Names have lost the run's prefix. Where a node without
    the plugin has no rows to read at all, there is no view (None).
    """

    rows: tuple[tuple[Row, Value], ...] = ()

    @classmethod
    def of(
        cls, schema: Schema, tables: Mapping[str, Iterable[tuple[str, Mapping[str, object]]]]
    ) -> View:
        """The view of a node that shows, in each table, these rows: (id, columns) pairs.

        Raises `ValueError` for what is no row of its table, or in a table that there is not.
        """
        _check_tables(tables, schema.by_name)
        return cls(
            tuple(
                (Row(table.name, name), table.read(shown))
                for table in schema.tables
                for name, shown in tables.get(table.name, ())
            )
        )

    def table(self, name: str) -> tuple[tuple[str, Value], ...]:
        """The (id, value) pairs of one table."""
        return tuple((row.name, value) for row, value in self.rows if row.table == name)


class Shown(View):
    """A view for who asks for tables by name: it knows which `tables` there are."""

    tables: tuple[str, ...] = ()

    def table(self, name: str) -> tuple[tuple[str, Value], ...]:
        """The (id, value) pairs of one table. Raises `UsageError` if there is no such table."""
        try:
            _check_tables((name,), self.tables)
        except ValueError as error:
            raise UsageError(str(error)) from None
        return super().table(name)


def _check_tables(asked: Iterable[str], there: Collection[str]) -> None:
    wrong = sorted(name for name in asked if name not in there)
    if wrong:
        raise ValueError(
            f"There is no table {', '.join(map(repr, wrong))}; there are: {', '.join(there)}."
        )


class ControlView(Record, cache_hash=True):
    """What a node says of itself: generations, plugin, health.

    `links` are the selected and the running generation as the machine's links have them;
    `selected` and `running` are what the admin surface says. `plugin` is the version that the
    plugin API reports, `tables` the tables that it shows. `stored` are the plugin's tables that
    the node's store has, whether or not the plugin runs; None where nobody can say. `columns` are
    those of the schema that these tables have, as `cases.title`, in order; None as well. `members`
    is what it says of its cluster, None where it is not asked. `contradictions` are what it says of
    itself in two places, and differently, in words. `unseen` names fields that could not
    be seen, which are not compared.
    """

    selected: int
    running: int
    links: tuple[int, int]
    plugin: int | None
    tables: tuple[str, ...]
    healthy: bool
    problems: tuple[str, ...] = ()
    stored: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    members: MembersView | None = None
    contradictions: tuple[str, ...] = ()
    unseen: frozenset[str] = frozenset()
