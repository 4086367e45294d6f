"""One port at which all peers dial a node, for systems in which a node has one address.

Behind it each dialler has a door of its own, as if it were a port of its own: who dialled, the
kernel says (`who_dials`). What happens to those who came in lives in link_proxy.py.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable

from syncmodel.faults.link_door import reserved
from syncmodel.faults.link_probe import Probe, Seen, dial_tcp
from syncmodel.faults.who_dials import inode_of

_BACKLOG = 128
_RESET = struct.pack("ii", 1, 0)


class Handed:
    """What a door listens at: those whom the port hands to it, one byte in a pipe for each."""

    def __init__(self) -> None:
        self._waiting = deque[socket.socket]()
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._out

    def hand(self, dialler: socket.socket) -> None:
        self._waiting.append(dialler)
        os.write(self._in, b".")

    def accept(self) -> tuple[socket.socket, object]:
        os.read(self._out, 1)
        return self._waiting.popleft(), None

    def close(self) -> None:
        while self._waiting:
            reset(self._waiting.popleft())
        os.close(self._out)
        os.close(self._in)


class DoorBehind:
    """The door of one dialler; while it is shut, its connections are reset at once."""

    refusal = Seen.RESET

    def __init__(self, port: SharedPort, dialler: str) -> None:
        self.name = f"{port.name} for {dialler}"
        self.handed: Handed | None = None
        self._port, self._dialler = port, dialler

    def open(self) -> Handed:
        self.handed = Handed()
        return self.handed

    def shut(self) -> None:
        if self.handed is not None:
            self.handed.close()
            self.handed = None

    close = shut

    def lets_in(self, dialler: socket.socket) -> bool:
        return True

    async def dial(self, request: bytes, limit_s: float) -> Probe:
        def bound(port: int) -> None:
            self._port.stand_ins[port] = self._dialler

        return await dial_tcp(self._port.port, request, limit_s, bound)


class SharedPort:
    """A free port of 127.0.0.1. `who` says by its socket's inode whose process a dialler is; others
    are reset. It runs on the loop that called `start`."""

    def __init__(self, who: Callable[[int], str | None]) -> None:
        self._sock, self.port = reserved()
        self.name = f"127.0.0.1:{self.port}"
        #: For whom a probe of ours stands, by the port that it comes from.
        self.stand_ins: dict[int, str] = {}
        self._who = who
        self._doors: dict[str, DoorBehind] = {}

    def door(self, dialler: str) -> DoorBehind:
        """The door for that dialler."""
        return self._doors.setdefault(dialler, DoorBehind(self, dialler))

    def start(self) -> None:
        """Let diallers come."""
        self._sock.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Give the port back. Twice is allowed."""
        if self._sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()

    def _accept(self) -> None:
        try:
            dialler, (_, port) = self._sock.accept()
        except OSError:
            return
        name = self.stand_ins.pop(port, None) or self._name(dialler)
        door = self._doors.get(name or "")
        if door is None or door.handed is None:
            reset(dialler)
        else:
            door.handed.hand(dialler)

    def _name(self, dialler: socket.socket) -> str | None:
        inode = inode_of(dialler)
        return self._who(inode) if inode else None


def reset(dialler: socket.socket) -> None:
    """End a connection so that its dialler is told at once."""
    dialler.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    dialler.close()
