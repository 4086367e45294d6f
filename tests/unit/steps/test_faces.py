"""The faces of steps that read plans: what is enabled where, and what it makes of the plan."""

from __future__ import annotations

from copy import deepcopy
from functools import reduce
from random import Random

import pytest
from msgspec.structs import replace
from stories import attach, count, create, retitle

from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Generation, Schema
from syncmodel.model.values import Row
from syncmodel.steps import (
    Burst,
    Concurrently,
    Crash,
    Cut,
    Data,
    Delete,
    Heal,
    Mend,
    Partition,
    Refused,
    Restart,
    Resync,
    Rollback,
    Rollout,
    Step,
)
from syncmodel.targets.wire import PLUGIN, SUPERTEST

FRESH = Plan(fully_connected(SUPERTEST, 3))
CASE, EVENT = Row("cases", "c1"), Row("events", "e1")
CREATED = create("n1", "c1", "t1")
HAS_EVENT = attach("n1", "e1", "c1", "b1")
N3_ALONE = Partition((("n1", "n2"), ("n3",)))


def after(*steps: Step, start: Plan = FRESH) -> Plan:
    """The plan once these were taken, each where it was enabled."""

    def take(plan: Plan, step: Step) -> Plan:
        assert step.enabled(plan), step
        return step.advance(plan)

    return reduce(take, steps, start)


WRITTEN = after(CREATED)
BEHIND = after(N3_ALONE, CREATED)
N1_BARE = after(CREATED, Rollback(("n1",), 1))

ENABLED: list[tuple[Plan, Step]] = [
    (FRESH, CREATED),
    (WRITTEN, create("n2", "c1", "t2")),
    (WRITTEN, retitle("n3", "c1", "t2")),
    (WRITTEN, count("n3", "c1", 2**39)),
    (WRITTEN, Delete("n2", "cases", "c1")),
    (after(CREATED, Delete("n1", "cases", "c1")), Delete("n2", "cases", "c1")),
    (WRITTEN, HAS_EVENT),
    (after(CREATED, HAS_EVENT), attach("n2", "e1", "c1", "b2")),
    (after(CREATED, HAS_EVENT), Delete("n3", "events", "e1")),
    (FRESH, N3_ALONE),
    (FRESH, Cut("n1", "n2")),
    (after(Cut("n1", "n2")), Mend("n1", "n2")),
    (after(Cut("n1", "n2")), Heal()),
    (FRESH, Resync("n1")),
    (FRESH, Rollout(("n1", "n2"), 3)),
    (FRESH, Rollback(("n1",), 1)),
    (FRESH, Crash("n1")),
    (after(Crash("n1")), Restart("n1")),
    (FRESH, Restart("n1")),
    (FRESH, Burst((CREATED, retitle("n1", "c1", "t2")))),
    (FRESH, Burst((Concurrently((CREATED, Crash("n2"))), Restart("n2")))),
    (FRESH, Concurrently((CREATED, Cut("n1", "n2")))),
    (FRESH, Concurrently((CREATED, Crash("n1")))),
    (FRESH, Concurrently((Crash("n1"), Rollback(("n2",), 1)))),
    (FRESH, Refused(Delete("n1", "cases", "c1"), "no_such_row")),
    (FRESH, Refused(HAS_EVENT, "missing_reference")),
    (FRESH, Refused(CREATED, "malformed")),
    (N1_BARE, Refused(retitle("n1", "c1", "t2"), "no_plugin")),
    (after(CREATED, Crash("n1")), Refused(Delete("n1", "cases", "c1"), "unreachable")),
    (BEHIND, Refused(Delete("n3", "cases", "c1"), "no_such_row")),
]
DISABLED: list[tuple[Plan, Step]] = [
    (FRESH, retitle("n1", "c1", "t1")),
    (FRESH, count("n1", "c1", 1)),
    (FRESH, Delete("n1", "cases", "c1")),
    (FRESH, HAS_EVENT),
    (FRESH, Delete("n1", "events", "e1")),
    (WRITTEN, create("n1", "c2", "t1")),
    (WRITTEN, retitle("n1", "c1", "t1")),
    (WRITTEN, attach("n1", "e1", "c1", "t1")),
    (WRITTEN, count("n1", "c1", 3)),
    (WRITTEN, count("n1", "c1", 2**40)),
    (
        after(CREATED, count("n1", "c1", 1)),
        count("n2", "c1", 1),
    ),
    (
        after(CREATED, HAS_EVENT, create("n1", "c2", "t2")),
        attach("n1", "e1", "c2", "b2"),
    ),
    (BEHIND, retitle("n3", "c1", "t2")),
    (N1_BARE, retitle("n1", "c1", "t2")),
    (after(CREATED, Crash("n1")), retitle("n1", "c1", "t2")),
    (FRESH, Heal()),
    (FRESH, Mend("n1", "n2")),
    (FRESH, Cut("n1", "n1")),
    (FRESH, Cut("n1", "n9")),
    (after(Cut("n1", "n2")), Cut("n1", "n2")),
    (FRESH, Partition((("n1", "n2", "n3"),))),
    (FRESH, Partition((("n1", "n9"),))),
    (N1_BARE, Resync("n1")),
    (FRESH, Rollout(("n1",), 2)),
    (FRESH, Rollout(("n1",), 4)),
    (FRESH, Rollout((), 3)),
    (FRESH, Rollout(("n1", "n1"), 3)),
    (FRESH, Rollback(("n1",), 2)),
    (after(Crash("n1")), Rollback(("n1",), 1)),
    (after(Crash("n1")), Crash("n1")),
    (FRESH, Restart("n9")),
    (FRESH, Burst(())),
    (FRESH, Burst((retitle("n1", "c1", "t2"), CREATED))),
    (FRESH, Burst((CREATED, Burst((Crash("n1"),))))),
    (FRESH, Concurrently((CREATED,))),
    (FRESH, Concurrently((CREATED, retitle("n1", "c1", "t2")))),
    (FRESH, Concurrently((CREATED, create("n2", "c2", "t1")))),
    (
        WRITTEN,
        Concurrently((count("n1", "c1", 1), count("n2", "c1", 1))),
    ),
    (FRESH, Concurrently((Cut("n1", "n2"), Cut("n2", "n1")))),
    (FRESH, Concurrently((Crash("n1"), Rollback(("n1",), 1)))),
    (FRESH, Concurrently((CREATED, Refused(Delete("n1", "cases", "c1"), "no_such_row")))),
    (WRITTEN, Refused(Delete("n3", "cases", "c1"), "no_such_row")),
    (FRESH, Refused(CREATED, "no_such_row")),
    (WRITTEN, Refused(HAS_EVENT, "missing_reference")),
    (FRESH, Refused(Delete("n1", "cases", "c1"), "malformed")),
    (FRESH, Refused(CREATED, "no_plugin")),
    (FRESH, Refused(CREATED, "unreachable")),
    (FRESH, Refused(CREATED, "bad_weather")),
    (FRESH, Refused(create("n9", "c1", "t1"), "malformed")),
]


