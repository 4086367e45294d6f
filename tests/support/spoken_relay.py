"""A node's relay without sockets: a test speaks to it as the server would (ASGI)."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from syncmodel.nostr.events import Event
from syncmodel.nostr.keys import Key
from syncmodel.nostr.messages import Auth, Challenge, FromRelay, parse_from_relay
from syncmodel.nostr.nip42 import prove
from syncmodel.reference.node import migrations
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.config import Config
from syncmodel.reference.node.relay import Relay
from syncmodel.reference.node.state import Peer
from syncmodel.reference.node.store import Store

NOW_S = 1_700_000_000
KEYS = {name: Key.from_hex(f"{number:064x}") for number, name in enumerate(("n1", "n2", "n3"), 1)}
LIMIT_S = 20.0


class Undialled:
    """Our side of a link that is never dialled."""

    def __init__(self) -> None:
        self.dials = 0

    def send(self, text: str) -> None:
        raise AssertionError("nobody is connected")

    def dial_now(self, address: str | None) -> None:
        self.dials += 1

    def hang_up(self) -> None:
        """There is nothing to end."""


def application(folder: Path) -> Application:
    """Node n1, which knows n2 and n3; close its store at the end."""
    path = folder / "node.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    migrations.ensure_base(db)
    db.execute("BEGIN IMMEDIATE")
    migrations.run(db, migrations.plan({}, {"supertest": 1}), new_log_id="unused", now_s=0)
    db.execute("COMMIT")
    db.close()
    others = [name for name in KEYS if name != "n1"]
    config = Config(
        name="n1",
        key=KEYS["n1"],
        admins=frozenset(),
        peers=tuple(Peer(name, KEYS[name].public, (f"link:{name}",)) for name in others),
        trusted=frozenset(key.public for key in KEYS.values()),
        bugs=(),
        reconnect_cap_s=1.0,
        plugin=1,
    )
    app = Application(config, Store(path, 1), clock=lambda: NOW_S)
    app.diallers.update({name: Undialled() for name in others})
    return app


def case_event(name: str = "c1", author: str = "n1", **content: Any) -> Event:
    """A version of the case `name` of run r, signed."""
    text = json.dumps({"run_id": "r", "title": "t", "counter": 0, **content})
    return KEYS[author].sign_new(NOW_S, 30100, (("d", f"r/{name}"),), text)


class Call:
    """One connection. While `reads` is not set, its end takes nothing."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = False
        self.closed: tuple[int, str] | None = None
        self.challenge = ""
        self._ended = asyncio.Event()
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[str] = asyncio.Queue()

    @property
    def unread(self) -> int:
        """How many frames the relay has not read."""
        return self._in.qsize()

    @property
    def unheard(self) -> int:
        """How many messages the test has not taken."""
        return self._out.qsize()

    def connect(self) -> None:
        self._in.put_nowait({"type": "websocket.connect"})

    async def ended(self) -> tuple[int, str]:
        """Code and reason, once the relay has closed the connection."""
        async with asyncio.timeout(LIMIT_S):
            await self._ended.wait()
        assert self.closed is not None
        return self.closed

    async def receive(self) -> Any:
        return await self._in.get()

    async def send(self, message: Any) -> None:
        if self.gone:
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            self.closed = (message["code"], message["reason"])
            self._ended.set()
            return
        await self.reads.wait()
        if message["type"] == "websocket.send":
            message["text"].encode()
            self._out.put_nowait(message["text"])

    def say(self, frame: str | bytes) -> None:
        self._in.put_nowait({"type": "websocket.receive"} | as_message(frame))

    def leave(self, code: int = 1006) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": code})

    async def heard(self) -> FromRelay:
        async with asyncio.timeout(LIMIT_S):
            return parse_from_relay(await self._out.get())

    async def heard_until(self, last: FromRelay) -> list[FromRelay]:
        """What comes before `last`."""
        before: list[FromRelay] = []
        while (message := await self.heard()) != last:
            before.append(message)
        return before

    def prove(self, name: str, relay: str = "n1", challenge: str | None = None) -> Event:
        """Say that `name` is calling; the event that says it."""
        given = self.challenge if challenge is None else challenge
        proof = prove(KEYS[name], KEYS[relay].public, given, NOW_S)
        self.say(Auth(proof).to_text())
        return proof


def as_message(frame: str | bytes) -> dict[str, Any]:
    """What uvicorn makes of a frame."""
    return {"text": frame} if isinstance(frame, str) else {"bytes": frame}


@asynccontextmanager
async def calling(relay: Relay) -> AsyncIterator[Call]:
    """A connection to `relay`; it is over, at our end too, when this ends."""
    call = Call()
    call.connect()
    task = asyncio.create_task(relay({"type": "websocket"}, call.receive, call.send))
    try:
        first = await call.heard()
        assert isinstance(first, Challenge)
        call.challenge = first.challenge
        yield call
        call.leave()
        async with asyncio.timeout(LIMIT_S):
            await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
