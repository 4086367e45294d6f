"""A store that was damaged at rest: doing it, for testers, and beginning anew with an empty one.

Who may kill the application may do both, no client may. Not here: noticing it (`store` looks at the
pages, `application` at the rows).
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from syncmodel.reference.node.generations import Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.supervised import Application

PARTS: Final = ("rows", "pages", "header")
#: Where the header of SQLite's first page begins its tree, and how long its magic is (SQLite,
#: "Database File Format", 1.3 and 1.6).
_TREE, _MAGIC = 100, 16


class Spoiled:
    """The store of one machine."""

    def __init__(self, layout: Layout, application: Application) -> None:
        self._layout = layout
        self._application = application
        self._generations = Generations(layout)

    async def spoil(self, part: str) -> None:
        """Kill the application, and damage its store: one of `PARTS`."""
        await self._application.kill()
        await asyncio.to_thread(spoil, self._layout.database, part)

    async def renew(self, generation: int) -> None:
        """Kill the application, and start it with an empty store, in this generation, which must
        have no tables. Raises ApplicationFailedError."""
        await self._application.kill()
        await asyncio.to_thread(self._renew, generation)
        await self._application.start()

    def _renew(self, generation: int) -> None:
        for one in (self._layout.database, *_beside(self._layout.database), self._layout.mark):
            one.unlink(missing_ok=True)
        self._generations.select(generation)
        self._generations.set_running(generation)


def spoil(database: Path, part: str) -> None:
    """Damage the database, which nobody has open. Where it has no row all pages are damaged."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        # What is still in the write-ahead log would come over what is damaged.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        if part == "rows" and _turn_one_bit(connection):
            return
    content = bytearray(database.read_bytes())
    places = range(_MAGIC) if part == "header" else (_TREE, *range(size, len(content), size))
    for place in places:
        content[place] ^= 0xFF
    database.write_bytes(content)
    for one in _beside(database):
        one.unlink(missing_ok=True)


def _turn_one_bit(connection: sqlite3.Connection) -> bool:
    """Turn a bit of the stamp of the oldest entry; whether there is one."""
    found = connection.execute("SELECT event FROM entries ORDER BY position").fetchone()
    if found is None:
        return False
    (event,) = found
    at = re.search(r'"created_at": *\d*(\d)', event)
    assert at is not None, "an entry has a stamp"
    turned = f"{event[: at.start(1)]}{int(at[1]) ^ 1}{event[at.end(1) :]}"
    connection.execute("UPDATE entries SET event = ? WHERE event = ?", (turned, event))
    return True


def _beside(database: Path) -> tuple[Path, ...]:
    return tuple(database.with_name(database.name + left) for left in ("-wal", "-shm"))
