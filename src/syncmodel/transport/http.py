"""An httpx transport over SSH: HTTP/1.1 on direct-tcpip channels, h11 as the protocol.

httpx keeps its whole API; what is skipped is its connection pool. One request at a time has a
channel, a few channels serve concurrent requests, and they are kept open. Which error a caller sees
says whether anything can have been sent; the caller decides what to retry.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import asyncssh
import h11
import httpx

from syncmodel.errors import TransportError

_BODY_LIMIT_BYTES = 64 * 2**20
_H11_LIMIT_BYTES = 64 * 2**10

# RFC 4254, 5.1: the far end tried to connect, and could not. All other reasons are its own.
_NOBODY_THERE = asyncssh.OPEN_CONNECT_FAILED

Timeouts = Mapping[str, float | None]


class SSHTransport(httpx.AsyncBaseTransport):
    """Requests to `host:port` as the machine behind `conn` sees it, whatever host a URL names.

    Raises httpx.ConnectError or a ConnectTimeout or PoolTimeout when nothing was sent;
    httpx.ReadError, WriteError, RemoteProtocolError and their timeouts once something may have
    been; TransportError when the machine itself will not open channels, whatever runs on it. A
    channel that an error or a cancellation left in the middle is closed. Responses are read
    whole (64 MiB at most) before they are returned. The connection stays the caller's to close.
    """

    def __init__(
        self,
        conn: asyncssh.SSHClientConnection,
        host: str = "127.0.0.1",
        port: int = 4000,
        max_channels: int = 16,
    ) -> None:
        self._conn = conn
        self._host = host
        self._port = port
        self._idle: list[_Channel] = []
        self._free = asyncio.Semaphore(max_channels)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeouts: Timeouts = request.extensions.get("timeout", {})
        # Read first: a body that fails to come leaves no half-sent request.
        body = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        await self._slot(timeouts.get("pool"))
        try:
            channel = self._kept() or await self._open(timeouts.get("connect"))
            try:
                response = await channel.exchange(request, body, timeouts)
            except BaseException:
                channel.abort()
                raise
            if channel.usable:
                self._idle.append(channel)
            else:
                channel.abort()
            return response
        finally:
            self._free.release()

    async def aclose(self) -> None:
        """Close the kept channels. A request in progress goes on and closes its own."""
        while self._idle:
            self._idle.pop().abort()

    async def _slot(self, limit_s: float | None) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout(f"No channel became free in {limit_s} s.") from error

    def _kept(self) -> "_Channel | None":
        """A kept channel that is still open. Closed ones go: nothing was sent on them yet."""
        while self._idle:
            channel = self._idle.pop()
            if channel.usable:
                return channel
            channel.abort()
        return None

    async def _open(self, limit_s: float | None) -> "_Channel":
        opening = asyncio.create_task(
            self._conn.create_connection(_Channel, self._host, self._port)
        )
        try:
            # Not cancelled at the limit: the machine may confirm later, and what it then opens must
            # be closed.
            await asyncio.wait({opening}, timeout=limit_s)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        if not opening.done():
            opening.add_done_callback(_close_late)
            raise httpx.ConnectTimeout(f"The channel did not open in {limit_s} s.")
        where = f"{self._host}:{self._port}"
        try:
            _, session = opening.result()
        except (asyncssh.Error, OSError) as error:
            if isinstance(error, asyncssh.ChannelOpenError) and error.code != _NOBODY_THERE:
                raise TransportError(self._forbidden(where, error)) from error
            raise httpx.ConnectError(f"No channel to {where} of the machine: {error}") from error
        assert isinstance(session, _Channel)
        return session

    def _forbidden(self, where: str, error: asyncssh.ChannelOpenError) -> str:
        """The machine's SSH server says no; the application was not asked."""
        host, port, *_ = self._conn.get_extra_info("peername", ("the machine", ""))
        if error.code != asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            return f"{host}:{port} opens no channel to {where}: {error.reason} ({error.code})."
        return (
            f"{host}:{port} forbids forwarding to {where}, so nothing on it can be asked: its "
            f"sshd_config needs AllowTcpForwarding yes (or local), a PermitOpen that has {where}, "
            f"and no DisableForwarding; its authorized_keys no `restrict`, `no-port-forwarding` "
            f"or other `permitopen` for this key."
        )


