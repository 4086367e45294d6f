"""All that a store holds, for comparisons.

`Connection.iterdump` checks foreign keys since Python 3.13, and events refer to cases by a part of
their key, which SQLite calls a mismatch where it looks.
"""

import sqlite3
from typing import Any


def everything(store: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Every table as it was made, and its rows in the order in which they came."""
    tables = store.execute("SELECT name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    rows = [
        (name, *row)
        for name, sql in tables
        if sql is not None and sql.startswith("CREATE TABLE")
        for row in store.execute(f'SELECT * FROM "{name}"')
    ]
    return [*tables, *rows]
