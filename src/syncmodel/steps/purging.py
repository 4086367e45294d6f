"""Deletes that every node knows of are forgotten, so that logs do not grow for ever.

Cassandra calls it the end of `gc_grace_seconds`, CouchDB a purge, Riak the reaping of tombstones.
Nothing may come of it: what was deleted stays away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.scope import Scope


class Purges(ABC):
    """A target whose nodes forget deletes."""

    @abstractmethod
    async def purge(self) -> Outcome:
        """Have every node that runs forget the deletes that all nodes know of, and no others. The
        system is at rest. A node that can't be asked knows of nothing."""


@frozen
class Purge(Step):
    """Each node that runs forgets the deletes that every node knows of."""

    NEEDS: ClassVar[type[object] | None] = Purges
    op: ClassVar[str] = "purge"

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield cls()

    def enabled(self, plan: Plan) -> bool:
        """No disk and no change of trust can bring back what a forgotten delete took away."""
        return bool(plan.net.up) and not plan.net.backups and not plan.net.distrusts

    def mark(self, plan: Plan) -> Plan:
        return plan.purging()

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if its outcome is unknown: it may happen amid what follows."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        Step.judge(self, outcome, shaky)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Purges).purge()

    def __str__(self) -> str:
        return "deletes that every node knows of are purged"
