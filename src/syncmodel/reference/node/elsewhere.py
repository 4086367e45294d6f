"""Which of a node's rows no other node has: its peers are asked for what they hold, over the links.

For who is about to lose them. A peer that does not answer in time is named, and has nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from websockets.exceptions import WebSocketException

from syncmodel.nostr.events import Event, MalformedEventError
from syncmodel.nostr.filters import Filter
from syncmodel.nostr.messages import (
    Delivery,
    Eose,
    MalformedMessageError,
    Req,
    parse_from_relay,
)
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.dialler import connected_to
from syncmodel.reference.node.entries import KINDS, RefusedEntryError, RowKey, read
from syncmodel.reference.node.losing import Held, newest, told
from syncmodel.reference.node.membership import is_member
from syncmodel.reference.node.state import Peer

#: How long all peers together are waited for: a link may be slow.
ASK_LIMIT_S: Final = 5.0
_ASKED: Final = "elsewhere"


async def losses(app: Application) -> dict[str, Any]:
    """`rows_only_here`, the ids of each table that no peer has which answered, and `not_asked`, the
    peers that did not; nothing where the plugin does not run, as only its state tells."""
    if app.state.plugin is None:
        return {}
    peers = [one for one in app.node.peers if is_member(app.state, app.node, one.name)]
    answers = await asyncio.gather(*map(_held_by, peers))
    held = [answer for answer in answers if answer is not None]
    silent = {one.name for one, answer in zip(peers, answers, strict=True) if answer is None}
    away = {one.name for one in app.node.peers if one not in peers}
    return told(app.state, app.node, held, silent | away)


async def _held_by(peer: Peer) -> Held | None:
    """What the peer has; None if it does not say."""
    try:
        async with asyncio.timeout(ASK_LIMIT_S):
            return newest([pair async for pair in _asked(peer)])
    except (OSError, TimeoutError, WebSocketException):
        return None


async def _asked(peer: Peer) -> AsyncIterator[tuple[RowKey, Event]]:
    socket = await connected_to(peer.addresses[0], ASK_LIMIT_S)
    try:
        await socket.send(Req(_ASKED, (Filter(kinds=KINDS),)).to_text())
        async for frame in socket:
            try:
                message = parse_from_relay(frame)
                if isinstance(message, Delivery) and message.sub == _ASKED:
                    yield (message.event.kind, read(message.event).id), message.event
            except (MalformedMessageError, MalformedEventError, RefusedEntryError):
                continue
            if isinstance(message, Eose) and message.sub == _ASKED:
                return
        raise ConnectionResetError(f"{peer.name} has not said all that it has.")
    finally:
        socket.transport.abort()
