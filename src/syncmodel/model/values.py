"""Rows, values and versions: what is written, and by whom.

A row is `(table, name)`; a version is one accepted (or perhaps accepted) write of one row. A value
names the version that wrote it: titles and bodies are tokens used once in a run and the k-th
increment adds 2^k, so no two versions of a row are ever alike.
"""

from __future__ import annotations

from typing import NamedTuple

from syncmodel.record import Record

CASES = "cases"
EVENTS = "events"
TABLES = (CASES, EVENTS)


class Row(NamedTuple):
    """One row of one table; `name` is its id without the run's prefix.

    A tuple, as nothing is hashed and compared more often.
    """

    table: str
    name: str

    def __str__(self) -> str:
        return f"{'case' if self.table == CASES else 'event'} {self.name}"


class Case(Record):
    """The value of a case."""

    title: str
    counter: int

    def __str__(self) -> str:
        return f"title {self.title}, counter {self.counter}"


class Event(Record):
    """The value of an event."""

    case: str
    body: str

    def __str__(self) -> str:
        return f"body {self.body} of case {self.case}"


class Tombstone(Record):
    """The value of a deleted row: it shows as absent."""

    def __str__(self) -> str:
        return "deleted"


class Retitled(Record):
    """An update of unknown outcome: this title, with the counter of whatever it was based on."""

    title: str

    def __str__(self) -> str:
        return f"perhaps retitled {self.title}"


class Incremented(Record):
    """An increment of unknown outcome: `by` more than whatever it was based on."""

    by: int

    def __str__(self) -> str:
        return f"perhaps incremented by {self.by}"


Value = Case | Event
Stored = Value | Tombstone | Retitled | Incremented
TOMBSTONE = Tombstone()


class Version(Record):
    """One write of one row.

    `node` took it; `value` is what it stored. `sure` is false while the outcome of the write is
    unknown and no node has shown it.
    """

    node: str
    value: Stored
    sure: bool = True

    @property
    def is_tombstone(self) -> bool:
        """Whether this version shows as absent."""
        return isinstance(self.value, Tombstone)
