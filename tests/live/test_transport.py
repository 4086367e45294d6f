"""HTTP over SSH against servers that we control: an asyncssh server in this process, in front of an
application that misbehaves on demand, and a real sshd."""

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import asyncssh
import attrs
import httpx
import pytest
from openssh import CLIENT_KEY, HOST_KEY, USER, free_port, sshd

from syncmodel.errors import TransportError
from syncmodel.nostr import nip98
from syncmodel.nostr.keys import Key
from syncmodel.nostr.nip98 import Asked
from syncmodel.transport.clients import (
    AdminError,
    Indefinite,
    NodeClient,
    Unreachable,
    open_http,
)
from syncmodel.transport.http import SSHTransport
from syncmodel.transport.ssh import connect
from syncmodel.transport.urls import ADMIN_URL

ADMIN = Key.generate()
NODE = Key.generate().public


@attrs.define
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def node_client(http: httpx.AsyncClient, **options: Any) -> NodeClient:
    return NodeClient(http, ADMIN, node=NODE, plugin_path="/plugins-api/supertest", **options)


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, body: object, headers: str = "") -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n{headers}\r\n"
    return head.encode() + content


class App:
    """A small HTTP server; a handler writes whatever bytes it likes."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections = 0
        self.requests: list[Request] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def close(self) -> None:
        """End every connection and show what a handler raised."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        finally:
            writer.transport.abort()
            await asyncio.wait({asyncio.ensure_future(gone(writer))})

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The far end goes away in the middle of nearly everything here.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ")
                pairs = [line.split(": ", 1) for line in head[1:] if line]
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(method, path, headers, body)
                self.requests.append(request)
                await self.handler(request, writer)
            await writer.wait_closed()


async def gone(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
    body = {"method": request.method, "path": request.path, "body": request.body.decode()}
    writer.write(answer(200, body))


class Front(asyncssh.SSHServer):
    def __init__(self, path: str, conns: list[asyncssh.SSHServerConnection]) -> None:
        self._path = path
        self._conns = conns

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._conns.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "root" and key == CLIENT_KEY.convert_to_public()

    def connection_requested(
        self,
        dest_host: str,
        dest_port: int,
        orig_host: str,
        orig_port: int,
    ) -> Any:
        if (dest_host, dest_port) != ("127.0.0.1", 4000):
            return False
        return self._conn.forward_unix_connection(self._path)


@attrs.define
class Stand:
    """The SSH server, its application, and a connection to it."""

    app: App
    port: int
    conn: asyncssh.SSHClientConnection
    http: httpx.AsyncClient
    unix: asyncio.Server


@contextlib.asynccontextmanager
async def stand(handler: Handler = echo, limit_s: float = 5.0) -> AsyncIterator[Stand]:
    app = App(handler)
    conns: list[asyncssh.SSHServerConnection] = []
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/app.sock"
        unix = await asyncio.start_unix_server(app.accept, path)
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=lambda: Front(path, conns), server_host_keys=[HOST_KEY]
        )
        port = server.get_port()
        conn = await connect("127.0.0.1", port, "root", CLIENT_KEY, HOST_KEY)
        http = open_http(conn, limit_s)
        try:
            yield Stand(app, port, conn, http, unix)
        finally:
            await http.aclose()
            server.close()
            for one in (conn, *conns):
                one.abort()
                await one.wait_closed()
            await server.wait_closed()
            unix.close()
            await app.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    """`main`, and nothing left over: a task that died unseen fails the test."""
    problems: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: problems.append(context)
        )
        await main

    asyncio.run(watched())
    assert problems == []


def test_requests_travel_and_keep_one_channel() -> None:
    async def main() -> None:
        async with stand() as it:
            for number in range(5):
                got = await it.http.post(f"/x?q={number}", content=b"hello")
                assert got.json() == {"method": "POST", "path": f"/x?q={number}", "body": "hello"}
            assert it.app.connections == 1
            assert it.app.requests[0].headers["host"] == "127.0.0.1:4000"

    run(main())


def test_bodies_of_a_megabyte_go_both_ways() -> None:
    async def main() -> None:
        async with stand() as it:
            body = b"x" * 2**20
            got = await it.http.post("/", content=body)
            assert got.json()["body"] == body.decode()
            assert (await it.http.get("/")).status_code == 200
            assert it.app.connections == 1

    run(main())


