"""What follows is mostly about what was just touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import pairwise
from random import Random

import pytest

from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.model.values import Row
from syncmodel.steps import (
    Add,
    Backup,
    Burst,
    Concurrently,
    Crash,
    Create,
    Data,
    Delete,
    Distrust,
    Heal,
    Partition,
    Restart,
    Restore,
    Rollback,
    Rollout,
    Set,
    Step,
    vocabulary,
)
from syncmodel.steps.scope import Scope
from syncmodel.strategies.near import changed_since, keeps_news, near
from syncmodel.strategies.steps import choose
from syncmodel.strategies.weights import starting_over, weights
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 3)
SCOPE = Scope.of(SUPERTEST, vocabulary())
C1, C2 = Row("cases", "c1"), Row("cases", "c2")


def created(*names: str) -> Plan:
    plan = Plan(NET)
    for number, name in enumerate(names):
        plan = Create("n1", "cases", name, (("title", f"t{number}"),)).advance(plan)
    return plan


def test_it_is_the_row_or_where_there_is_none_the_node() -> None:
    row = near((Burst((Crash("n3"), Set("n1", "cases", "c1", "title", "t9"))),), 1.0)
    assert row.has(Delete("n2", "cases", "c1"))
    assert not row.has(Delete("n1", "cases", "c2"))
    back = near((Set("n1", "cases", "c1", "title", "t9"), Restart("n2")), 1.0)
    assert back.has(Delete("n2", "cases", "c2"))
    assert not back.has(Delete("n1", "cases", "c1"))
    assert not near((), 1.0).chance
    assert not near((Crash("n1"),), 1.0).chance
    told = near((Set("n1", "cases", "c1", "title", "t9"), Distrust("n2", "n1")), 1.0)
    assert told.has(Crash("n2"))
    assert not told.has(Crash("n1"))
    assert not row.has(Crash("n1"))


def many(plan: Plan, op: str, count: int = 600, also: Collection[str] = ()) -> list[Step]:
    ops = {op, *also, "create", "set", "add", "delete", "restart", "crash"}
    scope = Scope.of(SUPERTEST, ops)
    found = [choose(plan, scope, Random(seed)) for seed in range(9 * count)]
    return [step for step in found if step.op == op][:count]


def test_simultaneous_writes_meet_on_one_row_and_often_on_one_node() -> None:
    together = [s for s in many(created("c1", "c2"), "concurrently") if isinstance(s, Concurrently)]
    assert len(together) > 300
    writes = [[one for one in step.steps if isinstance(one, Data)] for step in together]
    pairs = [found for found in writes if len(found) > 1]
    meet = [found for found in pairs if len({one.key for one in found}) < len(found)]
    increments = [f for f in meet if sum(isinstance(one, Add) for one in f) > 1]
    on_one = [f for f in meet if len({one.node for one in f}) < len(f)]
    assert len(meet) > len(pairs) / 2
    assert len(increments) > len(pairs) / 30
    assert len(on_one) > len(meet) / 3


def test_what_is_down_is_mostly_what_is_restarted() -> None:
    plan = Crash("n3").advance(created("c1"))
    found = Counter(step.node for step in many(plan, "restart", 200) if isinstance(step, Restart))
    assert found["n3"] > 2 * (found["n1"] + found["n2"]) > 0


def test_in_a_burst_a_node_that_comes_back_is_written_on() -> None:
    plan = Crash("n3").advance(created("c1"))
    written = Counter[bool]()
    for burst in many(plan, "burst"):
        assert isinstance(burst, Burst)
        for first, then in pairwise(burst.steps):
            if isinstance(first, Restart) and isinstance(then, Data):
                written[first.node == then.node] += 1
    assert written[True] > 2 * written[False] > 0


def test_in_a_burst_a_node_that_is_told_something_is_mostly_killed_next() -> None:
    """What it said that it had taken to heart it must have stored."""
    scope = Scope.of(SUPERTEST, {"burst", "distrust", "create", "crash", "restart", "heal"})
    killed = Counter[bool]()
    for seed in range(12000):
        burst = choose(created("c1"), scope, Random(seed))
        for first, then in pairwise(burst.steps if isinstance(burst, Burst) else ()):
            if isinstance(first, Distrust):
                killed[isinstance(then, Crash) and then.node == first.node] += 1
    assert killed.total() > 200
    assert 4 * killed[True] > killed.total()


def test_who_has_no_plugin_mostly_gets_it_back_and_in_a_burst_often_at_once() -> None:
    """What it writes first is the beginning of a new log, before it has heard of the others'."""
    bare = Rollback(("n3",), 1).advance(created("c1"))
    bare = Rollback(("n2",), 2).advance(Rollout(("n2",), 3).advance(bare))
    scope = Scope.of(SUPERTEST, {"rollout", "create"})
    chosen = [choose(bare, scope, Random(seed)) for seed in range(900)]
    rollouts = Counter(step.on for step in chosen if isinstance(step, Rollout))
    assert rollouts.total() > 200
    assert rollouts["n3",] > 2 * (rollouts.total() - rollouts["n3",]) > 0
    at_once = Counter[bool]()
    for burst in many(created("c1"), "burst", 3000, {"rollback", "rollout"}):
        for first, then in pairwise(burst.steps if isinstance(burst, Burst) else ()):
            if isinstance(first, Rollback) and first.generation == 1:
                at_once[isinstance(then, Rollout) and then.on == first.on] += 1
    assert at_once.total() > 30
    assert 4 * at_once[True] > at_once.total()


