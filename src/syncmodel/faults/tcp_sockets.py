"""The TCP connections of a network, and the end of one: sock_diag(7) by a socket of that network.

ss(8) does the same and is a process each time: 40 ms, where this takes less than one.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

import attrs

# netlink(7) and sock_diag(7): struct nlmsghdr; inet_diag_req_v2 up to the socket's identity; where
# that is in inet_diag_msg.
_BY_FAMILY, _DESTROY = 20, 21
_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBxxI")
_ANSWER = struct.Struct("=BBBB")
_IDENTITY = struct.Struct("!HH4s12x4s12x12x")
_ANSWERED = 1 << 16
ESTABLISHED, SYN_SENT, LISTEN = 1, 2, 10
_ALL_BUT_LISTENERS = 0xFFF & ~(1 << LISTEN)


@attrs.frozen
class Connection:
    """One end of a TCP connection. `identity` is what the kernel calls it."""

    state: int
    here: tuple[str, int]
    there: tuple[str, int]
    identity: bytes = attrs.field(repr=False)


def connections(kernel: socket.socket) -> list[Connection]:
    """Those of IPv4 that the network has which `kernel` belongs to, in any state but listening."""
    question = _QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, _ALL_BUT_LISTENERS)
    _send(kernel, _BY_FAMILY, _REQUEST | _DUMP, question + bytes(_IDENTITY.size))
    found: list[Connection] = []
    while True:
        for kind, body in _messages(kernel.recv(_ANSWERED)):
            if kind == _DONE:
                return found
            if kind == _ERROR:
                _check(body)
            else:
                found.append(_read(body))


def destroy(kernel: socket.socket, one: Connection) -> bool:
    """End it here: its owner sees an error, and what was not sent is lost. False if it has gone.

    Raises `OSError` where the kernel can't.
    """
    question = _QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 1 << one.state)
    _send(kernel, _DESTROY, _REQUEST | _ACK, question + one.identity)
    for _, body in _messages(kernel.recv(_ANSWERED)):
        try:
            _check(body)
        except FileNotFoundError:
            return False
    return True


def _send(kernel: socket.socket, kind: int, flags: int, body: bytes) -> None:
    kernel.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 0, 0) + body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        size, kind, *_ = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : size]
        data = data[(size + 3) & ~3 :]


def _check(body: bytes) -> None:
    (negative,) = struct.unpack_from("=i", body)
    if negative:
        raise OSError(-negative, os.strerror(-negative))


def _read(body: bytes) -> Connection:
    _, state, *_ = _ANSWER.unpack_from(body)
    identity = body[_ANSWER.size : _ANSWER.size + _IDENTITY.size]
    port, far_port, here, there = _IDENTITY.unpack(identity)
    ends = (str(IPv4Address(here)), port), (str(IPv4Address(there)), far_port)
    return Connection(state, *ends, identity)


def can_destroy() -> bool:
    """Whether this kernel can end a connection of ours, tried on one over the loopback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as near,
        socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as kernel,
    ):
        ours = [one for one in connections(kernel) if one.here == near.getsockname()]
        try:
            return bool(ours) and destroy(kernel, ours[0])
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.EACCES):
                return False
            raise
