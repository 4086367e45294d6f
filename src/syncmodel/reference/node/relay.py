"""Our relay: a NIP-01 WebSocket endpoint (raw ASGI) for peers and for any other Nostr client.

Every message is answered as NIP-01 has it, whatever it is, and the connection goes on. Who is
calling is unknown until it is proved (NIP-42). `core` decides what a subscription is sent.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from starlette.types import Receive, Scope, Send

from syncmodel.nostr import nip42
from syncmodel.nostr.events import Event, verify
from syncmodel.nostr.messages import (
    Auth,
    Challenge,
    Close,
    Closed,
    Delivery,
    Eose,
    Notice,
    Ok,
    Publish,
    RefusedMessageError,
    Req,
    parse_from_client,
)
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.membership import is_member
from syncmodel.reference.node.outbox import PAGE_S, Backlog, Outbox
from syncmodel.reference.node.ports import Published, Subscribe, Unsubscribe
from syncmodel.reference.node.state import Peer, holds
from syncmodel.reference.node.store import StoreError
from syncmodel.reference.node.websocket import SILENT

SUBSCRIPTIONS_LIMIT: Final = 32
FILTERS_LIMIT: Final = 16
#: The values in all lists of one REQ: each is compared with each event, now and later.
VALUES_LIMIT: Final = 1024
#: What may be open of a connection, and of all that have not proved who they are: each event that
#: comes is compared with all of it, in one turn of the loop. A REQ weighs what `_weight` says.
OPEN_LIMIT: Final = 2**13
ALL_OPEN_LIMIT: Final = 2**16
POLICY_VIOLATION: Final = 1008
NO_MEMBER: Final = "restricted: you are no member of this cluster"


class Relay:
    """The WebSocket endpoint of one node."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.turn = asyncio.Lock()
        self.strangers_open = 0
        self._ids = count(1)
        self._last: tuple[Delivery, str] | None = None
        self._event: tuple[Event, str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        # It ends in many ways, all of them routine: gone, given up, or the node ends.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await receive()
            await send({"type": "websocket.accept"})
            with self._registered() as client:
                await client.serve(receive, send)
                if client.dropped is not None:
                    code, reason = POLICY_VIOLATION, client.dropped
                    await send({"type": "websocket.close", "code": code, "reason": reason})

    @contextmanager
    def _registered(self) -> Iterator["_Client"]:
        client = _Client(self, next(self._ids))
        self.app.connections[client.conn] = client
        try:
            yield client
        finally:
            del self.app.connections[client.conn]
            client.close_all()
            self.app.submit(Unsubscribe(client.conn, sent=client.was_sent_all))

    def text_of(self, message: Delivery | Eose | Ok) -> str:
        """The text of a message; that of an event which goes to many is written once."""
        if not isinstance(message, Delivery):
            return message.to_text()
        if self._last is None or self._last[0] is not message:
            event = message.event
            if self._event is None or self._event[0] is not event:
                self._event = (event, message.event_text())
            self._last = (message, message.text_with(self._event[1]))
        return self._last[1]


class _Client:
    """One connection. What it is sent waits in its outbox: no slow client holds up others."""

    def __init__(self, relay: Relay, conn: int) -> None:
        self.conn = conn
        self.dropped: str | None = None
        self._relay = relay
        self._app = relay.app
        self._challenge = secrets.token_hex(16)
        self._peer: Peer | None = None
        self._outbox = Outbox(relay.turn)
        self._subs: dict[str, tuple[Backlog, int]] = {}
        self._silent = False
        self._end = asyncio.Event()

    @property
    def was_sent_all(self) -> bool:
        """Whether everything was sent that was to be, to someone who was there."""
        return self._outbox.is_empty and not self._silent and self.dropped is None

    async def serve(self, receive: Receive, send: Send) -> None:
        """Until it ends: it goes, or is to be dropped. Raises OSError if it was gone."""

        async def send_text(text: str) -> None:
            await send({"type": "websocket.send", "text": text})

        self._outbox.put(Challenge(self._challenge).to_text())
        tasks = {
            asyncio.create_task(one)
            for one in (self._outbox.drain(send_text), self._read(receive), self._end.wait())
        }
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            task.result()

    async def _read(self, receive: Receive) -> None:
        since = time.monotonic()
        while (message := await receive())["type"] == "websocket.receive":
            self.take(message.get("text"))
            if self._end.is_set():
                return
            await self._outbox.room()
            if time.monotonic() - since > PAGE_S:
                await asyncio.sleep(0)
                since = time.monotonic()
        self._silent = message.get("code") == SILENT

    def send(self, message: Delivery | Eose | Ok | Closed | Notice) -> None:
        """Send this after what waits."""
        if isinstance(message, Delivery):
            self._outbox.put(self._relay.text_of(message))
        else:
            self._outbox.put(message.to_text())
        if self._outbox.overflows:
            # It asks again from its own position when it is back; it must not fill our memory.
            self.drop("error: you do not read what you asked for")

    def drop(self, reason: str) -> None:
        """End the connection now; what waits is not sent."""
        self.dropped = reason
        self._outbox.close()
        self._end.set()

    def take(self, frame: str | None) -> None:
        """Carry out one frame."""
        try:
            if frame is None:
                self.send(Notice("invalid: a message is text; binary frames carry nothing here"))
                return
            message = parse_from_client(frame)
        except RefusedMessageError as exc:
            self.send(exc.answer)
            return
        match message:
            case Req():
                self._subscribe(message)
            case Publish(event):
                self._publish(event)
            case Auth(event):
                self._authenticate(event)
            case Close(sub):
                self._close(sub)

    def _subscribe(self, req: Req) -> None:
        if self._peer is not None and not self._is_member(self._peer):
            self.drop(NO_MEMBER)
            return
        refusal = _too_much(req) or self._too_much_open(req)
        if refusal is not None:
            self._close(req.sub)
            self.send(Closed(req.sub, f"error: {refusal}"))
            return
        self._forget(req.sub)
        name = self._peer.name if self._peer else None
        stream = self._app.subscribe(Subscribe(self.conn, req, name))
        self._subs[req.sub] = self._outbox.put_stream(stream), _weight(req)
        if self._peer is None:
            self._relay.strangers_open += _weight(req)

    def _too_much_open(self, req: Req) -> str | None:
        """What there would be too much of, with this one open, or in place of its namesake."""
        others = [weight for sub, (_, weight) in self._subs.items() if sub != req.sub]
        more = _weight(req)
        if len(others) >= SUBSCRIPTIONS_LIMIT:
            return f"at most {SUBSCRIPTIONS_LIMIT} subscriptions are open at a time"
        if sum(others) + more > OPEN_LIMIT:
            return "at most so many filters and values are open on a connection: CLOSE some"
        _, replaced = self._subs.get(req.sub, (None, 0))
        if self._peer is None and self._relay.strangers_open - replaced + more > ALL_OPEN_LIMIT:
            return "at most so many filters are open here at a time: come back later"
        return None

    def _close(self, sub: str) -> None:
        if sub in self._subs:
            self._forget(sub)
            self._app.submit(Unsubscribe(self.conn, sub, sent=self.was_sent_all))

    def _forget(self, sub: str) -> None:
        if sub in self._subs:
            backlog, weight = self._subs.pop(sub)
            backlog.close()
            if self._peer is None:
                self._relay.strangers_open -= weight

    def close_all(self) -> None:
        """None of its subscriptions counts any more."""
        for sub in list(self._subs):
            self._forget(sub)

    def _publish(self, event: Event) -> None:
        if not holds(self._app.state, event) and not verify(event):
            self.send(Ok(event.id, False, "invalid: id or signature is wrong"))
            return
        try:
            self._app.submit(Published(self.conn, event, self._app.now_s()))
        except StoreError as exc:
            self.send(Ok(event.id, False, f"error: {exc}"))

    def _authenticate(self, event: Event) -> None:
        """Note who is calling, if that is proved. Of strangers, nothing is noted."""
        own = self._app.node.pubkey
        try:
            nip42.check(event, own, self._challenge, self._app.now_s())
        except nip42.NotProvedError as exc:
            self.send(Ok(event.id, False, f"invalid: {exc}"))
            return
        peer = self._app.node.peer_of(event.pubkey)
        if self._peer is not None and self._peer != peer:
            self.send(Ok(event.id, False, "restricted: this connection is another's"))
        elif peer is not None and not self._is_member(peer):
            self.drop(NO_MEMBER)
        else:
            self.send(Ok(event.id, True))
            if self._peer is None and peer is not None:
                self._relay.strangers_open -= sum(weight for _, weight in self._subs.values())
                self._peer = peer
                self._app.peer_calls(peer.pubkey)

    def _is_member(self, peer: Peer) -> bool:
        return is_member(self._app.state, self._app.node, peer.name)


def _weight(req: Req) -> int:
    """What an open subscription costs each event: itself, its filters, and their values."""
    return 64 + sum(1 + one.size for one in req.filters)


def _too_much(req: Req) -> str | None:
    """What this REQ has too much of."""
    if len(req.filters) > FILTERS_LIMIT:
        return f"at most {FILTERS_LIMIT} filters are in one REQ"
    if sum(one.size for one in req.filters) > VALUES_LIMIT:
        return f"at most {VALUES_LIMIT} values are in the filters of one REQ"
    return None
