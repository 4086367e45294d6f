"""HTTP/1.1 on one connection: uvicorn's protocol, and three things that it does otherwise.

The target of a request is kept as the client wrote it, a request that can't be read is answered in
JSON as any other error, and a client that has said all it will (a half-closed connection) still
gets its answers. At a port of the loopback, whoever is none of its users is told so.
"""

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from syncmodel.faults.who_dials import user_of
from syncmodel.reference.node.writes import failure

#: So long whoever is refused may take to read why.
GOODBYE_S = 1.0


class Http(HttpToolsProtocol):
    """One connection."""

    _said_all = False

    def on_headers_complete(self) -> None:
        """Keep the target: the parser gives its path and query alone."""
        self.scope["target"] = self.url  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open: as long as an answer is due."""
        self._said_all = self._answers_due()
        return self._said_all

    def on_response_complete(self) -> None:
        """After the last answer a half-closed connection ends."""
        super().on_response_complete()
        if self._said_all and not self._answers_due():
            self.transport.close()

    def hang_up(self) -> None:
        """End the connection, though an answer may be due: what became of it is not known then."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()

    def _answers_due(self) -> bool:
        return bool(self.pipeline) or (
            self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        )

    def send_400_response(self, msg: str) -> None:
        """A request that is no HTTP. Answers that are due come first, and then the end."""
        if self._answers_due():
            self._said_all = True
            return
        self.transport.write(bad_request(msg))
        self.transport.close()


class Guarded(Http):
    """One connection at a port of the loopback."""

    #: Whose processes may dial, by number.
    users: ClassVar[Collection[int]] = ()
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or say goodbye."""
        super().connection_made(transport)
        if user_of(transport.get_extra_info("socket")) not in self.users:
            self._refused = True
            transport.write(forbidden("http_users in etc/node.json lets others in"))
            with suppress(OSError):  # Who was reset meanwhile needs no end.
                transport.write_eof()
            self.loop.call_later(GOODBYE_S, transport.close)

    def data_received(self, data: bytes) -> None:
        """What is refused is read and dropped: a reset would take the answer back."""
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """As ever, or the end."""
        return not self._refused and super().eof_received()


def http_for(users: Collection[int]) -> type[Guarded]:
    """The protocol of a port for these users."""
    return type("Guarded", (Guarded,), {"users": users})


def bad_request(why: str) -> bytes:
    """The answer to what is no HTTP, as it is on the wire; the connection ends with it."""
    return _last("400 Bad Request", failure("malformed", why))


def forbidden(unless: str) -> bytes:
    """The answer to a process of another user, before it has said anything."""
    why = f"this port is not for your user: {unless}"
    return _last("403 Forbidden", failure("forbidden", why))


def _last(status: str, answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
