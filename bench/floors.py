"""The floors under a live step: the same requests, without the framework.

A step is: write on one node, ask every node where it stands, wait where one is behind, read every
node. Both floors send that over the same kind of SSH connection; one through the same httpx
transport, one with h11 alone. Neither has a model, a history, or an error to explain.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import asyncssh
import h11
import httpx

from syncmodel.nostr import nip98
from syncmodel.nostr.keys import Key
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport import ssh
from syncmodel.transport.clients import open_http

BASE = "http://127.0.0.1:4000"
ADMIN = "/api/admin/management"
PLUGIN = "/plugins-api/supertest"


class Bare(Protocol):
    """One node, as barely as it can be asked."""

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> dict[str, Any]:
        """The JSON of the answer."""

    async def close(self) -> None:
        """Close the connection."""


class BareHttpx:
    """httpx over the project's own transport, and nothing else of the project."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self._client: httpx.AsyncClient = open_http(connection)

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> dict[str, Any]:
        request = httpx.Request(method, BASE + path, headers=headers, content=body)
        response = await self._client.send(request)
        found: dict[str, Any] = json.loads(response.content)
        return found

    async def close(self) -> None:
        await self._client.aclose()
        self._connection.close()
        await self._connection.wait_closed()


class BareH11:
    """h11 on a channel of asyncssh, one request after another."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection
        self._streams: tuple[Any, Any] | None = None

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> dict[str, Any]:
        if self._streams is None:
            opened = await self._connection.open_connection("127.0.0.1", 4000)
            self._streams = opened
            self._h11 = h11.Connection(h11.CLIENT)
        reader, writer = self._streams
        wire = self._h11
        listed = [("Host", "127.0.0.1:4000"), *headers.items()]
        if body:
            listed.append(("Content-Length", str(len(body))))
        out = wire.send(h11.Request(method=method, target=path, headers=listed)) or b""
        if body:
            out += wire.send(h11.Data(data=body)) or b""
        out += wire.send(h11.EndOfMessage()) or b""
        writer.write(out)
        content = b""
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                wire.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
        wire.start_next_cycle()
        found: dict[str, Any] = json.loads(content)
        return found

    async def close(self) -> None:
        self._connection.close()
        await self._connection.wait_closed()


async def connect(node: LiveNode, kind: type[BareHttpx | BareH11]) -> Bare:
    """A separate connection to the machine of a node."""
    place = node.machine.endpoint
    connection = await ssh.connect(
        place.host, place.port, place.username, place.client_key, place.host_key
    )
    return kind(connection)


class Floor:
    """Steps without a framework, on nodes that are asked as barely as `kind` does it."""

    def __init__(self, nodes: Mapping[str, Bare], key: Key, keys: Mapping[str, str]) -> None:
        self._nodes = dict(nodes)
        self._key = key
        self._keys = keys
        self.run_id = secrets.token_hex(6)

    async def step(self, node: str, title: str, *, create: bool = False) -> tuple[float, float]:
        """Seconds until the write had settled everywhere, and until every node was read."""
        started = time.perf_counter()
        name = f"{self.run_id}/c1"
        headers = {"Content-Type": "application/json"}
        if create:
            body = {"id": name, "run_id": self.run_id, "title": title, "counter": 0}
            await self._send(node, "POST", f"{PLUGIN}/cases", headers, body)
        else:
            path = f"{PLUGIN}/cases/{quote(name, safe='')}"
            await self._send(node, "PATCH", path, headers, {"title": title})
        names = tuple(self._nodes)
        standing = dict(
            zip(names, await asyncio.gather(*(self._status(n, {}) for n in names)), strict=True)
        )
        while True:
            goals = {
                b: {
                    a: {"log_id": standing[a]["log_id"], "position": standing[a]["position"]}
                    for a in names
                    if a != b and standing[b]["peers"][a]["applied"] < standing[a]["position"]
                }
                for b in names
            }
            behind = [n for n in names if goals[n]]
            if not behind:
                break
            found = await asyncio.gather(
                *(self._status(n, {"wait": {"peers": goals[n], "limit_s": 2.0}}) for n in behind)
            )
            standing |= dict(zip(behind, found, strict=True))
        settled = time.perf_counter()
        path = f"{PLUGIN}/state?run_id={self.run_id}"
        states = await asyncio.gather(*(self._send(n, "GET", path, {}, None) for n in names))
        if any(s["result"]["cases"][0]["title"] != title for s in states):
            raise RuntimeError("a node does not show the write: this floor measured nothing")
        return settled - started, time.perf_counter() - started

    async def _status(self, node: str, params: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"method": "sync.status", "params": params}).encode()
        authorization = nip98.authorization(
            self._key,
            BASE + ADMIN,
            "POST",
            body,
            int(time.time()),
            secrets.token_hex(8),
            self._keys[node],
        )
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        answer = await self._nodes[node].send("POST", ADMIN, headers, body)
        found: dict[str, Any] = answer["result"]
        return found

    async def _send(
        self, node: str, method: str, path: str, headers: dict[str, str], body: Any
    ) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        return await self._nodes[node].send(method, path, headers, content)

    async def close(self) -> None:
        """Close every connection."""
        for node in self._nodes.values():
            await node.close()
