"""Our side of the link to one peer: dial its relay, hand in what it sends, dial again when it ends.

One task for each peer. `core` decides what to ask for and what to do with an entry. A peer is told
who we are before it is asked anything, by a proof (NIP-42).
"""

import asyncio
import contextlib
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import WebSocketException
from websockets.protocol import State

from syncmodel.nostr import nip42
from syncmodel.nostr.events import Event, MalformedEventError, verify
from syncmodel.nostr.messages import (
    Auth,
    BadDelivery,
    Challenge,
    Delivery,
    Eose,
    FromRelay,
    MalformedMessageError,
    Ok,
    parse_from_relay,
)
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.core import LOG
from syncmodel.reference.node.entries import CONTENT_LIMIT_CHARS, TAGS_LIMIT_CHARS
from syncmodel.reference.node.membership import dials, is_member
from syncmodel.reference.node.ports import FromPeer, PeerDown, PeerUp
from syncmodel.reference.node.silence import Watch
from syncmodel.reference.node.state import Peer, holds
from syncmodel.reference.node.store import StoreError

#: Every event that a node stores fits, whatever is escaped in it. A content is JSON already, so a
#: character of it takes 4 bytes at most; one of a tag takes 6 (\u0000). The rest is around them.
FRAME_LIMIT_BYTES: Final = 4 * CONTENT_LIMIT_CHARS + 6 * TAGS_LIMIT_CHARS + 4_096
OPEN_LIMIT_S: Final = 10.0
FIRST_PAUSE_S: Final = 0.005
_ROUTINE: Final = (OSError, TimeoutError, WebSocketException, StoreError, MalformedEventError)


class Dialler:
    """Keeps the link to `peer` up as long as `run` runs and both are members of the cluster."""

    def __init__(self, app: Application, peer: Peer) -> None:
        self._app = app
        self._peer = peer
        self._pause_s = FIRST_PAUSE_S
        self._address: str | None = None  # for the next dial alone
        self._now = asyncio.Event()
        self._session: asyncio.Task[None] | None = None
        self._outbox: list[str] = []

    async def run(self) -> None:
        """Dial for ever; cancel it to end."""
        while True:
            self._now.clear()
            if self._wanted():
                await self._dial()
                limit_s: float | None = self._pause_s
                self._pause_s = min(2 * self._pause_s, self._app.config.reconnect_cap_s)
            else:
                limit_s = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._now.wait()

    def _wanted(self) -> bool:
        """Whether to dial: a connection is kept, or was asked for."""
        state, node, peer = self._app.state, self._app.node, self._peer.name
        return dials(state, node, peer) or (
            self._address is not None and is_member(state, node, peer)
        )

    def send(self, text: str) -> None:
        """Send this as soon as the step that asked for it is done."""
        self._outbox.append(text)

    def dial_now(self, address: str | None) -> None:
        """Dial without a pause. With an address: end the connection there is, and dial that one.

        Without one, a dial that is under way goes on.
        """
        self._pause_s = FIRST_PAUSE_S
        self._now.set()
        if address is not None:
            self._address = address
            self.hang_up()

    def hang_up(self) -> None:
        """End the current connection."""
        if self._session is not None:
            self._session.cancel()

    async def _dial(self) -> None:
        address, self._address = self._address or self._peer.addresses[0], None
        self._session = asyncio.create_task(self._hold(address))
        try:
            await asyncio.wait({self._session})
        finally:
            self._session.cancel()
        if not self._session.cancelled():
            # A failing dial or link is routine for a node; any other error is a bug of ours.
            with contextlib.suppress(*_ROUTINE):
                self._session.result()

    async def _hold(self, address: str) -> None:
        limit_s = self._app.config.silence_limit_s
        open_limit_s = min(OPEN_LIMIT_S, limit_s)
        socket = await connected_to(address, open_limit_s)
        watch = Watch(limit_s, socket.ping_now, partial(self._unheard, socket))
        socket.watch = watch
        try:
            async with asyncio.timeout(open_limit_s):
                await self._introduce(socket)
            self._outbox.clear()
            self._app.submit(PeerUp(self._peer.name))
            watch.start()
            for text in self._outbox:
                await socket.send(text)
            async for frame in socket:
                self._take(frame)
                self._pause_s = FIRST_PAUSE_S
        finally:
            watch.stop()
            # No closing handshake: a peer that hangs would keep us from dialling again.
            socket.transport.abort()
            self._app.submit(PeerDown(self._peer.name))

    def _unheard(self, socket: "_Socket") -> None:
        """Nothing was heard for so long that the connection is taken for dead."""
        if self._app.node.pieces.gives_up(True):
            socket.transport.abort()

    async def _introduce(self, socket: "_Socket") -> None:
        """Prove to the peer who we are, and return when it believes it.

        Raises ConnectionResetError if it doesn't, MalformedEventError if what it asks for can't be
        signed.
        """
        proof: Event | None = None
        async for frame in socket:
            try:
                message = parse_from_relay(frame)
            except MalformedMessageError:
                continue
            if isinstance(message, Challenge):
                key, now_s = self._app.config.key, self._app.now_s()
                proof = nip42.prove(key, self._peer.pubkey, message.challenge, now_s)
                await socket.send(Auth(proof).to_text())
            elif isinstance(message, Ok) and proof is not None and message.event_id == proof.id:
                if message.accepted:
                    return
                break
        raise ConnectionResetError(f"{self._peer.name} does not let us prove who we are.")

    def _take(self, frame: str | bytes) -> None:
        message: FromRelay
        try:
            message = parse_from_relay(frame)
        except MalformedMessageError:
            message = BadDelivery(LOG, "malformed")
        if not isinstance(message, Delivery | BadDelivery | Eose) or message.sub != LOG:
            return
        if isinstance(message, Delivery) and not (
            holds(self._app.state, message.event) or verify(message.event)
        ):
            message = BadDelivery(LOG, "bad signature", message.position)
        self._app.submit(FromPeer(self._peer.name, message, self._app.now_s()))


class _Socket(ClientConnection):
    """A WebSocket that says when anything comes in at all, and pings without awaiting anything.

    Once the other end has begun to close it, it is over: that end may stand still before it ends.
    """

    watch: Watch | None = None

    def data_received(self, data: bytes) -> None:
        if self.watch is not None:
            self.watch.heard()
        super().data_received(data)
        if self.state is State.CLOSING:
            self.transport.abort()

    def ping_now(self) -> None:
        """Send a ping; its answer is heard like all else."""
        if self.state is State.OPEN:
            self.protocol.send_ping(b"")
            self.send_data()


async def connected_to(address: str, open_limit_s: float) -> _Socket:
    """A WebSocket to ws://HOST:PORT, wss://HOST:PORT or ws+unix:///PATH."""
    parts = urlsplit(address)
    options: dict[str, Any] = {
        "compression": None,
        "ping_interval": None,
        "open_timeout": open_limit_s,
        "max_size": FRAME_LIMIT_BYTES,
        "create_connection": _Socket,
    }
    if parts.scheme == "ws+unix":
        socket = await unix_connect(parts.path, "ws://localhost/", **options)
    else:
        socket = await connect(f"{parts.scheme}://{parts.netloc}/", proxy=None, **options)
    assert isinstance(socket, _Socket)
    return socket
