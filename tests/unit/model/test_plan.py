"""What a plan says after steps, by hand: who may show what, what was used up, what was deleted."""

from __future__ import annotations

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.columns import Counter, Token
from syncmodel.model.net import fully_connected
from syncmodel.model.plan import MOST_WRITES, Plan, contested
from syncmodel.model.values import Row
from syncmodel.targets.wire import SUPERTEST

C1, C2, E1 = Row("cases", "c1"), Row("cases", "c2"), Row("events", "e1")
NET = fully_connected(SUPERTEST, 3)
#: n3 hears nobody, and is heard by nobody.
APART = NET.with_cut({link for link in NET.links if "n3" in link})
WITHOUT_PLUGIN = 1
ONLY_C1, BOTH = frozenset({C1}), frozenset({C1, C2})


def test_a_write_may_show_wherever_it_can_come_and_nowhere_else() -> None:
    plan = Plan(APART).wrote("n1", C1).wrote("n3", C2)
    assert [plan.may_show(node) for node in NET.nodes] == [ONLY_C1, ONLY_C1, {C2}]
    assert plan.rows == BOTH
    assert plan.known["n1"] is plan.known["n2"]
    plan = plan.rewired(NET)
    assert [plan.may_show(node) for node in NET.nodes] == [BOTH, BOTH, BOTH]


def test_the_latest_write_says_whether_a_row_is_deleted() -> None:
    plan = Plan(NET).wrote("n1", C1, deleted=True).wrote("n1", C2, deleted=True)
    assert plan.deleted == BOTH
    plan = plan.wrote("n2", C2)
    assert plan.deleted == ONLY_C1
    assert plan.wrote("n2", C1).deleted == frozenset()


def test_what_writes_used_up_is_kept_for_each_kind_of_column() -> None:
    plan = Plan(NET).wrote("n1", C1, tokens=("t1", 3)).wrote("n1", C1, amount=4)
    plan = plan.wrote("n1", C2, amount=5).wrote("n1", C2, tokens=("t2",)).wrote("n2", C1)
    assert plan.used(Token("title")) == {"t1", 3, "t2"}
    assert plan.used(Counter("counter")) == {4, 5}


def test_a_row_has_room_for_so_many_writes() -> None:
    plan = Plan(NET)
    assert plan.has_room(C1)
    for _ in range(MOST_WRITES - 1):
        plan = plan.wrote("n1", C1)
    assert plan.has_room(C1)
    plan = plan.wrote("n1", C1)
    assert plan.writes[C1] == MOST_WRITES
    assert not plan.has_room(C1)
    assert plan.has_room(C2)


def test_a_row_keeps_what_it_names() -> None:
    plan = Plan(NET).wrote("n1", E1, refs=("c1",))
    assert plan.refs[E1] == ("c1",)
    assert plan.wrote("n1", E1).refs[E1] == ("c1",)
    assert C1 not in plan.wrote("n1", C1).refs


def test_many_rows_are_written_as_one_is() -> None:
    rows = frozenset(Row("events", f"e{number}") for number in range(1, 6))
    between = rows - {E1}
    before = Plan(APART).wrote("n1", C1, tokens=("t1",)).wrote("n1", E1)
    before = before.filled("n1", rows, between=between, tokens=frozenset({"b1"}), refs=("c1",))
    assert before.rows == rows | {C1}
    assert before.may_show("n1") == before.may_show("n2") == rows | {C1}
    assert before.may_show("n3") == frozenset()
    assert before.tokens == {"t1", "b1"}
    assert {row: before.writes[row] for row in rows} == {**dict.fromkeys(rows, 1), E1: 2}
    assert {before.refs[row] for row in rows} == {("c1",)}
    assert before.drawn("n1") == {E1, C1}
    more = frozenset({Row("cases", "c8"), Row("cases", "c9")})
    after = before.filled("n1", more, between=more, tokens=frozenset(), refs=())
    assert after.passed_over == between | more
    assert after.refs == before.refs
    assert after.drawn("n2") == {E1, C1}
    assert after.drawn("n3") == frozenset()


def test_a_disk_that_is_put_back_may_bring_what_its_copy_had_to_all_that_hear_it() -> None:
    plan = Plan(NET).wrote("n1", C1).copied(("n1",))
    assert dict(plan.saved) == {"n1": ONLY_C1}
    lost = replace(plan, known=Map())
    back = lost.put_back(("n1",))
    assert [back.may_show(node) for node in NET.nodes] == [ONLY_C1] * 3
    apart = replace(lost, net=APART).put_back(("n1",))
    assert [apart.may_show(node) for node in NET.nodes] == [ONLY_C1, ONLY_C1, frozenset()]
    assert lost.put_back(("n2",)).may_show("n2") == frozenset()


def test_a_net_that_is_the_same_changes_nothing() -> None:
    plan = Plan(NET).wrote("n1", C1)
    assert plan.rewired(NET) is plan
    assert plan.rewired(APART.with_cut(())) is plan
    assert not plan.purged
    assert plan.purging() == replace(plan, purged=True)


def test_who_loses_its_log_may_show_nothing_that_nobody_tells_it() -> None:
    plan = Plan(APART).wrote("n3", C1)
    gone = plan.rewired(APART.deploy(("n3",), WITHOUT_PLUGIN))
    assert gone.may_show("n3") == frozenset()
    assert gone.rows == ONLY_C1


def test_rows_are_contested_that_another_may_have_from_elsewhere() -> None:
    plan = Plan(APART).wrote("n1", C1).wrote("n3", C2)
    assert contested(plan, "n1", BOTH) == [C2]
    assert contested(plan, "n3", BOTH) == [C1]
    assert contested(plan, "n1", ONLY_C1) == []
    assert contested(plan.rewired(NET), "n1", BOTH) == []
