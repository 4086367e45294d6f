"""Many rows at once: judged one by one, found missing one by one, told and shrunk as one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncmodel.corpus.budgets import check_work
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.rename import renamed, tidy_names
from syncmodel.engine.run import run
from syncmodel.engine.script import Script
from syncmodel.engine.session import Result
from syncmodel.errors import FormatError
from syncmodel.model.columns import Column, Integer, Token
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, compound, refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Write
from syncmodel.model.world import initial
from syncmodel.reference.node import bugs
from syncmodel.reference.node.entries import Stored
from syncmodel.reference.node.pieces import Pieces, backlog
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.minimize import Minimizer
from syncmodel.steps import (
    Concurrently,
    Crash,
    Create,
    Delete,
    Fill,
    Heal,
    Partition,
    Restart,
    Set,
    Step,
    load,
)
from syncmodel.steps.scope import Scope
from syncmodel.targets.base import Target
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 3)
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
N3_ALONE = Partition((("n1", "n2"), ("n3",)))
SCOPE = Scope.of(SUPERTEST, {"create", "set", "delete", "fill"})


def ran(*steps: Step, network: int | None = None, target: Target | None = None) -> Result:
    made = target or SimulatedCluster(3, (), network)
    return Straight().run(run(made, NET, steps, alone=True))


@settings(max_examples=20, deadline=None)
@given(
    rows=st.sampled_from((1, 7, 20, 60)),
    network=st.none() | st.integers(0, 50),
    before=st.sampled_from((CASE, N3_ALONE, Crash("n2"))),
    after=st.sampled_from((Heal(), Restart("n2"), Restart("n1"), Delete("n1", "cases", "c1001"))),
)
def test_a_correct_system_passes_with_many_rows(
    rows: int, network: int | None, before: Step, after: Step
) -> None:
    fill = Fill("n1", "cases", 1001, rows)
    heals = [after] if after.enabled(fill.advance(before.advance(Plan(NET)))) else []
    assert ran(before, fill, *heals, network=network).verdict.value == "pass"


def test_rows_of_a_table_that_refers_to_another_one_name_its_row() -> None:
    assert ran(CASE, Fill("n2", "events", 1001, 30, ("c1",))).verdict.value == "pass"


def test_it_goes_with_a_crash_at_the_same_time() -> None:
    both = Concurrently((Fill("n1", "cases", 1001, 20), Crash("n2")))
    assert both.enabled(Plan(NET))
    for network in (None, 1, 2, 3):
        assert ran(both, Restart("n2"), network=network).verdict.value == "pass"


# --- what is wrong is found ----------------------------------------------------------------------


def the_first_hundred(entries: Iterable[Stored], after: int) -> list[Stored]:
    """A throw-away mistake: a relay that stops after a hundred entries."""
    return backlog(entries, after)[:100]


def without_the_last_page(entries: Iterable[Stored], after: int) -> list[Stored]:
    """A throw-away mistake: of several pages of 20 the last one is not sent unless it is full."""
    found = backlog(entries, after)
    return found[: len(found) - len(found) % 20] if len(found) > 20 else found


@pytest.mark.parametrize(
    ("mistake", "least"), [(the_first_hundred, 101), (without_the_last_page, 21)]
)
def test_what_long_logs_lose_is_found_and_shrinks_to_the_least(
    mistake: Callable[..., list[Stored]], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = attrs.evolve(Pieces(), backlog=mistake)
    monkeypatch.setattr(bugs, "pieces", lambda _names: pieces)
    steps = (CASE, Crash("n2"), Fill("n1", "cases", 1001, 250), Restart("n2"))
    target = SimulatedCluster(3)
    over = ran(*steps, target=target)
    assert {divergence.kind for divergence in over.divergences} <= {Kind.MISSING, Kind.NOT_SETTLED}
    found = Counterexample.of(NET, over)
    short = Straight().run(Minimizer(target, found).run())
    (fill,) = [step for step in short.script.steps if isinstance(step, Fill)]
    assert fill.rows == least
    assert len(short.script.steps) <= 3


class Answering(SimulatedCluster):
    """Answers the create of one row otherwise."""

    def __init__(self, number: int, outcome: Outcome) -> None:
        super().__init__(3)
        self._name, self._outcome = f"c{number}", outcome

    async def write(self, node: str, write: Write) -> Outcome:
        return self._outcome if write.row.name == self._name else await super().write(node, write)


@pytest.mark.parametrize("number", [1001, 1015, 1030])
def test_each_answer_is_judged(number: int) -> None:
    fill = Fill("n1", "cases", 1001, 30)
    wrong = ran(fill, target=Answering(number, refused("exists")))
    assert [(d.kind, d.row) for d in wrong.divergences] == [
        (Kind.WRONGLY_REFUSED, Row("cases", f"c{number}"))
    ]
    gone = ran(fill, target=Answering(number, accepted({"title": f"t{number}", "counter": 0})))
    assert {(d.kind, d.row) for d in gone.divergences} == {
        (Kind.MISSING, Row("cases", f"c{number}"))
    }
    assert ran(fill, target=Answering(number, unknown("timeout"))).verdict.value == "pass"


# --- what is drawn -------------------------------------------------------------------------------


def test_steps_that_follow_are_about_its_first_and_last_row_and_not_all_of_them() -> None:
    plan = Fill("n1", "cases", 1001, 250).advance(CASE.advance(Plan(NET)))
    rows = {step.row for step in Set.choices(plan, SCOPE) if step.enabled(plan)}
    assert rows == {"c1", "c1001", "c1250"}
    assert Delete("n2", "cases", "c1100").enabled(plan)


def test_every_choice_is_enabled_and_meets_no_earlier_one() -> None:
    plan = CASE.advance(Plan(NET))
    for _ in range(4):
        for table in ("cases", "events"):
            offered = [f for f in Fill.choices(plan, SCOPE) if f.table == table]
            assert {f.rows for f in offered} == set(SCOPE.fills)
            assert all(f.enabled(plan) for f in offered)
            plan = offered[-1].advance(plan)
    assert len(plan.rows) == 8 * 250 + 1


@pytest.mark.parametrize(
    "fill",
    [
        Fill("n1", "cases", 1001, 0),
        Fill("n1", "cases", 1001, 10**9),
        Fill("n1", "cases", -5, 20),
        Fill("n1", "cases", 10**9, 20),
        Fill("n1", "cases", 1, 20),
        Fill("n9", "cases", 1001, 20),
        Fill("n1", "stars", 1001, 20),
        Fill("n1", "cases", 1001, 20, ("c1",)),
        Fill("n1", "events", 1001, 20),
        Fill("n1", "events", 1001, 20, ("c2",)),
    ],
    ids=str,
)
def test_what_is_impossible_is_not_enabled(fill: Fill) -> None:
    plan = CASE.advance(Plan(NET))
    assert fill.node not in plan.net.nodes or not fill.enabled(plan)


def test_a_table_whose_values_we_cannot_number_has_no_fills() -> None:
    class Odd(Column):
        OP = "set"

    filled = Table("notes", Token("text"), Integer("rank"))
    schema = Schema(Table("things", Odd("shape")), filled)
    plan, scope = Plan(fully_connected(schema, 2)), Scope.of(schema, {"fill"})
    assert {step.table for step in Fill.choices(plan, scope)} == {"notes"}
    values = [v for c in Fill("n1", "notes", 1001, 20).creates(schema) for _, v in c.values]
    assert len(set(values)) == 40


# --- as one step ---------------------------------------------------------------------------------


def test_it_is_one_step_in_words_and_one_line_in_a_file() -> None:
    form = {"op": "fill", "node": "n1", "table": "cases", "first": 1001, "rows": 101}
    assert str(load(form)) == "n1 creates 101 rows of cases (numbers 1001 to 1101)"
    assert str(Fill("n1", "events", 7, 1, ("c1",))) == (
        "n1 creates 1 row of events that name c1 (number 7)"
    )


def test_names_that_follow_from_numbers_stay() -> None:
    steps = (
        Create("n1", "cases", "c7", (("title", "t9"),)),
        Fill("n1", "events", 1001, 20, ("c7",)),
        Delete("n1", "events", "e1020"),
    )
    tidy = renamed(Script(NET, steps), tidy_names(Script(NET, steps))).steps
    assert tidy == (CASE, Fill("n1", "events", 1001, 20, ("c1",)), steps[2])


def test_a_file_counts_its_rows() -> None:
    steps: Sequence[Step] = [Fill("n1", "cases", 1001, 1000)] * 600
    with pytest.raises(FormatError, match="save a shorter run"):
        check_work(3, steps, "here")


def test_what_it_asks_for_goes_into_one_belief() -> None:
    fill = Fill("n1", "cases", 1001, 3)
    rows = [accepted({"title": f"t{number}", "counter": 0}) for number in (1001, 1002, 1003)]
    belief = fill.expect(initial(NET).belief, compound(tuple(rows)))
    assert len(belief.rows) == 3