def test_concurrent_requests_have_channels_of_their_own() -> None:
    release = asyncio.Event()

    async def together(request: Request, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await echo(request, writer)

    async def main() -> None:
        async with stand(together) as it:
            asks = [asyncio.create_task(it.http.get(f"/{number}")) for number in range(8)]
            await until(lambda: len(it.app.requests) == 8)
            release.set()
            got = await asyncio.gather(*asks)
            assert [one.json()["path"] for one in got] == [f"/{number}" for number in range(8)]
            await asyncio.gather(*(it.http.get("/") for _ in range(8)))
            assert it.app.connections == 8

    run(main())


async def until(true: Callable[[], bool]) -> None:
    """Let the loop run until something in this very process holds."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  (of some of these nobody can be told)
            await asyncio.sleep(0.001)


def test_no_free_channel_is_a_pool_timeout() -> None:
    async def never(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with stand(never) as it:
            http = httpx.AsyncClient(
                transport=SSHTransport(it.conn, max_channels=1), timeout=httpx.Timeout(5, pool=0.02)
            )
            first = asyncio.create_task(http.get("http://node/"))
            await until(lambda: len(it.app.requests) == 1)
            with pytest.raises(httpx.PoolTimeout):
                await http.get("http://node/")
            first.cancel()
            await asyncio.wait({first})
            # Its slot is free again, and the channel that it left in the middle is gone.
            with pytest.raises(httpx.ReadTimeout):
                await http.get("http://node/", timeout=0.02)
            assert it.app.connections == 2
            await http.aclose()

    run(main())


def test_an_application_that_is_down_is_unreachable_at_once() -> None:
    async def main() -> None:
        async with stand() as it:
            it.unix.close()
            with pytest.raises(httpx.ConnectError):
                await it.http.get("/")
            client = node_client(it.http)
            with pytest.raises(Unreachable):
                await client.plugin("GET", "health")
            with pytest.raises(Unreachable):
                await client.admin("cluster_status")

    run(main())


def test_a_lost_ssh_connection_is_unreachable() -> None:
    async def main() -> None:
        async with stand() as it:
            assert (await it.http.get("/")).status_code == 200
            it.conn.abort()
            await it.conn.wait_closed()
            with pytest.raises(Unreachable):
                await node_client(it.http).plugin("GET", "health")

    run(main())


def test_other_places_of_the_machine_are_refused() -> None:
    async def main() -> None:
        async with (
            stand() as it,
            httpx.AsyncClient(transport=SSHTransport(it.conn, port=22)) as http,
        ):
            with pytest.raises(httpx.ConnectError):
                await http.get("http://node/")

    run(main())


def test_a_kept_channel_that_closed_meanwhile_is_replaced() -> None:
    writers: list[asyncio.StreamWriter] = []

    async def keep(request: Request, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await echo(request, writer)

    async def main() -> None:
        async with stand(keep) as it:
            await it.http.get("/1")
            writers[0].close()
            transport = it.http._transport
            assert isinstance(transport, SSHTransport)
            await until(lambda: not transport._idle[0].usable)
            assert (await it.http.get("/2")).status_code == 200
            assert [one.path for one in it.app.requests] == ["/1", "/2"]

    run(main())


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", httpx.ReadError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncont", httpx.RemoteProtocolError),
        (b"SSH-2.0-nonsense\r\n\r\n", httpx.RemoteProtocolError),
        (
            b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            httpx.TransportError,
        ),
    ],
    ids=["closed", "body cut", "head cut", "not http", "switch"],
)
def test_a_broken_answer_is_indefinite_and_never_asked_again(
    sent: bytes, error: type[httpx.TransportError]
) -> None:
    async def broken(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    async def main() -> None:
        async with stand(broken) as it:
            with pytest.raises(error):
                await it.http.get("/")
            with pytest.raises(Indefinite):
                await node_client(it.http).plugin("POST", "cases", {})
            assert len(it.app.requests) == 2

    run(main())


def test_silence_is_a_read_timeout_and_indefinite() -> None:
    async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with stand(silent, limit_s=0.05) as it:
            with pytest.raises(httpx.ReadTimeout):
                await it.http.get("/")
            with pytest.raises(Indefinite):
                await node_client(it.http).admin("cluster_status")

    run(main())


def test_an_answer_to_nothing_costs_the_channel_and_misleads_nobody() -> None:
    async def twice(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, {"for": request.path}) + answer(200, {"for": "nobody"}))

    async def main() -> None:
        async with stand(twice) as it:
            for path in ("/1", "/2", "/3"):
                assert (await it.http.get(path)).json() == {"for": path}
            assert it.app.connections == 3

    run(main())


def test_a_close_delimited_answer_is_whole() -> None:
    async def old(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"ok":')
        writer.write(b"true}")
        writer.close()

    async def main() -> None:
        async with stand(old) as it:
            for _ in range(2):
                assert (await it.http.get("/")).json() == {"ok": True}
            assert it.app.connections == 2

    run(main())


def test_a_cancelled_request_leaves_no_half_read_channel() -> None:
    release = asyncio.Event()

    async def slow_first(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/slow":
            await release.wait()
        await echo(request, writer)

    async def main() -> None:
        async with stand(slow_first) as it:
            slow = asyncio.create_task(it.http.get("/slow"))
            await until(lambda: len(it.app.requests) == 1)
            slow.cancel()
            await asyncio.wait({slow})
            release.set()
            assert (await it.http.get("/next")).json()["path"] == "/next"

    run(main())


def test_a_channel_that_opens_too_late_is_closed() -> None:
    async def main() -> None:
        async with stand() as it:
            with pytest.raises(httpx.ConnectTimeout):
                await it.http.get("/", timeout=httpx.Timeout(5, connect=0))
            await until(lambda: it.app.connections == 1)
            assert (await it.http.get("/")).status_code == 200
            assert len(it.app.requests) == 1

    run(main())


def test_admin_signs_each_request_and_gives_the_result() -> None:
    seen = nip98.SeenIds()

    async def node(request: Request, writer: asyncio.StreamWriter) -> None:
        now_s = int(time.time())
        header = request.headers["authorization"]
        event = nip98.check(
            header, Asked.of(ADMIN_URL, "POST", request.body), now_s, {ADMIN.public}, NODE
        )
        seen.admit(event, now_s)
        writer.write(answer(200, {"ok": True, "result": json.loads(request.body)}))

    async def main() -> None:
        async with stand(node) as it:
            client = node_client(it.http)
            for _ in range(3):
                got = await client.admin("sync.status", {"wait": "é"})
                assert got == {"method": "sync.status", "params": {"wait": "é"}}

    run(main())


def test_answers_are_classed() -> None:
    replies = {
        "/ok": answer(201, {"ok": True, "result": {"id": "x"}}),
        "/conflict": answer(409, {"ok": False, "error": {"code": "exists", "message": "m"}}),
        "/broken": answer(500, {"ok": False, "error": {"code": "disk"}}),
        "/html": b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>",
        "/list": answer(200, []),
    }

    async def node(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(replies[request.path.removeprefix("/plugins-api/supertest")])

    async def main() -> None:
        async with stand(node) as it:
            client = node_client(it.http)
            ok = await client.plugin("POST", "ok", {"id": "x"})
            assert (ok.status, ok.ok, ok.definite, ok.body["result"]) == (
                201,
                True,
                True,
                {"id": "x"},
            )
            no = await client.plugin("POST", "conflict")
            assert (no.ok, no.definite, no.code) == (False, True, "exists")
            broken = await client.plugin("POST", "broken")
            assert (broken.ok, broken.definite, broken.code) == (False, False, "disk")
            html = await client.plugin("GET", "html")
            assert (html.status, html.body, html.definite) == (404, {}, True)
            with pytest.raises(Indefinite):
                await client.plugin("GET", "list")

    run(main())


NOT_READY = answer(
    503, {"ok": False, "error": {"code": "not_ready", "message": "m", "details": {}}}
)


def test_not_ready_is_asked_again_within_the_limit() -> None:
    async def main() -> None:
        ready_after = 3

        async def node(request: Request, writer: asyncio.StreamWriter) -> None:
            ready = len(it.app.requests) > ready_after
            writer.write(answer(200, {"ok": True, "result": {}}) if ready else NOT_READY)

        async with stand(node) as it:
            assert (await node_client(it.http).plugin("GET", "x")).ok
            assert len(it.app.requests) == 4
            ready_after = 10**9
            client = node_client(it.http, ready_limit_s=0.05)
            refused = await client.plugin("POST", "x", {})
            assert (refused.status, refused.code, refused.definite) == (503, "not_ready", True)
            with pytest.raises(AdminError) as caught:
                await client.admin("cluster_status")
            assert (caught.value.code, caught.value.definite) == ("not_ready", True)

    run(main())


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502, 503])
def test_no_other_refusal_is_asked_again(status: int) -> None:
    async def node(request: Request, writer: asyncio.StreamWriter) -> None:
        error = {"code": "c", "message": "m", "details": {"why": 1}}
        writer.write(answer(status, {"ok": False, "error": error}))

    async def main() -> None:
        async with stand(node) as it:
            client = node_client(it.http)
            assert (await client.plugin("GET", "x")).status == status
            with pytest.raises(AdminError) as caught:
                await client.admin("m")
            error = caught.value
            assert (error.code, error.message, error.details) == ("c", "m", {"why": 1})
            assert (error.status, error.definite) == (status, status < 500)
            assert len(it.app.requests) == 2

    run(main())


@contextlib.asynccontextmanager
async def tcp_app(
    accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
) -> AsyncIterator[int]:
    """The port of a TCP server; its connections are gone at the end."""
    writers: list[asyncio.StreamWriter] = []

    def accept_and_note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        accept(reader, writer)

    server = await asyncio.start_server(accept_and_note, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
            await gone(writer)


def test_each_way_not_to_connect_is_one_clear_sentence() -> None:
    async def refused(port: int, **change: Any) -> str:
        arguments: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "username": "root",
            "client_key": CLIENT_KEY,
            "known_host_key": HOST_KEY,
            "limit_s": 5.0,
        }
        with pytest.raises(TransportError) as caught:
            await connect(**(arguments | change))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    async def main() -> None:
        async with stand() as it:
            other = asyncssh.generate_private_key("ssh-ed25519")
            assert "another host key" in await refused(it.port, known_host_key=other)
            of_another_type = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
            message = await refused(it.port, known_host_key=of_another_type)
            assert "host key" in message
            assert "refuses the client's key" in await refused(it.port, client_key=other)
            assert "refuses the client's key" in await refused(it.port, username="mallory")
            assert "can't be reached" in await refused(free_port())
        async with tcp_app(lambda _reader, _writer: None) as port:
            assert "no answer in 0.05 s" in await refused(port, limit_s=0.05)
        async with tcp_app(lambda _reader, writer: writer.close()) as port:
            assert "ended the SSH handshake" in await refused(port)

    asyncio.run(main())


async def in_two_parts(request: Request, writer: asyncio.StreamWriter) -> None:
    """As many servers answer: the head, and a moment later the body. Two small packets are what
    Nagle's algorithm and delayed acknowledgements hold up together."""
    head, _, body = answer(200, {"ok": True}).partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    await asyncio.sleep(0.001)
    writer.write(body)


def test_a_request_over_openssh_takes_under_20_ms() -> None:
    async def main(port: int) -> float:
        app = App(in_two_parts)
        times_s = []
        async with tcp_app(app.accept) as app_port:
            conn = await connect("127.0.0.1", port, USER, CLIENT_KEY, HOST_KEY)
            async with httpx.AsyncClient(transport=SSHTransport(conn, port=app_port)) as http:
                for _ in range(40):
                    start_s = time.perf_counter()
                    got = await http.post("http://127.0.0.1:4000/", content=b"x" * 200)
                    times_s.append(time.perf_counter() - start_s)
                    assert got.status_code == 200
            conn.close()
            await conn.wait_closed()
            await app.close()
        # Not the median: other tests keep this machine busy meanwhile.
        return statistics.quantiles(times_s, n=4)[0]

    with sshd() as server:
        assert asyncio.run(main(server.port)) < 0.020
