"""Our side of the link to one peer: dial its relay, hand in what it sends, dial again when it ends.

One task for each peer. `core` decides what to ask for and what to do with an entry.
"""

import asyncio
import contextlib
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import WebSocketException

from syncmodel.nostr.events import verify
from syncmodel.nostr.messages import (
    BadDelivery,
    Delivery,
    Eose,
    FromRelay,
    MalformedMessageError,
    parse_from_relay,
)
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.core import LOG, is_member
from syncmodel.reference.node.entries import CONTENT_LIMIT_CHARS, TAGS_LIMIT_CHARS
from syncmodel.reference.node.ports import FromPeer, PeerDown, PeerUp
from syncmodel.reference.node.state import Peer, holds
from syncmodel.reference.node.store import StoreError

#: Every event that a node stores fits, whatever is escaped in it. A content is JSON already, so a
#: character of it takes 4 bytes at most; one of a tag takes 6 (\u0000). The rest is around them.
FRAME_LIMIT_BYTES: Final = 4 * CONTENT_LIMIT_CHARS + 6 * TAGS_LIMIT_CHARS + 4_096
OPEN_LIMIT_S: Final = 10.0
FIRST_PAUSE_S: Final = 0.005


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
            if is_member(self._app.state, self._app.node, self._peer.name):
                await self._dial()
                limit_s: float | None = self._pause_s
                self._pause_s = min(2 * self._pause_s, self._app.config.reconnect_cap_s)
            else:
                limit_s = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._now.wait()

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
            with contextlib.suppress(OSError, TimeoutError, WebSocketException, StoreError):
                self._session.result()

    async def _hold(self, address: str) -> None:
        socket = await _connect(address, self._app.node.pubkey)
        try:
            self._outbox.clear()
            self._app.submit(PeerUp(self._peer.name))
            for text in self._outbox:
                await socket.send(text)
            async for frame in socket:
                self._take(frame)
                self._pause_s = FIRST_PAUSE_S
        finally:
            # No closing handshake: a peer that hangs would keep us from dialling again.
            socket.transport.abort()
            self._app.submit(PeerDown(self._peer.name))

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


async def _connect(address: str, own_pubkey: str) -> ClientConnection:
    """A WebSocket to ws://HOST:PORT or ws+unix:///PATH, which says who dials (a hint only)."""
    parts = urlsplit(address)
    hint = f"/?from={own_pubkey}"
    if parts.scheme == "ws+unix":
        return await unix_connect(
            parts.path,
            f"ws://localhost{hint}",
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_LIMIT_S,
            max_size=FRAME_LIMIT_BYTES,
        )
    return await connect(
        f"ws://{parts.netloc}{hint}",
        compression=None,
        ping_interval=None,
        open_timeout=OPEN_LIMIT_S,
        max_size=FRAME_LIMIT_BYTES,
        proxy=None,
    )
