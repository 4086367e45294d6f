"""The SQLite store: what it gives back, and that a failing transaction leaves nothing behind."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncmodel.reference.node import core, migrations
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.node.entries import CASES, EVENTS
from syncmodel.reference.node.joined import NOW_S, Net, joined, pubkey
from syncmodel.reference.node.ports import Cursor, Members, Put, Resync, Show
from syncmodel.reference.node.state import State, entries, read
from syncmodel.reference.node.store import Store, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "node.sqlite"
    _migrate(path, {}, {"supertest": 1})
    return path


def _migrate(path: Path, before: dict[str, int], after: dict[str, int]) -> None:
    with sqlite3.connect(path, isolation_level=None) as db:
        migrations.ensure_base(db)
        db.execute("BEGIN IMMEDIATE")
        migrations.run(db, migrations.plan(before, after), new_log_id="dropped", now_s=0)
        db.execute("COMMIT")
    db.close()


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, 1)
    yield store
    store.close()


def _filled(store: Store) -> State:
    """A small history, applied to `store` step by step; the state that it leads to."""
    net = Net(["n1"])
    boot = store.load()
    net.disks["n1"] = Disk(boot.log_id, net.disks["n1"].trusted)
    net.boot("n1")
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "cases", {"id": "r/c1", "run_id": "r", "title": "ä\x00'", "counter": 1}),
        ("POST", "cases", {"id": "r/c2", "run_id": "r", "title": "t", "counter": 2**63 - 1}),
        ("POST", "events", {"id": "r/e1", "run_id": "r", "case_id": "r/c1", "body": "b"}),
        ("POST", "events", {"id": "r/e2", "run_id": "r", "case_id": "r/c2", "body": "hidden"}),
        ("PATCH", "cases/r/c1", {"title": "new"}),
        ("DELETE", "cases/r/c2", {}),
    ]
    for method, name, body in requests:
        before = net.states["n1"]
        assert net.write("n1", method, name, **body).status < 300
        store.apply(_difference(before, net.states["n1"]))
    return net.states["n1"]


def _difference(before: State, after: State) -> list[Put | Show]:
    known = set(entries(before))
    puts = [Put(one) for one in entries(after) if one not in known]
    keys = {*before.table, *after.table}
    shows = [
        Show(key, after.table.get(key, ()), NOW_S)
        for key in keys
        if before.table.get(key) != after.table.get(key)
    ]
    return [*puts, *shows]


def test_the_tables_show_what_the_core_shows(store: Store) -> None:
    state = _filled(store)
    assert store.state("r") == read(state, "r")
    assert [one["id"] for one in store.state("r")["events"]] == ["r/e1"]
    assert store.state("other")["cases"] == []


def test_a_store_that_is_opened_again_holds_what_was_applied(path: Path, store: Store) -> None:
    state = _filled(store)
    members = Members(state.trusted, frozenset({"n3"}))
    store.apply([Cursor("n2", "L", 7), members])
    store.close()
    store = Store(path, 1)
    held = store.load()
    assert set(held.stored) == set(entries(state))
    assert (held.log_id, held.position) == (state.log_id, state.position)
    assert held.cursors == (Cursor("n2", "L", 7),)
    assert held.members == members
    again = core.boot(
        Net(["n1"]).nodes["n1"],
        now_s=0,
        log_id=held.log_id,
        plugin=1,
        stored=held.stored,
        position=held.position,
        trusted=members.trusted,
    )
    assert again.table == state.table
    store.close()


def test_an_empty_database_is_a_new_log(path: Path, tmp_path: Path) -> None:
    first, second = Store(path, 1), Store(tmp_path / "other.sqlite", None)
    assert first.load().log_id != second.load().log_id
    assert first.load().members is None
    first.close()
    second.close()


def test_a_database_that_was_put_back_gets_a_new_log(path: Path, store: Store) -> None:
    _filled(store)
    store.apply([Cursor("n2", "L", 7)])
    before = store.load()
    assert store.renew_log() != before.log_id
    store.close()
    store = Store(path, 1)
    after = store.load()
    assert (after.position, after.stored, after.cursors) == (before.position, before.stored, ())
    store.close()


def test_a_failing_transaction_changes_nothing(store: Store, path: Path) -> None:
    _filled(store)
    shown = Show((CASES, "r/c1"), (), NOW_S)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE cursors")
    other.close()
    before = store.state("r")
    with pytest.raises(StoreError, match="no such table"):
        store.apply([shown, Cursor("n2", "L", 1)])
    assert store.state("r") == before


def test_a_locked_database_is_a_store_error(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = _filled(store)
    store.close()
    monkeypatch.setattr("syncmodel.reference.node.store.BUSY_LIMIT_S", 0.01)
    store = Store(path, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.apply([Cursor("n2", "L", 1)])
    other.execute("ROLLBACK")
    other.close()
    store.apply([Cursor("n2", "L", 1)])
    assert store.state("r") == read(state, "r")
    store.close()


def test_a_full_disk_is_a_store_error(store: Store, path: Path) -> None:
    state = _filled(store)
    store._db.execute("PRAGMA max_page_count = 1")
    stored = max(entries(state), key=lambda one: one.position)
    big = [Put(stored)] + [Cursor("x" * 5_000 + str(number), "L", 1) for number in range(50)]
    with pytest.raises(StoreError, match="full"):
        store.apply(big)
    assert store.load().cursors == ()


def test_new_columns_are_filled_with_what_entries_say_of_them(path: Path) -> None:
    net = joined("n1", "n2")
    net.plugin["n2"] = 2
    net.crash("n2")
    net.write("n2", "POST", "cases", id="r/c1", run_id="r", title="t", counter=0, severity="high")
    net.case("n1", "c2")
    net.settle()
    store = Store(path, 1)
    store.apply(_difference(State("L"), net.states["n1"]))
    assert "severity" not in store.state("r")["cases"][0]
    store.close()
    _migrate(path, {"supertest": 1}, {"supertest": 2})
    store = Store(path, 2)
    assert [one["severity"] for one in store.state("r")["cases"]] == ["normal", "normal"]
    net.plugin["n1"] = 2
    net.crash("n1")
    store.mend(net.states["n1"].table)
    assert [one["severity"] for one in store.state("r")["cases"]] == ["high", "normal"]
    assert store.schema()["tables"]["supertest_cases"][-1] == "severity"
    store.close()


def test_rows_that_belong_nowhere_are_mended_away(store: Store) -> None:
    state = _filled(store)
    key = (CASES, "r/c1")
    row = state.table[key][0]
    store.apply([Show(key, (row, row), NOW_S)])
    assert store.state("r") != read(state, "r")
    store.mend(state.table)
    assert store.state("r") == read(state, "r")


def test_a_duplicated_event_shows_twice_in_the_table(store: Store) -> None:
    state = _filled(store)
    key = (EVENTS, "r/e1")
    store.apply([Show(key, state.table[key] * 2, NOW_S)])
    assert [one["id"] for one in store.state("r")["events"]] == ["r/e1", "r/e1"]


def test_a_full_resync_is_durable_before_it_is_asked() -> None:
    net = joined("n1", "n2")
    net.case("n1")
    net.settle()
    net.feed("n2", Resync(full=True))
    assert net.disks["n2"].cursors["n1"] == Cursor("n1", None, 0)
    assert pubkey("n1") in net.disks["n2"].trusted
