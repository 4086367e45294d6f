"""The admin requests that were accepted, on disk: each one once, also after a restart.

A database of its own: it must not wait for a migration, and is not put back with a backup.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from syncmodel.nostr.events import Event
from syncmodel.nostr.nip98 import SeenIds
from syncmodel.reference.node import pieces
from syncmodel.reference.node.store import BUSY_LIMIT_S, StoreError, failing_as_store_error

#: The row that says up to when ids were forgotten; no event has this id.
_FORGOTTEN = ""


class Accepted:
    """`SeenIds` that outlive the process. Every method raises StoreError if the disk fails."""

    def __init__(
        self,
        path: Path,
        recalls: Callable[[Mapping[str, int]], Mapping[str, int]] = pieces.recalls,
    ) -> None:
        """`recalls`: which of the ids that are there are taken up."""
        with failing_as_store_error():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_LIMIT_S)
            # Making it waits for no disk: the first `keep` does.
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("PRAGMA page_size = 512")
            # It is ours alone: no lock has to be taken anew for each request.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS accepted"
                " (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL) WITHOUT ROWID"
            )
            # A killed process loses nothing by it, and a machine that loses power the last few, but
            # never the whole: `keep` is for those that it must not lose.
            self._db.execute("PRAGMA synchronous = NORMAL")
            held = dict(self._db.execute("SELECT id, created_at FROM accepted"))
        self._kept = True
        self._forgotten_until_s = held.pop(_FORGOTTEN, -1)
        ids = ((created_at, identity) for identity, created_at in recalls(held).items())
        self._seen = SeenIds(ids, self._forgotten_until_s)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def admit(self, event: Event, now_s: int) -> None:
        """Note the event as used; only then may anything follow from it, also for a killed process.

        Raises UnauthorizedError if it was used, or may have been.
        """
        self._seen.admit(event, now_s)
        self._kept = False
        with failing_as_store_error():
            row = (event.id, event.created_at)
            self._db.execute("INSERT OR REPLACE INTO accepted VALUES (?, ?)", row)
            if self._seen.forgotten_until_s != self._forgotten_until_s:
                self._forget(self._seen.forgotten_until_s)

    def keep(self) -> None:
        """Whatever was admitted outlives a loss of power, too: it is on the disk itself.

        It takes some milliseconds (8 on disks that we saw), so it is for what changes something.
        Raises StoreError.
        """
        if self._kept:
            return
        with failing_as_store_error():
            # SQLite syncs the log and its folder before it, and the database after it.
            busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if busy:
            raise StoreError("the ids of accepted requests can't be taken to the disk now")
        self._kept = True

    def _forget(self, until_s: int) -> None:
        # In this order: whatever a crash leaves, no forgotten id is taken for a new one.
        self._db.execute("INSERT OR REPLACE INTO accepted VALUES (?, ?)", (_FORGOTTEN, until_s))
        old = "DELETE FROM accepted WHERE created_at <= ? AND id != ?"
        self._db.execute(old, (until_s, _FORGOTTEN))
        self._forgotten_until_s = until_s
