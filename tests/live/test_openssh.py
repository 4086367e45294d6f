"""A real sshd between the tester and a node: what it forbids, drops or limits is told as that, and
is never taken for the node's doing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import asyncssh
import attrs
import httpx
import pytest
from openssh import CLIENT_KEY, HOST_KEY, USER, Server, free_port, sshd
from supertest import create_case

from syncmodel.errors import TransportError, UsageError
from syncmodel.machines.base import Endpoint, Machine
from syncmodel.nostr.keys import Key
from syncmodel.targets import live_node
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.wire import SUPERTEST
from syncmodel.transport.clients import Indefinite
from syncmodel.transport.http import SSHTransport
from syncmodel.transport.ssh import PAUSES_S, connect, read_key, with_session

WRITE = create_case("n1", "c1", "t1").asks(SUPERTEST)
FORBIDDEN = (
    ("AllowTcpForwarding no", ""),
    ("AllowTcpForwarding remote", ""),
    ("PermitOpen none", ""),
    ("PermitOpen 127.0.0.1:22", ""),
    ("DisableForwarding yes", ""),
    ("", "restrict"),
    ("", 'permitopen="127.0.0.1:22"'),
)


@attrs.define
class Place:
    """A machine that can be reached and no more."""

    name: str
    endpoint: Endpoint


def node(server: Server, *, host_key: asyncssh.SSHKey = HOST_KEY) -> LiveNode:
    place = Place("n1", Endpoint("127.0.0.1", server.port, USER, CLIENT_KEY, host_key))
    return LiveNode(cast(Machine, place), Key.generate(), Key.generate().public)


def run(server: Server, main: Callable[[LiveNode], Awaitable[None]]) -> None:
    async def whole() -> None:
        one = node(server)
        try:
            async with asyncio.timeout(30):
                await main(one)
        finally:
            await one.close()

    asyncio.run(whole())


def reached_at(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """The node behind the server is at this port, and not at that of the contract."""

    def open_http(conn: asyncssh.SSHClientConnection, limit_s: float) -> httpx.AsyncClient:
        transport = SSHTransport(conn, port=port)
        return httpx.AsyncClient(transport=transport, timeout=limit_s)

    monkeypatch.setattr(live_node, "open_http", open_http)


# --- what is forbidden -------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "key_options"), FORBIDDEN)
def test_a_server_that_forbids_forwarding_is_no_verdict_on_its_node(
    line: str, key_options: str
) -> None:
    async def main(one: LiveNode) -> None:
        for ask in (
            lambda: one.write(WRITE, "r1"),
            lambda: one.admin("sync.resync"),
            one.standing,
            lambda: one.view("r1"),
            one.control,
        ):
            with pytest.raises(TransportError, match=r"forbids forwarding.*AllowTcpForwarding"):
                await ask()

    with sshd(line, key_options=key_options) as server:
        run(server, main)


@pytest.mark.parametrize("line", ["AllowTcpForwarding local", "AllowStreamLocalForwarding no"])
def test_an_application_that_is_down_is_the_nodes_own_doing(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    reached_at(monkeypatch, free_port())

    async def main(one: LiveNode) -> None:
        outcome = await one.write(WRITE, "r1")
        assert outcome.code == "unreachable"

    with sshd(line) as server:
        run(server, main)


# --- what is lost ------------------------------------------------------------------------------


class App:
    """A node that answers each request with its number; `hold` keeps it from doing so."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go = asyncio.Event()
        self.arrived = asyncio.Event()
        self.go.set()
        self._tasks: list[asyncio.Task[None]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                sizes = [line[15:] for line in head if line.lower().startswith("content-length:")]
                await reader.readexactly(int(sizes[0]) if sizes else 0)
                self.seen.append(head[0].rsplit(" ", 1)[0])
                self.arrived.set()
                await self.go.wait()
                body = json.dumps({"ok": True, "result": {"generations": []}}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()


def with_app(
    monkeypatch: pytest.MonkeyPatch,
    main: Callable[[LiveNode, App, Server], Coroutine[Any, Any, None]],
) -> None:
    async def whole(server: Server) -> None:
        app = App()
        listener = await asyncio.start_server(app.accept, "127.0.0.1", 0)
        reached_at(monkeypatch, listener.sockets[0].getsockname()[1])
        one = node(server)
        try:
            async with asyncio.timeout(30):
                await main(one, app, server)
        finally:
            await one.close()
            listener.close()
            await app.close()

    with sshd() as server:
        asyncio.run(whole(server))


async def broken(one: LiveNode, server: Server) -> None:
    """The connection, by the death of what serves it."""
    assert one._connection is not None
    server.drop()
    await one._connection.wait_closed()


def test_a_lost_connection_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(one: LiveNode, app: App, server: Server) -> None:
        for _ in range(3):
            await one.admin("generations.list")
            await one.write(WRITE, "r1")
            await broken(one, server)
        await one.write(WRITE, "r1")
        assert len(app.seen) == 7

    with_app(monkeypatch, main)


async def outcome_of(one: LiveNode, method: str) -> str:
    """In the model's word, which for an admin method its target says."""
    if method == "write":
        return (await one.write(WRITE, "r1")).answer.value
    try:
        await one.admin(method)
    except Indefinite:
        return "unknown"
    return "ok"


@pytest.mark.parametrize("method", ["write", "sync.resync", "rollout.start"])
def test_what_may_have_been_sent_is_unknown_and_never_sent_again(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def main(one: LiveNode, app: App, server: Server) -> None:
        await one.admin("generations.list")
        app.go.clear()
        app.arrived.clear()
        asking = asyncio.create_task(outcome_of(one, method))
        await app.arrived.wait()
        await broken(one, server)
        app.go.set()
        assert await asking == "unknown"
        assert len(app.seen) == 2
        await one.admin("generations.list")

    with_app(monkeypatch, main)


def test_a_question_that_was_on_its_way_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(one: LiveNode, app: App, server: Server) -> None:
        await one.admin("generations.list")
        app.go.clear()
        app.arrived.clear()
        asking = asyncio.create_task(one.admin("sync.status"))
        await app.arrived.wait()
        await broken(one, server)
        app.go.set()
        assert await asking == {"generations": []}
        assert len(app.seen) == 3

    with_app(monkeypatch, main)


def test_a_machine_that_is_gone_for_good_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(one: LiveNode, app: App, server: Server) -> None:
        await one.admin("generations.list")
        server.end()
        assert one._connection is not None
        await one._connection.wait_closed()
        for ask in (one.write(WRITE, "r1"), one.admin("sync.status"), one.view("r1")):
            with pytest.raises(TransportError, match="can't be reached"):
                await ask

    with_app(monkeypatch, main)


# --- host keys ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pinned", "told"),
    [
        ("ssh-ed25519", "shows another host key than the pinned one, SHA256:.* is pinned"),
        ("ecdsa-sha2-nistp256", "no host key of the pinned one's type, ecdsa-sha2-nistp256"),
        ("ssh-rsa", "no host key of the pinned one's type, ssh-rsa, but shows ssh-ed25519 SHA256:"),
    ],
)
def test_a_host_key_that_is_not_the_pinned_one(pinned: str, told: str) -> None:
    async def main(server: Server) -> None:
        with pytest.raises(TransportError, match=told):
            await node(server, host_key=asyncssh.generate_private_key(pinned)).connect()

    with sshd() as server:
        asyncio.run(main(server))


def test_a_pinned_key_of_any_type_is_enough() -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")

    async def main(server: Server) -> None:
        one = node(server, host_key=key)
        await one.connect()
        await one.close()

    with sshd(host_key=key) as server:
        asyncio.run(main(server))


# --- limits ------------------------------------------------------------------------------------


def test_a_server_with_no_room_for_a_login_is_dialled_again_and_then_named() -> None:
    async def main(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()  # it is being served, and never logs in
        with pytest.raises(TransportError, match="raise MaxStartups"):
            await connect("127.0.0.1", server.port, USER, CLIENT_KEY, HOST_KEY)
        asyncio.get_running_loop().call_later(sum(PAUSES_S[:3]), writer.close)
        conn = await connect("127.0.0.1", server.port, USER, CLIENT_KEY, HOST_KEY)
        conn.close()
        await conn.wait_closed()

    with sshd("MaxStartups 1") as server:
        asyncio.run(main(server))


def test_a_server_with_no_room_for_a_session_is_asked_again_and_then_named() -> None:
    async def main(server: Server) -> None:
        async with await connect("127.0.0.1", server.port, USER, CLIENT_KEY, HOST_KEY) as conn:
            first = await conn.start_sftp_client()
            with pytest.raises(TransportError, match=r"n1 opens no session .* raise MaxSessions"):
                await with_session(conn.start_sftp_client, "n1")
            asyncio.get_running_loop().call_later(sum(PAUSES_S[:3]), first.exit)
            async with await with_session(conn.start_sftp_client, "n1") as sftp:
                assert await sftp.realpath("/") == "/"

    with sshd("MaxSessions 1") as server:
        asyncio.run(main(server))


# --- keys and names ----------------------------------------------------------------------------


def test_a_key_that_can_not_be_used_is_one_sentence(tmp_path: Path) -> None:
    def told(path: Path) -> str:
        with pytest.raises(UsageError) as caught:
            read_key(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    good, locked, public, none = (tmp_path / name for name in ("good", "locked", "public", "none"))
    CLIENT_KEY.write_private_key(good)
    CLIENT_KEY.write_private_key(locked, "pkcs8-pem", passphrase="secret")
    CLIENT_KEY.write_public_key(public)
    assert read_key(good) == CLIENT_KEY
    assert "has a passphrase" in told(locked)
    good.chmod(0o600)
    if keygen := shutil.which("ssh-keygen"):
        subprocess.run([keygen, "-q", "-p", "-N", "secret", "-P", "", "-f", good], check=True)
        assert "has a passphrase" in told(good)
    assert "is no private key" in told(public)
    assert "can't be read: No such file" in told(none)
    assert "can't be read: Is a directory" in told(tmp_path)


def test_a_client_key_that_is_not_let_in_says_which() -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")

    async def main(server: Server) -> None:
        with pytest.raises(TransportError) as caught:
            await connect("127.0.0.1", server.port, USER, other, HOST_KEY)
        assert f"refuses the client's key {other.get_fingerprint()}: put it" in str(caught.value)

    with sshd() as server:
        asyncio.run(main(server))


def test_a_user_without_a_name_can_connect() -> None:
    # getpass looks at these first, and then in a list of users that it can't read here.
    names = ("LOGNAME", "USER", "LNAME", "USERNAME")
    code = """
import asyncio, getpass, pwd, sys, asyncssh
from syncmodel.transport.ssh import connect
def unknown(uid): raise KeyError(uid)
pwd.getpwuid = unknown
key, host = (asyncssh.import_private_key(bytes.fromhex(x)) for x in sys.stdin.read().split())
async def main():
    conn = await connect("127.0.0.1", int(sys.argv[1]), sys.argv[2], key, host)
    conn.close()
    await conn.wait_closed()
asyncio.run(main())
"""
    keys = " ".join(key.export_private_key().hex() for key in (CLIENT_KEY, HOST_KEY))
    env = {name: value for name, value in os.environ.items() if name not in names}
    with sshd() as server:
        command = [sys.executable, "-c", code, str(server.port), USER]
        subprocess.run(command, env=env, input=keys, text=True, check=True, timeout=60)
