"""Whose process dialled a port of the loopback, which any user of this machine can.

TCP has no SO_PEERCRED, but the kernel says of each socket whose it is: sock_diag(7). To read the
same in /proc/net/tcp takes thousands of times as long.
"""

import os
import pwd
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol

from syncmodel.errors import UsageError

# netlink(7) and sock_diag(7): struct nlmsghdr; inet_diag_req_v2, any state, as far as the cookie;
# of inet_diag_msg, the user and the inode.
_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("!BBxx4x HH 16s 16s 4x II")
_ANSWER = struct.Struct("=64x II")
_ANY = 0xFFFFFFFF
_LONGEST_ANSWER = 4096


class Accepted(Protocol):
    """A connection's socket, or what an event loop has in its place."""

    def getpeername(self) -> Any: ...
    def getsockname(self) -> Any: ...


def user_of(accepted: Accepted) -> int | None:
    """The user whose process holds the other end of a loopback connection, None if nobody does."""
    user, inode = _asked(accepted)
    # Of a socket that its process has closed the kernel says that it is root's.
    return user if inode else None


def inode_of(accepted: Accepted) -> int:
    """The inode of the socket at the other end; 0 if nobody holds it."""
    return _asked(accepted)[1]


def holds(pid: int, inode: int) -> bool:
    """Whether that process, or one below it, holds the socket with this inode."""
    link = f"socket:[{inode}]"
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):  # it was closed meanwhile
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") == link:
                    return True
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return False
    return any(holds(int(child), inode) for child in children)


def _asked(accepted: Accepted) -> tuple[int, int]:
    """The user and the inode of the other end; zeros if it has gone."""
    try:
        (there, port, *_), (here, our_port, *_) = accepted.getpeername(), accepted.getsockname()
        family, ends = _packed(there, here)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            question = family, socket.IPPROTO_TCP, port, our_port, *ends, _ANY, _ANY
            request = _QUESTION.pack(*question)
            size = _HEADER.size + len(request)
            kernel.send(_HEADER.pack(size, _BY_FAMILY, _REQUEST, 0, 0) + request)
            answer = kernel.recv(_LONGEST_ANSWER)
    except OSError:
        return 0, 0  # it has gone again
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind != _BY_FAMILY:
        return 0, 0
    user, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    return int(user), int(inode)


def users_of(names: Iterable[str]) -> frozenset[int]:
    """The numbers of these users, each given by name or number. Raises `UsageError`."""
    return frozenset(int(name) if name.isdecimal() else _number(name) for name in names)


def _number(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        raise UsageError(f"There is no user {name!r} on this machine.") from None


def _packed(there: str, here: str) -> tuple[int, tuple[bytes, bytes]]:
    """The family, and both addresses as sock_diag has them."""
    both = [ip_address(one.partition("%")[0]) for one in (there, here)]
    family = socket.AF_INET if both[0].version == 4 else socket.AF_INET6
    first, second = (one.packed.ljust(16, b"\0") for one in both)
    return family, (first, second)
