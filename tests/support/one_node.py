"""One node in this process: both HTTP surfaces as the ASGI application that they are.

It has a folder with its generations and its store, and a machine's control, whose application
starts and stops nothing.
"""

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from syncmodel.nostr.keys import Key
from syncmodel.nostr.nip98 import authorization
from syncmodel.reference.node import config, migrations
from syncmodel.reference.node.accepted import Accepted
from syncmodel.reference.node.admin import PATH
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.clock import Clock
from syncmodel.reference.node.control import Control, serve_control
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS, Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.relay import Relay
from syncmodel.reference.node.server import Surfaces
from syncmodel.reference.node.store import Store
from syncmodel.reference.node.supervisor import Supervisor

ADMIN = Key.from_hex("11" * 32)
NODE = Key.from_hex("22" * 32)
PEER = Key.from_hex("33" * 32)
HOST = "127.0.0.1:4000"
ADMIN_URL = f"http://{HOST}{PATH}"
PLUGIN = "/plugins-api/supertest"


class Idle:
    """A machine's application, and a dialler, that do nothing."""

    state = "running"

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def fallen(self) -> str:
        return await asyncio.Future()

    def send(self, text: str) -> None: ...
    def dial_now(self, address: str | None) -> None: ...
    def hang_up(self) -> None: ...


@attrs.define
class OneNode:
    """The node. `clock_s` is its clock, in Unix seconds; None is the real one."""

    root: Path
    surfaces: Surfaces
    app: Application
    control: Control
    accepted: Accepted
    clock_s: float | None = None

    def now_s(self) -> float:
        return time.time() if self.clock_s is None else self.clock_s

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        said: str | None = None,
    ) -> tuple[int, Any]:
        """(status, JSON) of one request with exactly this target; `said` is how it was put."""
        listed = list(headers)
        if not any(name.lower() == "host" for name, _ in listed):
            listed.append(("host", HOST))
        return await raw(self.surfaces, method, target, body, listed, said)

    async def admin(self, name: object, params: object = None, **fields: Any) -> tuple[int, Any]:
        """(status, JSON) of an admin request, signed as it should be."""
        asked = {"method": name, "params": {} if params is None else params} | fields
        return await self.signed(json.dumps(asked).encode())

    async def signed(self, body: bytes) -> tuple[int, Any]:
        return await self.ask("POST", PATH, body, [("authorization", self.header(body))])

    def header(self, body: bytes) -> str:
        nonce = secrets.token_hex(8)
        now_s = int(self.now_s())
        return authorization(ADMIN, ADMIN_URL, "POST", body, now_s, nonce, NODE.public)


async def raw(  # noqa: PLR0917  (the parts of a request, in their order on the wire)
    surfaces: Any,
    method: str,
    target: str,
    body: bytes,
    headers: Sequence[tuple[str, str]],
    said: str | None = None,
) -> tuple[int, Any]:
    """(status, JSON) of one request to an ASGI application."""
    status, _, content = await exchange(surfaces, method, target, body, headers, said)
    return status, json.loads(content)


async def exchange(  # noqa: PLR0917  (as `raw`)
    surfaces: Any,
    method: str,
    target: str,
    body: bytes,
    headers: Sequence[tuple[str, str]],
    said: str | None = None,
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """(status, headers, content); the request comes in parts of 64 KiB."""
    path, _, query = target.encode("latin-1").partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "target": (said or target).encode("latin-1"),
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers],
    }
    parts = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]
    coming = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, 1)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await surfaces(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], sent[0]["headers"], content


@asynccontextmanager
async def one_node(root: Path, generation: int = 3, **settings: Any) -> AsyncIterator[OneNode]:
    """The node of the machine under `root`, which is made unless it is there."""
    layout = Layout(root)
    if not layout.config.exists():
        _install(layout, generation)
    layout.config.write_text(json.dumps(_CONFIG | settings))
    loaded = config.load(root)
    store, accepted = Store(layout.database, loaded.plugin), Accepted(layout.accepted)
    supervisor = Supervisor(layout, Idle())
    control = Control(supervisor, Idle(), Clock(layout.clock))
    server = await serve_control(control, layout.control_socket)
    made: list[OneNode] = []
    app = Application(loaded, store, clock=lambda: made[0].now_s() if made else time.time())
    app.diallers["n2"] = Idle()
    node = OneNode(root, Surfaces(app, root, accepted, Relay(app)), app, control, accepted)
    made.append(node)
    try:
        yield node
        await supervisor.job_ended()
    finally:
        server.close()
        await server.wait_closed()
        store.close()
        accepted.close()


_CONFIG = {
    "name": "n1",
    "admins": [ADMIN.public],
    "peers": [{"name": "n2", "pubkey": PEER.public, "addresses": ["ws+unix:///nowhere"]}],
    "trusted": [NODE.public, PEER.public],
}


def _install(layout: Layout, generation: int) -> None:
    for path in (layout.config, layout.key, layout.app_socket):
        path.parent.mkdir(parents=True, exist_ok=True)
    layout.key.write_text(NODE.reveal())
    generations = Generations(layout)
    for one in DEFAULT_GENERATIONS:
        generations.install(one)
    generations.select(generation)
    generations.set_running(generation)
    db = sqlite3.connect(layout.database, isolation_level=None)
    migrations.ensure_base(db)
    db.execute("BEGIN IMMEDIATE")
    steps = migrations.plan({}, generations.get(generation).plugins)
    migrations.run(db, steps, new_log_id="unused", now_s=0)
    db.execute("COMMIT")
    db.close()