def test_in_a_burst_a_node_that_was_put_back_gets_something_new() -> None:
    """Where it has not caught up yet, it writes again where its log had something else."""
    plan = Backup(("n2",)).advance(created("c1"))
    followed = Counter[bool]()
    for seed in range(9000):
        burst = choose(plan, SCOPE, Random(seed))
        for first, then in pairwise(burst.steps if isinstance(burst, Burst) else ()):
            if isinstance(first, Restore):
                followed[isinstance(then, Create) and then.node == "n2"] += 1
    assert followed.total() > 30
    assert 3 * followed[True] > followed.total()


def test_a_node_that_starts_over_beyond_a_cut_is_what_creates() -> None:
    plan = Partition((("n1", "n2"), ("n3",))).advance(created("c1"))
    assert starting_over(plan) == frozenset()
    for step in (Rollback(("n3",), 1), Rollout(("n3",), 2)):
        plan = step.advance(plan)
    assert starting_over(plan) == {"n3"}
    # Of cases: an event is created where there is a case.
    made = [one for one in many(plan, "create") if isinstance(one, Create) and one.table == "cases"]
    creators = Counter(one.node for one in made)
    assert creators["n3"] > 2 * (creators["n1"] + creators["n2"]) > 0


def test_what_began_a_new_log_beyond_a_cut_is_mostly_heard_next() -> None:
    plan = Partition((("n1", "n2"), ("n3",))).advance(created("c1"))
    for step in (Rollback(("n3",), 1), Rollout(("n3",), 2)):
        plan = step.advance(plan)
    first, second = (Create("n3", "cases", name, (("title", name),)) for name in ("c2", "c3"))
    plan = first.advance(plan)
    assert keeps_news(first, plan)
    assert keeps_news(Burst((Crash("n1"), first)), plan)
    ops = frozenset(vocabulary())
    after, usually = (weights(plan, ops, news=news) for news in (True, False))
    assert dict(after.weights)["heal"] > sum(after.sums[-1:]) / 4
    assert dict(usually.weights)["heal"] < usually.sums[-1] / 10
    # It has another row, the links are whole, nobody else has one, or something else came last.
    assert not keeps_news(second, second.advance(plan))
    assert not keeps_news(first, Heal().advance(plan))
    assert not keeps_news(Crash("n1"), Crash("n1").advance(plan))
    alone = Partition((("n1", "n2"), ("n3",))).advance(Plan(NET))
    assert not keeps_news(first, first.advance(alone))


def test_what_is_put_back_is_mostly_a_disk_that_has_changed() -> None:
    plan = Backup(("n1", "n2", "n3")).advance(created("c1"))
    assert changed_since(plan) == frozenset()
    plan = Partition((("n1", "n2"), ("n3",))).advance(plan)
    plan = Create("n3", "cases", "c2", (("title", "t9"),)).advance(plan)
    assert changed_since(plan) == {"n3"}
    found = Counter(step.on for step in many(plan, "restore", 200) if isinstance(step, Restore))
    assert found["n3",] > 2 * (found["n1",] + found["n2",]) > 0


def test_a_burst_does_not_often_end_as_a_disk_is_put_back() -> None:
    plan = Backup(("n2",)).advance(created("c1"))
    drawn = (choose(plan, SCOPE, Random(seed)) for seed in range(9000))
    bursts = [one.steps for one in drawn if isinstance(one, Burst)]
    restoring = [steps for steps in bursts if any(isinstance(one, Restore) for one in steps)]
    last = [steps for steps in restoring if isinstance(steps[-1], Restore)]
    assert len(restoring) > 3 * len(last) > 0


@pytest.mark.parametrize("op", ["burst", "concurrently"])
def test_where_nothing_is_possible_nothing_is_taken_together(op: str) -> None:
    with pytest.raises(ValueError, match="No step of"):
        choose(Plan(NET), Scope.of(SUPERTEST, {op, "mend"}), Random(1))


def test_everything_still_comes() -> None:
    rows = {step.key for step in many(created("c1", "c2"), "delete") if isinstance(step, Delete)}
    assert rows == {C1, C2}
