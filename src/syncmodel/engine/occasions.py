"""What whole kinds of mistakes need, and what a search may never come to: counted as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum

from attrs import define, field

from syncmodel.model.plan import Plan
from syncmodel.steps import Add, Burst, Concurrently, Crash, Data, Restart, Step

#: A log with more rows than this is long.
MANY = 100


class Occasion(Enum):
    """In the words of a table."""

    CRASH = "a write and then a crash elsewhere, in one burst"
    RETURN = "... then its restart and a write on it, in one burst"
    WRITES = "writes of one row at the same time"
    INCREMENTS = "increments of one row at the same time"
    LONG = f"a node with more than {MANY} rows (once a sequence)"


@define
class Occasions:
    """The occasions of one sequence."""

    _crashed: set[str] = field(factory=set)
    _long: bool = False

    def of(self, step: Step) -> Iterator[Occasion]:
        """Those that a step gives."""
        if isinstance(step, Burst):
            yield from self._in_a_row(step)
        for one in step.steps if isinstance(step, Burst) else (step,):
            if isinstance(one, Concurrently):
                yield from _at_once(one)

    def of_plan(self, plan: Plan) -> Iterator[Occasion]:
        """Those that come with what is known where."""
        if not self._long and plan.passed_over:
            self._long = any(len(rows) > MANY for rows in plan.known.values())
            if self._long:
                yield Occasion.LONG

    def _in_a_row(self, burst: Burst) -> Iterator[Occasion]:
        wrote, restarted = set[str](), set[str]()
        for step in burst.steps:
            if isinstance(step, Data):
                wrote.add(step.node)
                if step.node in restarted & self._crashed:
                    self._crashed.discard(step.node)
                    yield Occasion.RETURN
            elif isinstance(step, Restart):
                restarted.add(step.node)
            elif isinstance(step, Crash):
                restarted.discard(step.node)
                if wrote - {step.node}:
                    self._crashed.add(step.node)
                    yield Occasion.CRASH


def _at_once(step: Concurrently) -> Iterator[Occasion]:
    writes = Counter(one.key for one in step.steps if isinstance(one, Data))
    adds = Counter(one.key for one in step.steps if isinstance(one, Add))
    if max(writes.values(), default=0) > 1:
        yield Occasion.WRITES
    if max(adds.values(), default=0) > 1:
        yield Occasion.INCREMENTS
