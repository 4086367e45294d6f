"""The life of rows whose ids and texts look like something else, on a target of two nodes.

Not by the model: each answer and each sight is held against what was written, character by
character.
"""

from __future__ import annotations

from supertest import fully_connected

from syncmodel.model import words
from syncmodel.model.columns import AMOUNTS
from syncmodel.model.net import Net
from syncmodel.model.outcome import refused
from syncmodel.model.view import View
from syncmodel.steps import Add, Create, Data, Delete, Set
from syncmodel.steps.base import Stops, require
from syncmodel.targets.base import Settled, Target
from syncmodel.targets.wire import SUPERTEST

#: (what is dressed, the look): every look that the contract allows, by itself.
LOOKS = [
    *(("ids", look) for look in sorted(SUPERTEST.ids)),
    *(("texts", look) for look in sorted(SUPERTEST.texts)),
]
NET: Net = fully_connected(2, generation=3)
LIMIT_S = 30.0


class Rows:
    """What the nodes should show, kept beside what is asked of them."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.shown: dict[str, dict[str, dict[str, str | int | None]]] = {"cases": {}, "events": {}}

    async def take(self, step: Data) -> None:
        """The step is accepted and answers with the row as it should be; then all show it."""
        outcome = await step.perform(self.target)
        rows = self.shown[step.table]
        row = rows.setdefault(step.row, {"counter": 0, "severity": "normal"})
        match step:
            case Create(values=values):
                row = dict(values) if step.table == "events" else {**row, **dict(values)}
            case Set(column=column, value=value):
                row = {**row, column: value}
            case Add(column=column, by=by):
                row = {**row, column: int(row[column] or 0) + by}
        rows[step.row] = row
        answer = {key: value for key, value in (outcome.row or {}).items() if key != "run_id"}
        if isinstance(step, Delete):
            del rows[step.row]
            row = {"deleted": True}
        assert outcome.ok, outcome
        assert answer == {"id": step.row, **row}
        await self.rest()

    async def rest(self) -> None:
        """Both nodes show exactly these rows, in the order of their ids."""
        found = await self.target.settle(NET, control=False, limit_s=LIMIT_S)
        assert isinstance(found, Settled), found
        rows = {table: sorted(rows.items()) for table, rows in self.shown.items()}
        expected = View.of(SUPERTEST, rows)
        for node in NET.nodes:
            assert found.views[node] == expected, node


async def live_through(target: Target, what: str, look: str) -> None:
    """Rows are created, changed, deleted, and outlive a restart, dressed in that look."""
    c1, c2, e1, e2 = _named(("c1", "c2"), ("e1", "e2"), look if what == "ids" else None)
    t1, t2, t3, t4, b1, b2 = _dressed(
        ("t1", "t2", "t3", "t4", "t5", "t6"), look if what == "texts" else None
    )
    await target.begin(NET)
    rows = Rows(target)
    await rows.take(Create("n1", "cases", c1, (("title", t1),)))
    await rows.take(Create("n2", "cases", c2, (("title", t2),)))
    await rows.take(Create("n2", "events", e1, (("case", c1), ("body", b1))))
    await rows.take(Create("n1", "events", e2, (("case", c2), ("body", b2))))
    await rows.take(Set("n2", "cases", c1, "title", t3))
    await rows.take(Set("n1", "cases", c1, "severity", t4))
    for by in AMOUNTS[:2]:
        await rows.take(Add("n2", "cases", c1, "counter", by))
    await rows.take(Delete("n1", "events", e2))
    await rows.take(Delete("n2", "cases", c2))
    for node in NET.nodes:
        await require(target, Stops).restart(node)
    await rows.rest()
    there = Create("n2", "cases", c1, (("title", t2),))
    assert await there.perform(target) == refused("exists")
    gone = Set("n1", "cases", c2, "title", t2)
    assert await gone.perform(target) == refused("no_such_row")
    hidden = Create("n1", "events", e2, (("case", c2), ("body", b2)))
    assert await hidden.perform(target) == refused("missing_reference")
    await rows.rest()


def _named(cases: tuple[str, ...], events: tuple[str, ...], look: str | None) -> tuple[str, ...]:
    return (*_dressed(cases, look), *_dressed(events, look))


def _dressed(plain: tuple[str, ...], look: str | None) -> tuple[str, ...]:
    return plain if look is None else words.dressed(plain, look)
