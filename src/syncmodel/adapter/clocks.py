"""Wall clocks of servers that are ahead or behind, by libfaketime.

It is loaded into the server, and reads the offset from a file each time that it asks for the time
(https://github.com/wolfcw/libfaketime, README). Clocks that only count on are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from syncmodel.errors import FaultError, UsageError

#: Where distributions have it.
LIBRARIES = ("lib/*-linux-gnu/faketime", "lib/faketime", "lib64/faketime", "lib/*-linux-gnu")
NAME = "libfaketime.so.1"


def library() -> Path:
    """The library. Raises `UsageError` if it is not installed."""
    for folder in LIBRARIES:
        for found in sorted(Path("/usr").glob(f"{folder}/{NAME}")):
            return found
    raise UsageError(
        "Clocks of servers are set by libfaketime, which is not installed (Debian: libfaketime): "
        "install it, or leave SetsClocks out of the adapter."
    )


class NoClocks:
    """Servers whose clocks nobody sets."""

    ahead: Mapping[str, int] = {}

    def env(self, node: str, env: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """The environment as it is."""
        return env

    def set(self, node: str, ahead_s: int, pid: int) -> None:
        """Nothing can be set."""
        raise UsageError(f"The clock of {node} can't be set: let the adapter inherit SetsClocks.")


class Clocks:
    """The clocks of servers, each with a file in this folder that says how far it is ahead."""

    def __init__(self, folder: Path) -> None:
        """All are right. Raises `UsageError` where the library is not installed."""
        self.ahead: dict[str, int] = {}
        self._folder, self._library = folder, library()

    def env(self, node: str, env: Mapping[str, str] | None) -> Mapping[str, str]:
        """The environment of its server, with the library in it."""
        self._write(node, self.ahead.get(node, 0))
        return {
            **(os.environ if env is None else env),
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(node)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, node: str, ahead_s: int, pid: int) -> None:
        """So far ahead from now on. Raises `FaultError` for a server without the library."""
        with suppress(OSError):  # it has ended by itself: that is told elsewhere
            if NAME not in Path(f"/proc/{pid}/maps").read_text():
                raise FaultError(
                    f"The server of {node} does not load libfaketime (is it linked statically?): "
                    f"its clock can't be set, so leave SetsClocks out of the adapter."
                )
        self._write(node, ahead_s)
        self.ahead[node] = ahead_s
        if not ahead_s:
            del self.ahead[node]

    def _write(self, node: str, ahead_s: int) -> None:
        # At once: a server that reads it meanwhile sees the old one or the new one.
        new = self._file(node).with_suffix(".new")
        new.write_text(f"{ahead_s:+d}\n")
        new.chmod(0o644)
        new.replace(self._file(node))

    def _file(self, node: str) -> Path:
        return self._folder / f"{node}.clock"