@pytest.mark.parametrize(("plan", "step"), ENABLED, ids=lambda value: str(value)[:40])
def test_enabled(plan: Plan, step: Step) -> None:
    assert step.enabled(plan)


@pytest.mark.parametrize(("plan", "step"), DISABLED, ids=lambda value: str(value)[:40])
def test_disabled(plan: Plan, step: Step) -> None:
    assert not step.enabled(plan)


@pytest.mark.parametrize(("plan", "step"), ENABLED, ids=lambda value: str(value)[:40])
def test_asking_changes_nothing(plan: Plan, step: Step) -> None:
    before, same = deepcopy((plan, step)), (plan, step)
    first = step.advance(plan)
    assert step.enabled(plan)
    assert step.advance(plan) == first
    assert same == before
    assert hash(step.advance(before[0])) == hash(first)


def test_a_refused_request_leaves_the_plan_alone() -> None:
    assert Refused(Delete("n1", "cases", "c1"), "no_such_row").advance(FRESH) == FRESH


def known(plan: Plan, row: Row = CASE) -> str:
    """The nodes that may know the row."""
    return " ".join(node for node in plan.net.nodes if row in plan.may_show(node))


@pytest.mark.parametrize(
    ("plan", "nodes"),
    [
        pytest.param(WRITTEN, "n1 n2 n3", id="everywhere"),
        pytest.param(BEHIND, "n1 n2", id="behind a cut"),
        pytest.param(after(Heal(), start=BEHIND), "n1 n2 n3", id="after the heal"),
        pytest.param(after(Cut("n1", "n3"), CREATED), "n1 n2 n3", id="by a third node"),
        pytest.param(
            after(
                Cut("n1", "n3"),
                CREATED,
                start=replace(FRESH, net=replace(FRESH.net, passes_on=False)),
            ),
            "n1 n2",
            id="not passed on",
        ),
        pytest.param(after(Crash("n3"), CREATED), "n1 n2", id="one was down"),
        pytest.param(after(Crash("n3"), CREATED, Restart("n3")), "n1 n2 n3", id="and is up again"),
        pytest.param(N1_BARE, "n2 n3", id="one lost its log"),
        pytest.param(after(Rollout(("n1",), 2), start=N1_BARE), "n1 n2 n3", id="and has it again"),
        pytest.param(
            after(
                CREATED,
                Rollback(("n1",), 1),
                start=replace(FRESH, net=replace(FRESH.net, keeps_log=True)),
            ),
            "n1 n2 n3",
            id="one that keeps its log",
        ),
        pytest.param(after(CREATED, Rollback(("n1", "n2", "n3"), 1)), "", id="all lost theirs"),
        pytest.param(
            after(Partition(()), Concurrently((CREATED, Heal()))), "n1 n2 n3", id="during a heal"
        ),
        pytest.param(
            after(Concurrently((CREATED, Partition(())))), "n1 n2 n3", id="before the cut perhaps"
        ),
        pytest.param(
            after(Concurrently((CREATED, Rollback(("n1",), 1)))), "n2 n3", id="while it is lost"
        ),
    ],
)
def test_what_may_show_where(plan: Plan, nodes: str) -> None:
    assert known(plan) == nodes


def test_every_generation_of_the_net_counts() -> None:
    """A net with generations of its own: from 1 to 3 the tables live on."""
    listed = [Generation(role, {PLUGIN: 1} if role else {}) for role in ("first", "", "last")]
    net = fully_connected(Schema(*SUPERTEST.tables, plugin=PLUGIN, generations=listed), 3)
    plan = after(CREATED, Rollback(("n1",), 1), start=Plan(net))
    assert known(plan) == "n1 n2 n3"
    assert known(after(CREATED, Rollback(("n1",), 2), start=Plan(net))) == "n2 n3"


def test_a_shuffled_burst_is_enabled_only_in_an_order_that_works() -> None:
    steps: list[Data] = [CREATED, HAS_EVENT, Delete("n1", "events", "e1")]
    for seed in range(20):
        shuffled = Random(seed).sample(steps, 3)
        assert Burst(tuple(shuffled)).enabled(FRESH) is (shuffled == steps)
