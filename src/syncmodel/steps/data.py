"""Writes accepted by one node: cases, and events that refer to them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.belief import Write
from syncmodel.model.outcome import Outcome
from syncmodel.model.plan import Plan
from syncmodel.model.values import (
    CASES,
    EVENTS,
    TOMBSTONE,
    Case,
    Event,
    Incremented,
    Retitled,
    Row,
)
from syncmodel.steps.base import Request, Step, Target
from syncmodel.steps.scope import Scope, next_increment, next_title

#: The k-th increment of a run adds 2^k, so that every counter names its increments.
INCREMENTS = frozenset(2**k for k in range(40))


def _rows(plan: Plan, table: str) -> Iterator[tuple[str, str]]:
    """Every row of a table that may show, with every node where it may."""
    for node in plan.net.carriers:
        for name in _names(plan.may_show(node), table):
            yield node, name


@lru_cache(maxsize=256)
def _names(rows: frozenset[Row], table: str) -> tuple[str, ...]:
    """The names of those rows of that table, in order."""
    return tuple(sorted(row.name for row in rows if row.table == table))


@frozen
class Data(Step):
    """A write of one row through one node's plugin API."""

    node: str

    def row(self) -> Row:
        """The row that is written."""
        raise NotImplementedError

    def request(self) -> Request:
        """The request that asks for it."""
        raise NotImplementedError

    def enabled(self, plan: Plan) -> bool:
        """The node shows rows, and may show this one."""
        return plan.net.carries(self.node) and self.row() in plan.may_show(self.node)

    async def perform(self, target: Target) -> Outcome:
        """Send the request."""
        return await target.request(self.node, self.request())


@frozen
class CreateCase(Data):
    """A case is created, with a title that no other write of the run uses."""

    op: ClassVar[str] = "create_case"
    case: str
    title: str

    def row(self) -> Row:
        return Row(CASES, self.case)

    def enabled(self, plan: Plan) -> bool:
        return plan.net.carries(self.node) and self.title not in plan.titles

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        title = next_title(plan)
        for node, case in product(plan.net.carriers, scope.cases):
            yield cls(node, case, title)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.row(), title=self.title)

    def asks(self) -> Write:
        return Write(self.node, self.row(), Case(self.title, 0), creates=True)

    def request(self) -> Request:
        return Request("POST", CASES, self.case, body={"title": self.title, "counter": 0})

    def __str__(self) -> str:
        return f"{self.node} creates case {self.case} with title {self.title}"


@frozen
class UpdateCase(Data):
    """A case gets another title."""

    op: ClassVar[str] = "update_case"
    case: str
    title: str

    def row(self) -> Row:
        return Row(CASES, self.case)

    def enabled(self, plan: Plan) -> bool:
        return Data.enabled(self, plan) and self.title not in plan.titles

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        title = next_title(plan)
        for node, row in _rows(plan, CASES):
            yield cls(node, row, title)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.row(), title=self.title)

    def asks(self) -> Write:
        return Write(self.node, self.row(), Retitled(self.title))

    def request(self) -> Request:
        return Request("PATCH", CASES, self.case, body={"title": self.title})

    def __str__(self) -> str:
        return f"{self.node} sets the title of case {self.case} to {self.title}"


@frozen
class IncrementCase(Data):
    """A case's counter grows by a power of two that no other increment of the run uses."""

    op: ClassVar[str] = "increment_case"
    case: str
    by: int

    def row(self) -> Row:
        return Row(CASES, self.case)

    def enabled(self, plan: Plan) -> bool:
        fresh = self.by in INCREMENTS and self.by not in plan.increments
        return Data.enabled(self, plan) and fresh

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        by = next_increment(plan)
        for node, row in _rows(plan, CASES):
            yield cls(node, row, by)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.row(), by=self.by)

    def asks(self) -> Write:
        return Write(self.node, self.row(), Incremented(self.by))

    def request(self) -> Request:
        return Request("POST", CASES, self.case, "increment", {"by": self.by})

    def __str__(self) -> str:
        return f"{self.node} increments case {self.case} by {self.by}"


@frozen
class DeleteCase(Data):
    """A case is deleted; its events hide."""

    op: ClassVar[str] = "delete_case"
    case: str

    def row(self) -> Row:
        return Row(CASES, self.case)

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        for node, row in _rows(plan, CASES):
            yield cls(node, row)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.row(), deleted=True)

    def asks(self) -> Write:
        return Write(self.node, self.row(), TOMBSTONE)

    def request(self) -> Request:
        return Request("DELETE", CASES, self.case)

    def __str__(self) -> str:
        return f"{self.node} deletes case {self.case}"


@frozen
class CreateEvent(Data):
    """An event is created; it names its case, one case for the whole run."""

    op: ClassVar[str] = "create_event"
    event: str
    case: str
    body: str

    def row(self) -> Row:
        return Row(EVENTS, self.event)

    def enabled(self, plan: Plan) -> bool:
        return (
            plan.net.carries(self.node)
            and Row(CASES, self.case) in plan.may_show(self.node)
            and plan.events.get(self.event, self.case) == self.case
            and self.body not in plan.titles
        )

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        body = next_title(plan)
        for (node, case), event in product(_rows(plan, CASES), scope.events):
            if plan.events.get(event, case) == case:
                yield cls(node, event, case, body)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.row(), title=self.body, case=self.case)

    def asks(self) -> Write:
        value = Event(self.case, self.body)
        return Write(self.node, self.row(), value, creates=True, needs=Row(CASES, self.case))

    def request(self) -> Request:
        body = {"case_id": self.case, "body": self.body}
        return Request("POST", EVENTS, self.event, body=body)

    def __str__(self) -> str:
        return f"{self.node} creates event {self.event} of case {self.case} with body {self.body}"


@frozen
class DeleteEvent(Data):
    """An event is deleted, shown or hidden."""

    op: ClassVar[str] = "delete_event"
    event: str

    def row(self) -> Row:
        return Row(EVENTS, self.event)

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        for node, row in _rows(plan, EVENTS):
            yield cls(node, row)

    def mark(self, plan: Plan) -> Plan:
        return plan.wrote(self.node, self.row(), deleted=True)

    def asks(self) -> Write:
        return Write(self.node, self.row(), TOMBSTONE)

    def request(self) -> Request:
        return Request("DELETE", EVENTS, self.event)

    def __str__(self) -> str:
        return f"{self.node} deletes event {self.event}"
