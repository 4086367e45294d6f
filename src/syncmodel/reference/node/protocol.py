"""HTTP/1.1 on one connection: uvicorn's protocol, and three things that it does otherwise.

The target of a request is kept as the client wrote it, a request that can't be read is answered in
JSON as any other error, and a client that has said all it will (a half-closed connection) still
gets its answers.
"""

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from syncmodel.reference.node.writes import failure


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


def bad_request(why: str) -> bytes:
    """The answer to what is no HTTP, as it is on the wire; the connection ends with it."""
    body = json.dumps(failure("malformed", why)).encode()
    head = (
        f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
