"""Names: what tidy ones are, and that a run stays the same run whatever its names."""

import pytest
from any_runs import SHOP, dressings, scripts
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncmodel.engine.fitting import fitted, fitted_promises
from syncmodel.engine.rename import Names, merged, renamed, tidy_names, without_node
from syncmodel.engine.run import first_disabled
from syncmodel.engine.script import Script
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.values import Row
from syncmodel.model.world import promised
from syncmodel.steps import (
    Add,
    Crash,
    Create,
    Cut,
    Delete,
    Partition,
    Refused,
    Resync,
    Rollout,
    Set,
)
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 3)
DRESSED = Script(
    NET,
    (
        Create("n3", "cases", "9\x00", (("title", "b\x1b[31m"),)),
        Cut("n3", "n2"),
        Create("n3", "events", "e7", (("case", "9\x00"), ("body", "x" * 99))),
        Add("n2", "cases", "9\x00", "counter", 64),
        Set("n2", "cases", "9\x00", "title", "c1"),
        Refused(Delete("n2", "cases", "c1"), "no_such_row"),
        Rollout(("n3", "n1"), 3),
    ),
)
TIDY = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Cut("n1", "n2"),
    Create("n1", "events", "e1", (("case", "c1"), ("body", "t2"))),
    Add("n2", "cases", "c1", "counter", 1),
    Set("n2", "cases", "c1", "title", "t3"),
    Refused(Delete("n2", "cases", "c2"), "no_such_row"),
    Rollout(("n1", "n3"), 3),
)


def test_tidy_names_are_plain_and_in_order() -> None:
    names = tidy_names(DRESSED)
    assert renamed(DRESSED, names).steps == TIDY
    assert tidy_names(Script(NET, TIDY)).changes == 0
    assert names.rows == {
        Row("cases", "9\x00"): "c1",
        Row("events", "e7"): "e1",
        Row("cases", "c1"): "c2",
    }
    # Three nodes, two rows and the other case, three texts, one amount; n2 keeps its name.
    assert names.changes == 2 + 3 + 3 + 1


def test_the_id_of_one_table_is_no_name_in_another() -> None:
    steps = (
        Create("n1", "shops", "a", (("name", "a"), ("floors", 7))),
        Create("n1", "shelves", "a", (("label", None), ("shop", "a"))),
        Create("n1", "goods", "a", (("shelf", "a"), ("price", 9), ("like", "zz"))),
        Set("n1", "goods", "a", "price", 7_000),
        Set("n1", "shops", "a", "floors", 0),
    )
    script = Script(fully_connected(SHOP, 1), steps)
    assert renamed(script, tidy_names(script)).steps == (
        # 3 is what floors are by default.
        Create("n1", "shops", "s1", (("name", "t1"), ("floors", 1))),
        Create("n1", "shelves", "sh1", (("label", None), ("shop", "s1"))),
        Create("n1", "goods", "g1", (("shelf", "sh1"), ("price", 2), ("like", "s2"))),
        Set("n1", "goods", "g1", "price", 3),
        Set("n1", "shops", "s1", "floors", 4),
    )


@given(data=st.data())
def test_a_run_is_the_same_whatever_its_names(data: st.DataObject) -> None:
    script = data.draw(scripts())
    names = data.draw(dressings(script))
    dressed = renamed(script, names)
    assert first_disabled(dressed.net, dressed.steps) is None
    # Which node appears first may depend on its name: the groups of a partition are sorted.
    again = renamed(dressed, evolve(tidy_names(dressed), nodes={}))
    assert again == script
    assert evolve(tidy_names(again), nodes={}).changes == 0
    back = Names(
        rows={Row(row.table, new): row.name for row, new in names.rows.items()},
        tokens={new: old for old, new in names.tokens.items()},
        amounts={new: old for old, new in names.amounts.items()},
    )
    assert renamed(dressed, back) == script


def test_readers_keep_their_names() -> None:
    guarantees = Guarantees(readers={"n1"})
    steps = (Create("n3", "cases", "c9", (("title", "t1"),)), Crash("n2"))
    script = Script(promised(NET, guarantees), steps)
    assert renamed(script, tidy_names(script)).steps == (
        Create("n3", "cases", "c1", (("title", "t1"),)),
        Crash("n2"),
    )
    smaller = without_node(script, "n2")
    assert smaller.net.nodes == ("n1", "n3")
    assert smaller.net.readers == {"n1"}
    assert smaller.steps == steps[:1]
    assert without_node(script, "n1").net.readers == frozenset()
    there = fitted(smaller, ("a", "b"))
    assert there.net.nodes == ("a", "b")
    assert there.net.readers == {"a"}
    assert there.steps[0].nodes() == {"b"}
    assert fitted_promises(guarantees, smaller.net.nodes, ("a", "b")).readers == {"a"}
    assert fitted_promises(guarantees, smaller.net.nodes, ("n1", "n2", "n3")) is guarantees


def test_a_node_less() -> None:
    script = Script(NET, (Partition((("n1", "n2"), ("n2", "n3"))), Crash("n2"), Resync("n3")))
    left = without_node(script, "n2")
    assert left.net == fully_connected(SUPERTEST, 2)
    assert left.steps == (Partition((("n1",), ("n2",))), Resync("n2"))
    both = merged(script, "n2", "n1")
    assert both.steps == (Partition((("n1", "n2"),)), Crash("n1"), Resync("n2"))


def test_nodes_and_their_generations_change_places() -> None:
    running = NET.running.set("n3", 3)
    script = Script(replace(NET, running=running), (Crash("n3"),))
    tidy = renamed(script, tidy_names(script))
    assert dict(tidy.net.running) == {"n1": 3, "n2": 2, "n3": 2}
    with pytest.raises(ValueError, match="not one new name for each node"):
        renamed(script, Names(nodes={"n1": "n2"}))
