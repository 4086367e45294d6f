"""Creates give columns that they could leave out, now and then."""

from __future__ import annotations

from collections import Counter as Times
from random import Random

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.script import Script
from syncmodel.machine.search import searched
from syncmodel.model.columns import Counter, Integer, Token
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Scalar, Write
from syncmodel.model.view import View
from syncmodel.shrink.simpler import cost, simpler
from syncmodel.steps import Burst, Create
from syncmodel.steps.scope import Scope
from syncmodel.strategies.steps import FULLER, choose
from syncmodel.targets.base import Settled, Target
from syncmodel.targets.wire import SUPERTEST

SHOPS = Table(
    "shops",
    Token("name"),
    Counter("visits"),
    Integer("floors", default=1),
    Token("sign", default=""),
)
SCHEMA = Schema(SHOPS)
DEFAULTS: dict[str, Scalar] = {"visits": 0, "floors": 1, "sign": ""}


class Shops(Target):
    """One store, whose rows every node shows at once."""

    schema = SCHEMA
    forgets: frozenset[str] = frozenset()

    async def begin(self, net: Net) -> None:
        """No rows."""
        self.rows: dict[Row, dict[str, Scalar]] = {}

    async def write(self, node: str, write: Write) -> Outcome:
        """Stored at once; a create without the columns that are forgotten."""
        code = write.refusal(self.rows.__contains__, self.rows.__contains__)
        if code is not None:
            return refused(code)
        row = write.applied(self.rows.pop(write.row, None))
        if row is None:
            return accepted()
        given = {k: v for k, v in row.items() if not write.creates or k not in self.forgets}
        self.rows[write.row] = {**DEFAULTS, **given}
        return accepted(self.rows[write.row])

    async def read(self, node: str) -> View:
        """All rows."""
        return View.of(SCHEMA, {"shops": [(row.name, self.rows[row]) for row in self.rows]})

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled:
        """Always at rest."""
        return Settled({node: await self.read(node) for node in net.up})


class Forgets(Shops):
    """What nobody sets later is at its default."""

    forgets = frozenset({"sign"})


def creates(plan: Plan, table: str, count: int) -> list[Create]:
    scope = Scope.of(plan.net.schema, {"create"})
    found = [choose(plan, scope, Random(seed)) for seed in range(count)]
    return [one for one in found if isinstance(one, Create) and one.table == table]


def test_some_creates_give_all_of_them_with_values_of_their_own() -> None:
    plan = Create("n1", "shops", "s1", (("name", "t1"), ("floors", 2))).advance(
        Plan(fully_connected(SCHEMA, 2))
    )
    found = creates(plan, "shops", 1000)
    fuller = [one for one in found if one.spare(SCHEMA)]
    assert FULLER / 2 < len(fuller) / len(found) < 2 * FULLER
    for one in fuller:
        assert one.spare(SCHEMA) == ("floors", "sign")
        assert one.enabled(plan)
        assert len({*dict(one.values).values(), "t1", 2}) == 5


def test_what_the_node_s_plugin_does_not_know_is_not_given() -> None:
    for generation, given in ((2, False), (3, True)):
        plan = Plan(fully_connected(SUPERTEST, 2, generation))
        found = Times(bool(one.spare(SUPERTEST)) for one in creates(plan, "cases", 300))
        assert (found[True] > 0) is given, generation


def test_the_shortest_run_has_none_that_it_does_not_need() -> None:
    plain = Create("n1", "shops", "s1", (("name", "t1"),))
    fuller = plain.fuller(Plan(fully_connected(SCHEMA, 2)))
    scripts = [Script(fully_connected(SCHEMA, 2), (step,)) for step in (plain, fuller)]
    assert list(simpler(plain, scripts[0])) == []
    forms = list(simpler(fuller, scripts[1]))
    assert forms[0] == plain
    assert len(forms) == 3
    for form in forms:
        assert cost(Script(scripts[1].net, (form,))) < cost(scripts[1])
        inside = [Script(scripts[1].net, (Burst((one, plain)),)) for one in (form, fuller)]
        assert cost(inside[0]) < cost(inside[1])


def test_a_system_that_forgets_one_is_found() -> None:
    settings = Settings(nodes=2, sequences=60, seed=3)
    assert searched(Shops(2), Straight(), settings).failure is None
    failure = searched(Forgets(2), Straight(), settings).failure
    assert failure is not None
    assert failure.counterexample.key == ("invented", "shops")
