"""uvicorn's end of a WebSocket, made robust: no client is believed to be there, or to read.

- An end that is silent is given up (see silence.py), also in the middle of a message to it.
- What we can't send holds up what we read: answers to pings don't pile up.
- A handshake that can't be read (with a body, with more headers than fit) is answered 400.
- Text that is no UTF-8 ends the connection with 1007, as RFC 6455 (8.1) has it, and no traceback.
- A connection that ends at any moment is `ClientDisconnected` for who sends, and nothing else.
"""

from typing import Any, Final

from starlette.types import Message
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from syncmodel.reference.node.protocol import bad_request
from syncmodel.reference.node.silence import Watch

#: The code with which the application hears that a silent end was given up; none is sent.
SILENT: Final = 4000
NO_TEXT: Final = 1007
NO_UTF_8: Final = "a text message is UTF-8"


class WebSocket(WebSocketsSansIOProtocol):
    """One connection; `ws_ping_timeout` is how long it may be silent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.ping_timeout is not None
        self._watch = Watch(self.ping_timeout, self._ping, self._give_up)

    def start_keepalive(self) -> None:
        """Watch the other end; the handshake is done."""
        self._watch.start()

    def stop_keepalive(self) -> None:
        """It is gone, or about to be."""
        super().stop_keepalive()
        self._watch.stop()

    def data_received(self, data: bytes) -> None:
        """The other end said something, if only that it got a ping."""
        self._watch.heard()
        super().data_received(data)
        unread = self.conn.handshake_exc is not None and not self.handshake_initiated
        if unread and not self.transport.is_closing():
            self.transport.write(bad_request("the handshake can't be read: it has no body"))
            self.transport.close()

    def pause_writing(self) -> None:
        """It does not read: read no more of it until it does, not even pings."""
        super().pause_writing()
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """It has read what waited."""
        super().resume_writing()
        self._watch.heard()
        self._read_on()

    def send_receive_event_to_app(self) -> None:
        """Hand over a message, if it is one."""
        if self.curr_msg_data_type == "text":
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self.frames = []
                if self._is_open():
                    self.conn.send_close(NO_TEXT, NO_UTF_8)
                    self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    async def receive(self) -> Any:
        """The next message."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._read_on()
        return message

    def _read_on(self) -> None:
        may = self.writable.is_set() and not self.read_paused
        if may and not self.disconnected and not self.transport.is_closing():
            self.transport.resume_reading()

    async def send(self, message: Any) -> None:
        """Send, or end the connection at once if that is what is asked and it does not read."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.transport.abort()
            return
        await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)

    def _is_open(self) -> bool:
        """Whether neither end has begun to close it; both may in one piece of what is received."""
        return self.conn.state is State.OPEN and not self.transport.is_closing()

    def _ping(self) -> None:
        if self.writable.is_set() and self._is_open():
            self.conn.send_ping(b"")
            self.transport.write(b"".join(self.conn.data_to_send()))

    def _give_up(self) -> None:
        gone: Message = {"type": "websocket.disconnect", "code": SILENT}
        self.queue.put_nowait(gone)  # type: ignore[arg-type]
        self.transport.abort()
