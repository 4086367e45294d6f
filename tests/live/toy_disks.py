"""Servers of notes for tests of full disks: what `syncmodel init --processes` writes, and careful.

    python toy_disks.py HOW NAME PORT [PEER=PORT ...]

`careful` stores an entry before it shows it, and answers 507 where it can't; `ends` ends there;
`careless` shows it and says that all is well; `drops` says of a peer's that it has it, and shows
nothing.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import syncmodel.adapter

TEMPLATE = Path(syncmodel.adapter.__file__ or "").parent / "templates/processes/server.py"
_spec = importlib.util.spec_from_file_location("server_of_notes", TEMPLATE)
assert _spec is not None
assert _spec.loader is not None
server: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server)


class Careful(server.Store):  # type: ignore[misc]
    """It keeps an entry as a whole line, or not at all."""

    def take(self, entry: Any) -> None:
        with self.lock:
            if entry["number"] != len(self.logs.get(entry["author"], [])):
                return
            self.keep(json.dumps(entry).encode() + b"\n")
            self.apply(entry)

    def keep(self, line: bytes) -> None:
        file = self.file.fileno()
        length = os.fstat(file).st_size
        while line:
            try:
                line = line[os.write(file, line) :]
            except OSError:
                os.ftruncate(file, length)
                raise


class Ends(Careful):
    """It ends where it can't keep an entry."""

    def keep(self, line: bytes) -> None:
        try:
            super().keep(line)
        except OSError:
            os._exit(7)


class Careless(Careful):
    """It says that it has what it could not keep."""

    def keep(self, line: bytes) -> None:
        with contextlib.suppress(OSError):
            super().keep(line)


class Drops(Careful):
    """It counts what its peers wrote, and has not all of it."""

    def take(self, entry: Any) -> None:
        try:
            super().take(entry)
        except OSError:
            if entry["author"] == self.name:
                raise
            self.logs.setdefault(entry["author"], []).append(entry)


class Handler(server.Handler):  # type: ignore[misc]
    """It says so where there is no room."""

    def do_POST(self) -> None:  # noqa: N802 (`http.server` has it so)
        try:
            super().do_POST()
        except OSError:
            self.answer(507, {"code": "no_room"})


if __name__ == "__main__":
    how, name, port, *peers = sys.argv[1:]
    kinds = {"careful": Careful, "ends": Ends, "careless": Careless, "drops": Drops}
    Handler.store = kinds[how](name)
    for peer in peers:
        dialled = int(peer.partition("=")[2])
        threading.Thread(target=server.follow, args=(Handler.store, dialled), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
