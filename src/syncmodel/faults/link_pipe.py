"""One proxied connection: two ends, and the bytes between them. Which mode a link is in, and why,
lives in link_proxy.py.

Protocols and not streams: a message costs one callback and one write.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable

from syncmodel.faults.link_probe import Place

# Zero seconds of lingering: closing sends RST instead of FIN, and drops what was not sent yet.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# What may wait in one direction of a delayed link before its sender is held back.
_WAITING_LIMIT_BYTES = 2**20


class End(asyncio.Protocol):
    """One end of a pipe. What it receives is written to the `other` end."""

    other: "End"
    transport: asyncio.Transport

    def __init__(self, pipe: "Pipe") -> None:
        self.made = False
        self.lost = asyncio.get_running_loop().create_future()
        self._pipe = pipe
        self._said_all = False
        self._other_is_full = False
        # On its way to the other end: (when it is due on the loop's clock, bytes); None is the end.
        self._waiting: deque[tuple[float, bytes | None]] = deque()
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """Connected, and not lost yet."""
        return self.made and not self.lost.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.made = True
        self._pipe.end_made(self)

    def data_received(self, data: bytes) -> None:
        if self._pipe.straight and not self._waiting:
            self.other.transport.write(data)
        else:
            self._wait(data)

    def eof_received(self) -> bool:
        self._wait(None)
        return True

    def pause_writing(self) -> None:
        self.other.other_is_full(True)

    def resume_writing(self) -> None:
        self.other.other_is_full(False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        self.lost.set_result(None)
        self._pipe.end_lost(self, exc)

    def other_is_full(self, full: bool) -> None:
        """The other end can't take more for now, or can again."""
        self._other_is_full = full
        self.listen()

    def listen(self) -> None:
        """Read, or pause, as everything that may pause it decides."""
        if not self.alive:
            return
        full = self._other_is_full or self._waiting_bytes > _WAITING_LIMIT_BYTES
        if full or self._pipe.held or not self.other.made:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def flush(self) -> None:
        """Pass on everything that waits, in its order, if anything may pass."""
        if self._pipe.held or not self.other.made:
            return
        while self._waiting:
            self._pass_first()
        self.listen()

    def _wait(self, data: bytes | None) -> None:
        now_s = asyncio.get_running_loop().time()
        self._waiting.append((now_s + self._pipe.delay_s, data))
        self._waiting_bytes += len(data or b"")
        if self._timer is None:
            self.pass_due()
        self.listen()

    def pass_due(self) -> None:
        """Pass on what is due, and come back for the rest when that is."""
        self._timer = None
        if self._pipe.held or not self.other.made:
            return
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time():
            self._pass_first()
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self.pass_due)
        self.listen()

    def _pass_first(self) -> None:
        _, data = self._waiting.popleft()
        if data is not None:
            self._waiting_bytes -= len(data)
            self.other.transport.write(data)
            return
        self._said_all = True
        if self.other._said_all:
            self._pipe.close()
        elif not self.other.transport.is_closing():
            try:
                self.other.transport.write_eof()
            except OSError:  # It was reset, which is yet to be read.
                self.other.transport.abort()


class Pipe:
    """A dialler's connection (`near`) and ours to the target (`far`), dialled once `near` is there.

    `opened` is called when it begins, before any byte is read, and may `hold`, `set_delay` or
    `reset` it; `closed` is called when both ends are gone.
    """

    def __init__(
        self,
        target: Place,
        opened: "Callable[[Pipe], None]",
        closed: "Callable[[Pipe], None]",
    ) -> None:
        self.delay_s = 0.0
        self.held = False
        # Whether bytes may be written as they come.
        self.straight = False
        self.near = End(self)
        self.far = End(self)
        self.near.other, self.far.other = self.far, self.near
        self._target = target
        self._opened = opened
        self._closed = closed
        self._broken = False
        self._dialling: asyncio.Task[None] | None = None

    def end_made(self, end: End) -> None:
        """`end` is connected. Bytes flow once both are."""
        if self._broken:
            end.transport.abort()
        elif end is self.near:
            self.near.listen()
            self._opened(self)
            if not (self.held or self._broken):
                self._dialling = asyncio.get_running_loop().create_task(self._dial())
        else:
            self._straighten()
            for each in (self.near, self.far):
                # Python 3.11.2 reads on though an end paused when it was made; later ones do not.
                each.pass_due()

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if isinstance(self._target, int):
                await loop.create_connection(lambda: self.far, "127.0.0.1", self._target)
            else:
                await loop.create_unix_connection(lambda: self.far, str(self._target))
        except OSError:
            # There is no target behind the link.
            self.reset()

    def hold(self) -> None:
        """Let nothing pass any more, in either direction. Only `reset` ends it."""
        self.held = True
        self._settle()

    def set_delay(self, delay_s: float) -> None:
        """What comes from now on takes `delay_s`; what was on its way arrives now."""
        self.delay_s = delay_s
        self._settle()

    def _straighten(self) -> None:
        self.straight = self.far.made and not self.held and self.delay_s == 0

    def _settle(self) -> None:
        self._straighten()
        for end in (self.near, self.far):
            end.flush()
            end.listen()

    def close(self) -> None:
        """Both sides have said all: close when it is written."""
        for end in (self.near, self.far):
            end.transport.close()

    def reset(self) -> "list[asyncio.Future[None]]":
        """Break the connection on both sides, and drop what is on its way. It is broken when the
        futures are done."""
        self._broken = True
        if self._dialling is not None:
            self._dialling.cancel()
        if self.near.alive:
            near: socket.socket = self.near.transport.get_extra_info("socket")
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        ends = [end for end in (self.near, self.far) if end.alive]
        for end in ends:
            end.transport.abort()
        return [end.lost for end in ends]

    def end_lost(self, end: End, exc: Exception | None) -> None:
        """One end is gone; the other goes the same way."""
        if not end.other.alive:
            if self._dialling is not None:
                self._dialling.cancel()
            self._broken = True
            self._closed(self)
        elif exc is not None:
            self.reset()
        else:
            end.other.transport.close()
