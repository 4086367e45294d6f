"""What a dialler of a link sees: a byte that gets through, a refusal, a reset, or silence."""

import asyncio
import errno
import socket
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import attrs

# Any HTTP server answers it with a few bytes and changes nothing.
PROBE_REQUEST = b"HEAD / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"

_PARTS = 10


#: Where something listens: a Unix socket, or a port of 127.0.0.1.
Place = Path | int


class Seen(Enum):
    """What a dialler meets."""

    THROUGH = "a byte gets through"
    REFUSED = "a refusal"
    RESET = "a connection that breaks at once"
    HANGS = "silence"


@attrs.frozen
class Probe:
    """One look: what was seen, and how long it took."""

    seen: Seen
    elapsed_s: float


async def dial(place: Place, request: bytes, limit_s: float) -> Probe:
    """What one sees who dials that place."""
    if isinstance(place, Path):
        return await dial_unix(place, request, limit_s)
    return await dial_tcp(place, request, limit_s)


async def dial_tcp(
    port: int, request: bytes, limit_s: float, bound: Callable[[int], None] | None = None
) -> Probe:
    """Dial 127.0.0.1:`port`, send `request`, wait for one byte; `limit_s` bounds all of it.

    `bound` is told the port that it comes from, before it dials.

    A machine that stood still meanwhile is not silence: only time counts in which our own loop ran.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        if bound is not None:
            sock.bind(("127.0.0.1", 0))
            bound(sock.getsockname()[1])
        return await _dial(sock, ("127.0.0.1", port), request, limit_s)


async def dial_unix(path: Path, request: bytes, limit_s: float) -> Probe:
    """The same at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        return await _dial(sock, str(path), request, limit_s)


async def _dial(
    sock: socket.socket, address: str | tuple[str, int], request: bytes, limit_s: float
) -> Probe:
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    looking = loop.create_task(_look(sock, address, request))
    try:
        for _ in range(_PARTS):
            # However long the loop stood still, it costs one part of the limit.
            done, _ = await asyncio.wait([looking], timeout=limit_s / _PARTS)
            if done:
                break
        seen = looking.result() if looking.done() else Seen.HANGS
    finally:
        looking.cancel()
        await asyncio.wait([looking])
    return Probe(seen, loop.time() - start_s)


async def _look(sock: socket.socket, address: str | tuple[str, int], request: bytes) -> Seen:
    loop = asyncio.get_running_loop()
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, request)
        return Seen.THROUGH if await loop.sock_recv(sock, 1) else Seen.RESET
    except (ConnectionRefusedError, FileNotFoundError):
        return Seen.REFUSED
    except (ConnectionResetError, BrokenPipeError):
        return Seen.RESET
    except OSError as error:
        # A Unix socket whose queue is full: its owner has not accepted for long.
        if error.errno in (errno.EAGAIN, errno.ENOTCONN):
            return Seen.HANGS
        raise