def _close_late(opening: "asyncio.Task[tuple[object, object]]") -> None:
    if opening.cancelled() or opening.exception() is not None:
        return
    _, session = opening.result()
    if isinstance(session, _Channel):
        session.abort()


class _Channel(asyncssh.SSHTCPSession[bytes]):
    """One channel and the HTTP/1.1 conversation on it."""

    def __init__(self) -> None:
        self._h11: Final = h11.Connection(h11.CLIENT, _H11_LIMIT_BYTES)
        self._chan: asyncssh.SSHTCPChannel[bytes] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._busy = False
        self._answering = False
        self._ended = False
        self._paused = False

    @property
    def usable(self) -> bool:
        """Whether a new request may be sent on it."""
        return not self._ended and self._h11.our_state is h11.IDLE

    def abort(self) -> None:
        self._ended = True
        if self._chan is not None:
            self._chan.abort()

    def connection_made(self, chan: "asyncssh.SSHTCPChannel[bytes]") -> None:
        self._chan = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if not self._busy:
            # An answer to nothing: whatever comes next could be mistaken for the next answer.
            self.abort()
            return
        self._answering = True
        self._h11.receive_data(data)
        self._wake()

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            if self._busy:
                self._h11.receive_data(b"")
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _something(self, limit_s: float | None) -> None:
        """Until data, the end or room to write came. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if limit_s is None else loop.call_later(limit_s, _expire, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    async def exchange(
        self, request: httpx.Request, body: bytes, timeouts: Timeouts
    ) -> httpx.Response:
        """Send one request and read its whole answer. The channel is `usable` again afterwards,
        unless either side will close it."""
        data = self._serialise(request, body)
        self._busy = True
        self._answering = False
        await self._send(data, timeouts.get("write"))
        head, content = await self._receive(timeouts.get("read"))
        self._busy = False
        both_done = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        # More than one answer has come: the rest would be taken for the next one.
        if both_done and not self._h11.trailing_data[0]:
            self._h11.start_next_cycle()
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=httpx.ByteStream(content),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    def _serialise(self, request: httpx.Request, body: bytes) -> bytes:
        head = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        events: list[h11.Event] = [head, h11.EndOfMessage()]
        if body:
            events.insert(1, h11.Data(data=body))
        try:
            return b"".join([self._h11.send(event) or b"" for event in events])
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error

    async def _send(self, data: bytes, limit_s: float | None) -> None:
        assert self._chan is not None
        try:
            self._chan.write(data)
            while self._paused and not self._ended:
                await self._something(limit_s)
        except TimeoutError as error:
            raise httpx.WriteTimeout(f"The request could not be sent in {limit_s} s.") from error
        except OSError as error:
            raise httpx.WriteError(f"The channel closed under the request: {error}") from error

    async def _receive(self, limit_s: float | None) -> tuple[h11.Response, bytes]:
        head: h11.Response | None = None
        parts: list[bytes] = []
        size = 0
        while True:
            event = await self._event(limit_s)
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
                size += len(event.data)
                if size > _BODY_LIMIT_BYTES:
                    raise httpx.RemoteProtocolError(f"An answer over {_BODY_LIMIT_BYTES} bytes.")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, b"".join(parts)
            elif not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError(f"Not an HTTP/1.1 answer: {event!r}")

    async def _event(self, limit_s: float | None) -> object:
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                await self._something(limit_s)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"No answer in {limit_s} s.") from error
        except h11.RemoteProtocolError as error:
            if not self._answering:
                raise httpx.ReadError("The channel closed before it was answered.") from error
            raise httpx.RemoteProtocolError(str(error)) from error
        if isinstance(event, h11.ConnectionClosed):
            raise httpx.ReadError("The channel closed before it was answered.")
        return event


def _expire(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
