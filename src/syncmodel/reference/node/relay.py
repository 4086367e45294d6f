"""Our relay: a NIP-01 WebSocket endpoint (raw ASGI) for peers and for any other Nostr client.

A frame that can't be read is answered with a NOTICE, and the connection goes on. `core` decides
what a subscription is sent.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from syncmodel.nostr.events import MalformedEventError, verify
from syncmodel.nostr.messages import (
    Close,
    Closed,
    Delivery,
    Eose,
    MalformedMessageError,
    Notice,
    Ok,
    Publish,
    Req,
    parse_from_client,
)
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.core import is_member
from syncmodel.reference.node.ports import Published, Subscribe, Unsubscribe
from syncmodel.reference.node.state import Peer, holds
from syncmodel.reference.node.store import StoreError

SUBSCRIPTIONS_LIMIT: Final = 32
FILTERS_LIMIT: Final = 16
QUEUE_LIMIT: Final = 100_000
POLICY_VIOLATION: Final = 1008


class Relay:
    """The WebSocket endpoint of one node."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._ids = count(1)
        self._last: tuple[Delivery, str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()
        caller = parse_qs(scope["query_string"].decode("latin-1")).get("from", [""])[0]
        peer = self._app.node.peer_of(caller)
        if peer is not None and not is_member(self._app.state, self._app.node, peer.name):
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        if peer is not None:
            self._app.peer_calls(peer.pubkey)
        with self._registered(peer) as client:
            writer = asyncio.create_task(client.write(send))
            try:
                while (message := await receive())["type"] == "websocket.receive":
                    client.take(message.get("text"))
            finally:
                writer.cancel()

    @contextmanager
    def _registered(self, peer: Peer | None) -> Iterator["_Client"]:
        client = _Client(self, self._app, next(self._ids), peer)
        self._app.connections[client.conn] = client
        try:
            yield client
        finally:
            del self._app.connections[client.conn]
            self._app.submit(Unsubscribe(client.conn))

    def text_of(self, message: Delivery | Eose | Ok) -> str:
        """The text of a message; one that goes to many subscribers is written once."""
        if not isinstance(message, Delivery):
            return message.to_text()
        if self._last is None or self._last[0] is not message:
            self._last = (message, message.to_text())
        return self._last[1]


class _Client:
    """One connection. Its messages wait in a queue: a slow client does not hold up others."""

    def __init__(self, relay: Relay, app: Application, conn: int, peer: Peer | None) -> None:
        self.conn = conn
        self._relay = relay
        self._app = app
        self._peer = peer
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._subs: set[str] = set()

    def send(self, message: Delivery | Eose | Ok) -> None:
        self._queue.put_nowait(self._relay.text_of(message))
        if self._queue.qsize() > QUEUE_LIMIT:
            # It asks again from its own position when it is back; it must not fill our memory.
            self.drop()

    def drop(self) -> None:
        self._queue.put_nowait(None)

    async def write(self, send: Send) -> None:
        """Send what waits, in order, until the connection is to be dropped."""
        try:
            while (text := await self._queue.get()) is not None:
                await send({"type": "websocket.send", "text": text})
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        except OSError:
            return  # gone; `receive` says so too

    def take(self, frame: str | None) -> None:
        """Carry out one frame."""
        try:
            if frame is None:
                raise MalformedMessageError("Binary frames carry nothing here.")
            message = parse_from_client(frame)
        except (MalformedMessageError, MalformedEventError) as exc:
            self._queue.put_nowait(Notice(str(exc)).to_text())
            return
        match message:
            case Req():
                self._subscribe(message)
            case Publish():
                self._publish(message)
            case Close(sub):
                self._subs.discard(sub)
                self._app.submit(Unsubscribe(self.conn, sub))

    def _subscribe(self, req: Req) -> None:
        crowded = len(self._subs | {req.sub}) > SUBSCRIPTIONS_LIMIT
        if crowded or len(req.filters) > FILTERS_LIMIT:
            self._queue.put_nowait(Closed(req.sub, "error: too many").to_text())
            return
        self._subs.add(req.sub)
        self._app.submit(Subscribe(self.conn, req, self._peer.name if self._peer else None))

    def _publish(self, publish: Publish) -> None:
        event = publish.event
        if not holds(self._app.state, event) and not verify(event):
            self.send(Ok(event.id, False, "invalid: id or signature is wrong"))
            return
        try:
            self._app.submit(Published(self.conn, event, self._app.now_s()))
        except StoreError as exc:
            self.send(Ok(event.id, False, f"error: {exc}"))
