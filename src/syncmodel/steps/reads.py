"""A read at any moment: of one row, or of a whole table, on one node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.outcome import Outcome
from syncmodel.model.plan import Plan
from syncmodel.model.reads import Look
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.steps.base import Reads, Step, Target, require
from syncmodel.steps.scope import Scope


@frozen
class Read(Step):
    """One node is asked what it shows, whether or not it is at rest; `row` None: all of a table."""

    op: ClassVar[str] = "read"
    NEEDS: ClassVar[type[object]] = Reads
    node: str
    table: str
    row: str | None = None

    @property
    def key(self) -> Row | None:
        """The row that is read; None for all of a table."""
        return None if self.row is None else Row(self.table, self.row)

    def looks(self) -> Look:
        return Look(self.node, self.table, self.row)

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """The belief judges what is read."""

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Rows that were ever written, also where nobody can have heard of them; and each table."""
        tables = list(dict.fromkeys(row.table for row in sorted(plan.rows)))
        for node in plan.net.carriers:
            yield from (cls(node, row.table, row.name) for row in sorted(plan.rows))
            yield from (cls(node, table) for table in tables)

    def enabled(self, plan: Plan) -> bool:
        """The node runs with the plugin."""
        return plan.net.carries(self.node) and self.table in plan.net.schema.by_name

    async def perform(self, target: Target) -> Outcome:
        """Ask. Raises `TypeError` for an answer without rows."""
        outcome = await require(target, Reads).look(self.node, self.table, self.row)
        if isinstance(outcome, Outcome) and outcome.ok and not isinstance(outcome.view, View):
            raise TypeError(f"a read is answered with shown(view), and not with {outcome!r:.80}")
        return outcome

    def __str__(self) -> str:
        what = self.key or f"all {self.table}"
        return f"{self.node} reads {what}"
