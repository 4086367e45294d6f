"""The node's process: everything put together on ROOT/run/app.sock, until SIGTERM.

HTTP and the relay's WebSocket share that one socket. Peers come in by ROOT/run/relay.sock, where
there is the relay and nothing else. On a host of its own both are found at TCP ports, too, if its
configuration says so. Each socket is bound under another name and renamed into place when
the application can answer.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Collection, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import uvicorn
import uvloop
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from syncmodel.reference.node import admin, bugs, config, openapi
from syncmodel.reference.node.accepted import Accepted
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.clock import Clock
from syncmodel.reference.node.dialler import FRAME_LIMIT_BYTES, Dialler
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.mark import Marks
from syncmodel.reference.node.plugin_api import PluginApi
from syncmodel.reference.node.protocol import Http, http_for
from syncmodel.reference.node.relay import Relay
from syncmodel.reference.node.store import Store
from syncmodel.reference.node.surface import answer, decoded, denied
from syncmodel.reference.node.websocket import WebSocket

KEEP_ALIVE_S: Final = 3600
PLUGIN_PATHS: Final = f"/plugins-api/{config.PLUGIN}/"
#: How long, at the end, what is being served may take to notice.
FAREWELL_LIMIT_S: Final = 1.0
RELAY_PATH: Final = "/"
_BACKLOG: Final = 128


def serve(root: Path) -> None:
    """Run the node of the machine under `root` (absolute); return on SIGTERM.

    Raises SyncModelError or OSError if it can't start; then no socket is there.
    """
    uvloop.run(_serve(root))


async def _serve(root: Path) -> None:
    layout, settings = Layout(root), config.load(root)
    store = Store(layout.database, settings.plugin)
    accepted = Accepted(layout.accepted, bugs.pieces(settings.bugs).recalls)
    marks = Marks(layout.mark)
    try:
        app = Application(settings, store, Clock(layout.clock), marks)
        diallers = {peer.name: Dialler(app, peer) for peer in settings.peers}
        app.diallers.update(diallers)
        end = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, end.set)
        relay = Relay(app)
        surfaces = Surfaces(app, root, accepted, relay)
        limit_s = settings.silence_limit_s
        servers = [
            *[await _listen_at(RelayAlone(relay), at, limit_s, None) for at in settings.relay_at],
            *[
                await _listen_at(surfaces, at, limit_s, settings.http_users | {os.geteuid()})
                for at in (settings.http_at,)
                if at
            ],
            await _listen(RelayAlone(relay), layout.relay_socket, limit_s),
            # Last: whoever waits for this node to come up looks here.
            await _listen(surfaces, layout.app_socket, limit_s),
        ]
        # What is there by now stays: a look at all of it for garbage would hold up every request.
        gc.freeze()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.run()) for one in diallers.values()]
            await end.wait()
            for task in running:
                task.cancel()
        for path in (layout.app_socket, layout.relay_socket):
            path.unlink(missing_ok=True)
        await _hang_up(servers, surfaces)
        app.flush()
    finally:
        accepted.close()
        marks.close()
        store.close()


class Surfaces:
    """Everything that the socket serves, found by the exact path (raw ASGI).

    The plugin API's paths hold ids of any characters, a newline too: a router of patterns would not
    find them all.
    """

    def __init__(self, app: Application, root: Path, accepted: Accepted, relay: Relay) -> None:
        self._relay = relay
        self._admin = admin.Admin(app, root, accepted)
        self._plugin_api = PluginApi(app)
        self._answering: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket connection until it ends."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["path"] == RELAY_PATH:
            await self._relay(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    def end(self) -> None:
        """End what still waits, which are long polls: their connections are closed."""
        for task in self._answering:
            task.cancel()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            response = await self._answer(Request(scope, receive))
        except (ClientDisconnect, asyncio.CancelledError):
            return  # nobody is there to be answered
        finally:
            self._answering.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = decoded(request.scope["raw_path"])
        if path is None:
            return denied(400, "malformed", "the path is no percent-encoded UTF-8")
        if path.startswith(PLUGIN_PATHS):
            return await self._plugin_api.respond(request, path.removeprefix(PLUGIN_PATHS))
        if path == admin.PATH and request.method == "POST":
            return await self._admin.respond(request)
        if path == openapi.PATH and request.method == "GET":
            return answer(200, openapi.description())
        return denied(404, "no_such_path", "there is nothing here")


class RelayAlone:
    """What a peer finds: no way to the surfaces that ask for no authorisation."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket connection until it ends; refuse all else."""
        if scope["type"] == "http":
            await denied(404, "no_such_path", "here is a relay")(scope, receive, send)
        elif scope["path"] == RELAY_PATH:
            await self._relay(scope, receive, send)
        else:
            await send({"type": "websocket.close"})


async def _listen(surfaces: ASGIApp, path: Path, silence_limit_s: float) -> uvicorn.Server:
    """Accept connections at `path` from now on."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    server = await _started(surfaces, silence_limit_s, uds=os.fspath(fresh))
    fresh.chmod(0o600)  # uvicorn lets everybody in
    fresh.rename(path)
    return server


async def _listen_at(
    surfaces: ASGIApp, at: str, silence_limit_s: float, users: Collection[int] | None
) -> uvicorn.Server:
    """Accept connections at HOST:PORT from now on; on the loopback, of these users alone."""
    host, _, port = at.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what it accepts.
    place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.setblocking(False)
    place.bind((host.strip("[]"), int(port)))
    place.listen(_BACKLOG)
    guarded = users is not None and ip_address(place.getsockname()[0]).is_loopback
    http = http_for(users or ()) if guarded else Http
    return await _started(surfaces, silence_limit_s, http, sockets=[place])


async def _started(
    surfaces: ASGIApp,
    silence_limit_s: float,
    http: type[Http] = Http,
    uds: str | None = None,
    sockets: list[socket.socket] | None = None,
) -> uvicorn.Server:
    """A server with uvicorn's protocols but our own loop: uvicorn's polls for a signal ten times a
    second, and takes as long to end."""
    settings = uvicorn.Config(
        surfaces,
        uds=uds,
        http=http,
        ws=WebSocket,
        ws_max_size=FRAME_LIMIT_BYTES,
        ws_ping_timeout=silence_limit_s,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
        date_header=False,
    )
    settings.load()
    server = uvicorn.Server(settings)
    server.lifespan = settings.lifespan_class(settings)
    await server.startup(sockets)
    return server


async def _hang_up(servers: Sequence[uvicorn.Server], surfaces: Surfaces) -> None:
    for server in servers:
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            if isinstance(connection, Http):
                connection.hang_up()
            else:
                connection.shutdown()
    surfaces.end()
    waiting = {task for server in servers for task in server.server_state.tasks}
    if waiting:
        await asyncio.wait(waiting, timeout=FAREWELL_LIMIT_S)
