"""Application processes of the reference node on unix sockets, and how a test reaches them."""

import contextlib
import json
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import ServerConnection

from syncmodel.nostr.events import Event, unsigned
from syncmodel.nostr.keys import Key
from syncmodel.nostr.messages import Auth, Challenge, Ok, parse_from_client, parse_from_relay
from syncmodel.nostr.nip98 import authorization
from syncmodel.reference.node import migrations
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS, Generations
from syncmodel.reference.node.layout import Layout

ADMIN_URL = "http://127.0.0.1:4000/api/admin/management"
LIMIT_S = 10.0


@attrs.frozen
class Running:
    """One application process and how to reach it."""

    root: Path
    keys: dict[str, Key]
    admin: Key
    process: "subprocess.Popen[bytes]"

    def client(self) -> httpx.AsyncClient:
        path = str(Layout(self.root).app_socket)
        return httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=path),
            base_url="http://127.0.0.1:4000/plugins-api/supertest",
        )

    async def call(self, http: httpx.AsyncClient, method: str, **params: Any) -> httpx.Response:
        body = json.dumps({"method": method, "params": params}).encode()
        header = signed(self, body)
        return await http.post(ADMIN_URL, content=body, headers={"Authorization": header})

    async def status(self, http: httpx.AsyncClient, **wait: Any) -> dict[str, Any]:
        """The result of sync.status; with peers=... as a long poll."""
        answer = await self.call(http, "sync.status", **({"wait": wait} if wait else {}))
        result: dict[str, Any] = answer.json()["result"]
        return result

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[ClientConnection]:
        """A stranger's connection to its relay."""
        async with self.challenged() as (connection, _):
            yield connection

    @asynccontextmanager
    async def challenged(self) -> AsyncIterator[tuple[ClientConnection, str]]:
        """A connection to its relay, and the challenge with which that begins."""
        path = str(Layout(self.root).app_socket)
        async with unix_connect(path, "ws://localhost/", ping_interval=None) as connection:
            first = parse_from_relay(await connection.recv())
            assert isinstance(first, Challenge)
            yield connection, first.challenge

    def log(self) -> str:
        """What the process wrote to standard error."""
        return self.root.with_suffix(".log").read_text()


def signed(
    node: Running,
    body: bytes,
    url: str = ADMIN_URL,
    at_s: int | None = None,
    key: Key | None = None,
) -> str:
    """The header by which the admin (or `key`) asks this node for something."""
    stamp = int(time.time()) if at_s is None else at_s
    named = node.keys[node.root.name].public
    return authorization(key or node.admin, url, "POST", body, stamp, secrets.token_hex(8), named)


@contextmanager
def nodes(
    *names: str,
    generation: int = 2,
    bugs: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
    **settings: Any,
) -> Iterator[list[Running]]:
    """These nodes, each the peer of all others over its unix socket; gone at the end.

    The absent ones are peers too, and nothing runs there. `settings` are of the configuration.
    """
    with tempfile.TemporaryDirectory(prefix="node-") as folder:
        keys = {name: Key.generate() for name in (*names, *absent)}
        admin = Key.generate()
        running: list[Running] = []
        try:
            for name in names:
                root = Path(folder) / name
                configure(root, keys, admin, bugs, settings)
                install(Layout(root), generation)
                running.append(Running(root, keys, admin, start(root)))
            for node in running:
                await_socket(node)
            yield running
        finally:
            for node in running:
                node.process.kill()
                node.process.wait()


def configure(
    root: Path,
    keys: dict[str, Key],
    admin: Key,
    bugs: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
) -> None:
    layout = Layout(root)
    for path in (layout.config, layout.key, layout.app_socket):
        path.parent.mkdir(parents=True, exist_ok=True)
    layout.key.write_text(keys[root.name].reveal())
    peers = [
        {
            "name": other,
            "pubkey": key.public,
            "addresses": [f"ws+unix://{Layout(root.parent / other).app_socket}"],
        }
        for other, key in keys.items()
        if other != root.name
    ]
    config = {
        "name": root.name,
        "admins": [admin.public],
        "peers": peers,
        "trusted": [key.public for key in keys.values()],
        "bugs": list(bugs),
        "reconnect_cap_s": 0.05,
        **(settings or {}),
    }
    layout.config.write_text(json.dumps(config))


def install(layout: Layout, generation: int) -> None:
    """Select and run this generation, with its tables in place."""
    generations = Generations(layout)
    for one in DEFAULT_GENERATIONS:
        generations.install(one)
    generations.select(generation)
    generations.set_running(generation)
    db = sqlite3.connect(layout.database, isolation_level=None)
    migrations.ensure_base(db)
    db.execute("BEGIN IMMEDIATE")
    plugins = generations.get(generation).plugins
    migrations.run(db, migrations.plan({}, plugins), new_log_id="unused", now_s=0)
    db.execute("COMMIT")
    db.close()


def start(root: Path) -> "subprocess.Popen[bytes]":
    code = "from syncmodel.reference.node.server import serve; "
    code += "import pathlib, sys; serve(pathlib.Path(sys.argv[1]))"
    with root.with_suffix(".log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", code, str(root)], stderr=log)


def await_socket(node: Running) -> None:
    """Until it accepts connections; AssertionError if it ends instead, or never does."""
    path = str(Layout(node.root).app_socket)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(path)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = node.process.wait(0.005)
            raise AssertionError(f"the application ended with {code}")
    raise AssertionError("the application never answered")


def case(name: str = "c1", title: str = "t") -> dict[str, Any]:
    return {"id": f"r/{name}", "run_id": "r", "title": title, "counter": 0}


def case_event(key: Key, name: str, **content: Any) -> Event:
    text = json.dumps({"run_id": "r", "title": "t", "counter": 0, **content})
    return key.sign(unsigned(key.public, int(time.time()), 30100, (("d", f"r/{name}"),), text))


async def titles(http: httpx.AsyncClient) -> list[str]:
    state = (await http.get("/state", params={"run_id": "r"})).json()["result"]
    return [one["title"] for one in state["cases"]]


async def travelled(source: Running, http: httpx.AsyncClient, to: Running, by: Any) -> None:
    """Until `to` has processed all of the log of `source`, and no longer than that takes."""
    here = await source.status(http)
    goal = {"log_id": here["log_id"], "position": here["position"]}
    name = source.root.name
    there = await to.status(by, peers={name: goal}, limit_s=LIMIT_S)
    assert there["peers"][name]["applied"] >= goal["position"], there


async def welcome(connection: ServerConnection) -> None:
    """What a relay that is a test says to a node that dials it, until it has proved itself."""
    await connection.send(Challenge("a challenge").to_text())
    proof = parse_from_client(await connection.recv())
    assert isinstance(proof, Auth)
    await connection.send(Ok(proof.event.id, True).to_text())
