"""A private folder that goes with this process, also when that is killed.

A process of its own waits for the end of ours, and removes the folder: it is there before the
folder is. The kernel ends nobody's folders.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

#: A line says that somebody else sees to the folder; the end of the stream that nobody does.
_GUARD = 'read -r _ && exit 0; rm -rf -- "$1"'


class PrivateFolder:
    """A new folder for our user alone, `path`: "PREFIX" and some letters.

    `within`: the system's folder for temporary files by default. Forgotten, it is removed when it
    is collected, and at the latest when the interpreter ends.
    """

    def __init__(self, prefix: str, within: Path | None = None) -> None:
        """Raises OSError."""
        around = Path(tempfile.gettempdir()) if within is None else within
        self.path = around / f"{prefix}{secrets.token_hex(4)}"
        guard = _guard(self.path)
        try:
            self.path.mkdir(mode=0o700)
        except BaseException:
            _released(guard)
            raise
        self._guard = guard
        self._finalizer = weakref.finalize(self, _removed, self.path, guard)

    def leave(self) -> None:
        """Somebody else sees to its removal from now on."""
        if self._finalizer.detach() is not None:
            _released(self._guard)

    def remove(self) -> None:
        """Remove it, with all that is in it; a no-op the second time."""
        self._finalizer()


def _guard(path: Path) -> subprocess.Popen[bytes] | None:
    """None where there is no shell: then a tester that is killed leaves the folder."""
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(path)],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A signal to our terminal's processes is none to it.
            start_new_session=True,
        )
    except FileNotFoundError:
        return None


def _removed(path: Path, guard: subprocess.Popen[bytes] | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    _released(guard)


def _released(guard: subprocess.Popen[bytes] | None) -> None:
    if guard is not None:
        guard.communicate(b"\n")
