"""Where the diallers of a link come in: a Unix socket in a private folder, or a TCP port.

Any user of this machine can dial a port, so a port lets in the given users alone; a socket's mode
and its folder say who may dial it. What happens to those who came in lives elsewhere.
"""

import os
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from syncmodel.errors import FaultError
from syncmodel.faults.link_probe import Probe, Seen, dial_tcp, dial_unix
from syncmodel.faults.who_dials import user_of

_BACKLOG = 128
_PORT_TRIES = 20


class Listening(Protocol):
    """What diallers wait at: it can be read when one does."""

    def fileno(self) -> int: ...
    def accept(self) -> tuple[socket.socket, object]: ...


class Door(Protocol):
    """It is shut until `open`; while it is shut, diallers see `refusal`."""

    @property
    def refusal(self) -> Seen:
        """A refusal by the kernel, or a connection that breaks at once."""
        ...

    @property
    def name(self) -> str:
        """Where it is, for people."""
        ...

    def open(self) -> Listening:
        """Listen; what diallers wait at."""
        ...

    def shut(self) -> None:
        """Refuse new diallers, and those who wait; the place stays ours."""

    def close(self) -> None:
        """Give the place back. Twice is allowed."""

    def lets_in(self, dialler: socket.socket) -> bool:
        """Whether one who was accepted may stay."""
        ...

    async def dial(self, request: bytes, limit_s: float) -> Probe:
        """What a dialler sees who says this."""
        ...


class SocketDoor:
    """A Unix socket at `path`, for our own user's processes."""

    refusal = Seen.REFUSED

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._sock: socket.socket | None = None

    def open(self) -> socket.socket:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._sock.bind(self.name)
        self._path.chmod(0o600)
        self._sock.listen(_BACKLOG)
        return self._sock

    def shut(self) -> None:
        # A Unix socket that was shut down can't listen again: the next one is another.
        if self._sock is not None:
            self._path.unlink(missing_ok=True)
            self._sock.close()
            self._sock = None

    close = shut

    def lets_in(self, dialler: socket.socket) -> bool:
        return True

    async def dial(self, request: bytes, limit_s: float) -> Probe:
        return await dial_unix(self._path, request, limit_s)


class PortDoor:
    """A free port of 127.0.0.1, the same until `close`, for the processes of `users` (by number;
    ours alone by default)."""

    refusal = Seen.REFUSED

    def __init__(self, users: Collection[int] | None = None) -> None:
        self._sock, self.port = reserved()
        self._users = frozenset({os.geteuid()} if users is None else users)
        self.name = f"127.0.0.1:{self.port}"

    def open(self) -> socket.socket:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.listen(_BACKLOG)
        return self._sock

    def shut(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        # Without this another process that asks for SO_REUSEADDR could bind the port meanwhile.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def close(self) -> None:
        self._sock.close()

    def lets_in(self, dialler: socket.socket) -> bool:
        return user_of(dialler) in self._users

    async def dial(self, request: bytes, limit_s: float) -> Probe:
        return await dial_tcp(self.port, request, limit_s)


def reserved() -> tuple[socket.socket, int]:
    """A TCP socket bound to a free port of 127.0.0.1, and the port.

    It is bound by number: a port that the kernel chose itself is given up by `shutdown`, and a cut
    link would lose it.
    """
    for _ in range(_PORT_TRIES):
        with socket.socket() as scout:
            scout.bind(("127.0.0.1", 0))
            port: int = scout.getsockname()[1]
        # With the protocol named, asyncio sets TCP_NODELAY on what it accepts.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # Connections of this link that still wait in the kernel must not keep it from listening.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            sock.close()
            continue
        sock.setblocking(False)
        return sock, port
    raise FaultError(f"No free port on 127.0.0.1 in {_PORT_TRIES} tries: too many are in use.")
