"""A store that was damaged at rest is not opened, whatever is wrong with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_node import NODE

from syncmodel.reference.node import migrations
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.config import Config
from syncmodel.reference.node.ports import Write
from syncmodel.reference.node.spoiled import PARTS, spoil
from syncmodel.reference.node.store import DamagedStoreError, Store

ROWS = 3


def made(path: Path, rows: int = ROWS) -> None:
    """A store with so many rows; nobody has it open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db, migrations.transaction(db):
        migrations.ensure_base(db)
        plan = migrations.plan({}, {"supertest": 1})
        migrations.run(db, plan, new_log_id="log", now_s=0)
    with closing(Store(path, 1)) as store:
        node = Application(CONFIG, store)
        for number in range(rows):
            row = f'{{"id": "r/c{number}", "run_id": "r", "title": "t", "counter": 1}}'
            assert node.submit(Write("POST", "cases", row.encode(), 1_000)) is not None


CONFIG = Config(
    name="n1",
    key=NODE,
    admins=frozenset(),
    peers=(),
    trusted=frozenset({NODE.public}),
    bugs=(),
    reconnect_cap_s=1.0,
    plugin=1,
)


def shown(path: Path) -> int:
    """How many cases a node shows that starts from this store."""
    with closing(Store(path, 1)) as store:
        Application(CONFIG, store)
        return len(store.state("r")["cases"])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("rows", [0, ROWS])
def test_a_damaged_store_is_refused_by_name(tmp_path: Path, part: str, rows: int) -> None:
    path = tmp_path / "node.sqlite"
    made(path, rows)
    assert shown(path) == rows
    spoil(path, part)
    with pytest.raises(DamagedStoreError, match=r"^store_damaged: .*restore a copy of it"):
        shown(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store that is whole, with all of it in its file."""
    path = tmp_path_factory.mktemp("whole") / "node.sqlite"
    made(path)
    return path.read_bytes()


@given(number=st.integers(0, ROWS - 1), data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_bit_of_any_row_is_noticed(whole: bytes, number: int, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "node.sqlite"
        path.write_bytes(whole)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            (text,) = db.execute(
                "SELECT event FROM entries ORDER BY position LIMIT 1 OFFSET ?", (number,)
            ).fetchone()
            raw = bytearray(text.encode())
            at = data.draw(st.integers(0, 7 * len(raw) - 1))
            raw[at // 7] ^= 1 << at % 7  # ASCII stays ASCII
            db.execute("UPDATE entries SET event = ? WHERE event = ?", (raw.decode(), text))
        with pytest.raises(DamagedStoreError):
            shown(path)
