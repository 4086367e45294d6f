"""Other users of the same machine: nothing of a cluster is theirs to read, to dial or to see."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.responses import Response
from supertest import create_case, fully_connected

from syncmodel.cli import node
from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.machines.local import LocalMachine
from syncmodel.reference.node import server
from syncmodel.steps import Cut, Mend, Restart, Rollback, Rollout
from syncmodel.targets.wire import PLUGIN_PATH

NET = fully_connected(2)
STEPS = (
    create_case("n1", "c1", "t1"),
    Cut("n1", "n2"),
    Mend("n1", "n2"),
    Restart("n2"),
    Rollout(("n1",), 3),
    Rollback(("n1",), 2),
)
STRANGER = 12_345
# Under xdist there is another thread, that of the worker.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


@pytest.fixture(scope="module")
def cluster(loop: Loop) -> Iterator[EmbeddedCluster]:
    """Of somebody who lets others read whatever he writes."""
    before = os.umask(0)
    cluster = EmbeddedCluster(2)
    try:
        result = loop.run(run(cluster, NET, STEPS))
        assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
        yield cluster
    finally:
        os.umask(before)
        loop.run(cluster.close())


def folder_of(cluster: EmbeddedCluster) -> Path:
    assert cluster.folder is not None
    return cluster.folder.parent


def links(cluster: EmbeddedCluster) -> list[Path]:
    found = sorted(folder_of(cluster).glob("*/*/run/links/*.sock"))
    assert len(found) == 2
    return found


def test_every_file_is_for_its_owner_alone(cluster: EmbeddedCluster) -> None:
    folder = folder_of(cluster)
    every = [folder, *folder.rglob("*")]
    open_to_others = [
        path
        for path in every
        if not path.is_symlink() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    assert len(every) > 40
    assert open_to_others == []


def test_no_secret_is_where_everybody_can_see_it(cluster: EmbeddedCluster) -> None:
    secrets = [cluster.admin_key.reveal().encode()]
    secrets += [path.read_bytes().strip() for path in folder_of(cluster).rglob("tribes/key")]
    assert len(secrets) == 3
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                shown = (process / name).read_bytes()
            except OSError:
                continue
            assert not [secret for secret in secrets if secret in shown], process / name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/plugins-api/supertest/health"),
        ("GET", "/plugins-api/supertest/state?run_id=r1"),
        ("POST", "/plugins-api/supertest/cases"),
        ("POST", "/api/admin/management"),
        ("GET", "/"),
    ],
)
def test_a_link_carries_the_relay_and_nothing_else(
    loop: Loop, cluster: EmbeddedCluster, method: str, path: str
) -> None:
    async def ask() -> bytes:
        reader, writer = await asyncio.open_unix_connection(links(cluster)[0])
        body = json.dumps({"id": "r1/c1", "run_id": "r1", "title": "t", "counter": 0})
        writer.write(
            f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    assert loop.run(ask()).startswith(b"HTTP/1.1 404 ")


def listening(pids: set[int]) -> list[int]:
    """The TCP ports that these processes listen on."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the one that lists them
                inodes.add(os.readlink(descriptor))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in inodes
    ]


def test_what_others_can_dial_asks_who_they_are(cluster: EmbeddedCluster) -> None:
    machines = [node.machine for node in cluster.live.values()]
    pids = {one.supervisor_pid for one in machines if isinstance(one, LocalMachine)}
    applications = {
        int(child)
        for pid in pids
        for spawner in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in Path(f"/proc/{spawner}/task/{spawner}/children").read_text().split()
    }
    assert len(applications) == 2
    ports = listening(pids | applications)
    assert len(ports) == 2
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            assert sock.recv(8) == b"SSH-2.0-"
    # The tester itself has no door to its links that is a port.
    assert listening({os.getpid()}) == []


def as_a_stranger(do: Callable[[], int]) -> int:
    """What this gives in a process of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os.setgroups([])
        os.setuid(STRANGER)
        os._exit(do())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


HEALTH = f"GET {PLUGIN_PATH}/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("users", [frozenset({os.geteuid()}), frozenset({STRANGER}), None])
@pytest.mark.parametrize("port", ["verb", "http_at"])
def test_a_port_of_the_loopback_is_for_its_users_alone(
    loop: Loop, cluster: EmbeddedCluster, port: str, users: frozenset[int] | None
) -> None:
    """That of `syncmodel node`, before a node; and a node's own."""
    machine = cluster.live["n1"].machine
    assert isinstance(machine, LocalMachine)
    application = machine.layout.app_socket

    async def ask(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(HEALTH)
        answer = await reader.read()
        writer.close()
        return answer

    def stranger_asks(number: int) -> int:
        def do() -> int:
            with socket.create_connection(("127.0.0.1", number), timeout=10) as sock:
                sock.sendall(HEALTH)
                answer = sock.recv(65_536)
            return int(answer.split()[1]) - 200

        return 200 + as_a_stranger(do)

    async def main() -> None:
        if port == "verb":
            place = node._bound(0)
            number = place.getsockname()[1]
            async with node._open(place, application, users):
                own, theirs = await answered(number)
        else:
            with socket.create_server(("127.0.0.1", 0)) as free:
                number = free.getsockname()[1]
            one = await server._listen_at(Response("fine"), f"127.0.0.1:{number}", 20, users)
            own, theirs = await answered(number)
            for listener in one.servers:
                listener.close()
        words = b"this port is not for your user"
        expected = 200 if users is None or os.geteuid() in users else 403
        assert own.startswith(b"HTTP/1.1 %d " % expected)
        assert (words in own) == (expected == 403)
        assert theirs == (200 if users is None or STRANGER in users else 403)

    async def answered(number: int) -> tuple[bytes, int]:
        return await ask(number), await asyncio.to_thread(stranger_asks, number)

    loop.run(main())


def test_another_user_can_not_dial_a_link(cluster: EmbeddedCluster) -> None:
    paths = [*links(cluster), *folder_of(cluster).glob("*/*/run/*.sock")]
    assert len(paths) == 2 + 2 * 3

    def dial() -> int:
        got_in = 0
        for path in paths:
            with socket.socket(socket.AF_UNIX) as sock, contextlib.suppress(PermissionError):
                sock.connect(os.fspath(path))
                got_in += 1
        return got_in

    assert as_a_stranger(dial) == 0
