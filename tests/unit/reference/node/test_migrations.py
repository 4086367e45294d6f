import sqlite3
from collections.abc import Iterator

import pytest
from one_machine import failing

from syncmodel.reference.node import migrations
from syncmodel.reference.node.migrations import MIGRATIONS, Direction, Migration, Plan, plan

V1, V2, V3 = ({"supertest": version} for version in (1, 2, 3))
CASES, EVENTS, SEVERITY, TEXT, DROPPED = (migration.name for migration in MIGRATIONS)


@pytest.fixture
def store() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.ensure_base(connection)
    connection.execute("INSERT INTO meta VALUES ('log_id', 'old'), ('position', 7)")
    connection.execute("INSERT INTO cursors VALUES ('peer', 'theirs', 4)")
    connection.execute("INSERT INTO entries VALUES (30100, 'r/c1', 'me', 7, 1, 'id', '{}')")
    yield connection
    connection.close()


def run(store: sqlite3.Connection, steps: Plan, known: tuple[Migration, ...] = MIGRATIONS) -> None:
    with migrations.transaction(store):
        migrations.run(store, steps, new_log_id="new", now_s=5, migrations=known)


def everything(store: sqlite3.Connection) -> list[str]:
    return list(store.iterdump())


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        ({}, V1, (("up", CASES), ("up", EVENTS))),
        ({}, V2, (("up", CASES), ("up", EVENTS), ("up", SEVERITY), ("up", TEXT))),
        (V1, V2, (("up", SEVERITY), ("up", TEXT))),
        (V2, V1, (("down", TEXT), ("down", SEVERITY))),
        (V2, {}, (("down", TEXT), ("down", SEVERITY), ("down", EVENTS), ("down", CASES))),
        (V2, V3, (("up", DROPPED),)),
        (V3, V1, (("down", DROPPED), ("down", TEXT), ("down", SEVERITY))),
        (V1, V1, ()),
        ({"aether": 3}, {}, ()),
    ],
)
def test_plan(before: dict[str, int], after: dict[str, int], steps: Plan) -> None:
    assert plan(before, after) == steps


def test_down_comes_before_up_when_one_plugin_replaces_another() -> None:
    other = Migration("other-1", "other", 1, ("CREATE TABLE other (id)",), ("DROP TABLE other",))
    assert plan(V1, {"other": 1}, (*MIGRATIONS, other)) == (
        ("down", EVENTS),
        ("down", CASES),
        ("up", "other-1"),
    )


def test_every_migration_is_reversible_and_leaves_nothing(store: sqlite3.Connection) -> None:
    before = set(store.execute("SELECT name, sql FROM sqlite_master"))
    run(store, plan({}, V3))
    assert migrations.installed(store) == V3
    run(store, plan(V3, {}))
    assert set(store.execute("SELECT name, sql FROM sqlite_master")) == before
    assert migrations.applied(store) == ()


def test_version_2_down_keeps_the_rows_and_the_log(store: sqlite3.Connection) -> None:
    run(store, plan({}, V2))
    store.execute("INSERT INTO supertest_cases VALUES ('r/c1', 'r', 'title', 3, 1, 2, 'high')")
    run(store, plan(V2, V1))
    assert store.execute("SELECT * FROM supertest_cases").fetchall() == [
        ("r/c1", "r", "title", 3, 1, 2)
    ]
    assert dict(store.execute("SELECT key, value FROM meta")) == {"log_id": "old", "position": 7}
    run(store, plan(V1, V2))
    assert store.execute("SELECT severity FROM supertest_cases").fetchall() == [("normal",)]


def test_version_3_drops_a_column_and_the_way_back_has_it_again(store: sqlite3.Connection) -> None:
    run(store, plan({}, V3))
    row = ("r/c1", "r", "title", 3, 1, 2)
    store.execute("INSERT INTO supertest_cases VALUES (?, ?, ?, ?, ?, ?)", row)
    run(store, plan(V3, V2))
    # What it was is in the log, from which the application makes it again.
    assert store.execute("SELECT * FROM supertest_cases").fetchall() == [(*row, "normal")]


def test_version_1_down_drops_the_log(store: sqlite3.Connection) -> None:
    run(store, plan({}, V1))
    store.execute("INSERT INTO entries VALUES (1, 'other', 'me', 8, 1, 'id2', '{}')")
    run(store, plan(V1, {}))
    assert dict(store.execute("SELECT key, value FROM meta")) == {"log_id": "new", "position": 0}
    assert store.execute("SELECT kind FROM entries").fetchall() == [(1,)]
    assert store.execute("SELECT * FROM cursors").fetchall() == []


def test_up_keeps_log_and_cursors(store: sqlite3.Connection) -> None:
    run(store, plan({}, V1))
    assert dict(store.execute("SELECT key, value FROM meta")) == {"log_id": "old", "position": 7}
    assert store.execute("SELECT count(*) FROM cursors").fetchone() == (1,)


@pytest.mark.parametrize("broken", range(len(MIGRATIONS)))
def test_a_failure_leaves_everything_as_it_was(store: sqlite3.Connection, broken: int) -> None:
    def known(way: Direction) -> tuple[Migration, ...]:
        return tuple(failing(m, way) if m == MIGRATIONS[broken] else m for m in MIGRATIONS)

    before = everything(store)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        run(store, plan({}, V3), known("up"))
    assert everything(store) == before
    run(store, plan({}, V3), known("down"))
    before = everything(store)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        run(store, plan(V3, {}))
    assert everything(store) == before


def test_outside_a_transaction_nothing_is_run(store: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.ProgrammingError, match="BEGIN"):
        migrations.run(store, plan({}, V1), new_log_id="new", now_s=5)
    assert migrations.applied(store) == ()


def test_base_tables_are_made_once(store: sqlite3.Connection) -> None:
    before = everything(store)
    migrations.ensure_base(store)
    assert everything(store) == before
