"""A machine's disk is copied, and put back as it was then: its node's store, and what is selected.

Not in a copy, as they are of this machine and not of a moment of its node: key and configuration,
the clock, jobs, the admin requests that were accepted (`accepted`), and the mark of the log
(`mark`). One copy is kept.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.reference.node import migrations
from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.generations import Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.mark import Mark, Marks
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

if TYPE_CHECKING:
    from syncmodel.reference.node.supervised import Application


class Backups:
    """The copy of one machine's disk."""

    def __init__(
        self, layout: Layout, application: Application, pieces: SupervisorPieces | None = None
    ) -> None:
        self._layout = layout
        self._application = application
        self._generations = Generations(layout)
        self._pieces = pieces or SupervisorPieces()

    async def copy(self) -> None:
        """Copy the disk as it is at one moment; the application goes on."""
        await asyncio.to_thread(self._copy)

    async def put_back(self, *, plain: bool) -> None:
        """Kill the application, put back what was copied, and start it.

        `plain`: nobody says that the log is another one from now on. Raises RefusedError (404
        no_backup), and ApplicationFailedError.
        """
        if not self._selected.exists():
            raise RefusedError(
                "no_backup", "Nothing was copied: ask for `backup` first.", status=404
            )
        await self._application.kill()
        await asyncio.to_thread(self._put_back, plain)
        await self._application.start()

    def _copy(self) -> None:
        self._layout.backup.mkdir(parents=True, exist_ok=True)
        fresh = self._copied.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(self._layout.database)) as store,
            closing(sqlite3.connect(fresh, isolation_level=None)) as copy,
        ):
            store.backup(copy)
            if not self._pieces.copies_the_latest():
                _forget_the_latest(copy)
        os.replace(fresh, self._copied)
        self._selected.write_text(str(self._generations.selected()), encoding="ascii")

    def _put_back(self, plain: bool) -> None:
        database, fresh = self._layout.database, self._layout.database.with_suffix(".new")
        shutil.copyfile(self._copied, fresh)
        if self._pieces.keeps_cursors():
            _take_cursors(fresh, database)
        for left in ("-wal", "-shm"):
            database.with_name(database.name + left).unlink(missing_ok=True)
        os.replace(fresh, database)
        number = int(self._selected.read_text(encoding="ascii"))
        if self._pieces.selects_what_was_copied():
            self._generations.select(number)
        self._generations.set_running(number)
        if not plain:
            with closing(Marks(self._layout.mark)) as marks:
                marks.forget()

    @property
    def _copied(self) -> Path:
        return self._layout.backup / "node.sqlite"

    @property
    def _selected(self) -> Path:
        return self._layout.backup / "selected"


def vouch(layout: Layout, connection: sqlite3.Connection) -> None:
    """The log that is in the store now is this node's: a deployment has led to it."""
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    if "log_id" in meta:
        with closing(Marks(layout.mark)) as marks:
            marks.move(Mark(meta["log_id"], meta["position"]))


def _forget_the_latest(copy: sqlite3.Connection) -> None:
    with migrations.transaction(copy):
        copy.execute(
            "DELETE FROM entries WHERE position = (SELECT value FROM meta WHERE key = 'position')"
        )
        copy.execute(
            "UPDATE meta SET value = (SELECT coalesce(max(position), 0) FROM entries)"
            " WHERE key = 'position'"
        )


def _take_cursors(to: Path, source: Path) -> None:
    with closing(sqlite3.connect(source)) as store:
        cursors = store.execute("SELECT peer, log_id, applied FROM cursors").fetchall()
    with closing(sqlite3.connect(to, isolation_level=None)) as store, migrations.transaction(store):
        migrations.forget_cursors(store)
        store.executemany("INSERT INTO cursors VALUES (?, ?, ?)", cursors)
