"""Who may come in by a link's port: the processes of the users that were named, and no others."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncmodel.faults.link_door import PortDoor, user_of
from syncmodel.faults.link_proxy import LinkProxy

STRANGER = 12_345
# The children do next to nothing before they end.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def as_stranger(do: Callable[[], bool]) -> bool:
    """Whether `do` came out true in a process of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            os._exit(0 if do() else 1)
        finally:
            os._exit(2)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status != 2
    return status == 0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_our_own_user_is_known(listener: socket.socket, family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"
    with socket.socket(family) as dialler:
        try:
            dialler.connect((host, listener.getsockname()[1]))
        except OSError:
            pytest.skip("no IPv6 here")
        accepted, _ = listener.accept()
        with accepted:
            assert user_of(accepted) == os.geteuid()
            dialler.close()
            # An orphan is listed as root's: it must not pass for it.
            assert user_of(accepted) is None


def test_another_user_is_known(listener: socket.socket) -> None:
    def dial() -> bool:
        with socket.create_connection(listener.getsockname()) as sock:
            return sock.recv(1) == b"x"

    reading, writing = os.pipe()
    if os.fork() == 0:
        accepted, _ = listener.accept()
        os.write(writing, str(user_of(accepted)).encode())
        accepted.sendall(b"x")
        os._exit(0)
    assert as_stranger(dial)
    assert int(os.read(reading, 20)) == STRANGER
    os.wait()
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("users", [None, (STRANGER,)])
def test_a_port_lets_in_its_own_users_alone(users: tuple[int, ...] | None) -> None:
    """One write and a goodbye is enough for mischief, so it is what a stranger tries."""

    async def main() -> None:
        heard: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if said := await reader.read(100):
                heard.append(said)
                writer.write(b"yes")
                await writer.drain()
            writer.close()

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "app.sock"
            target = await asyncio.start_unix_server(serve, path)
            proxy = LinkProxy(("n1", "n2"), path, door=(door := PortDoor(users)))
            await proxy.start()

            def dial() -> bool:
                try:
                    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as sock:
                        sock.sendall(b"write")
                        return sock.recv(3) == b"yes"
                except OSError:
                    return False

            def strange() -> bool:
                return as_stranger(dial)

            let_in = users is not None
            assert await asyncio.to_thread(strange) is let_in
            assert heard == ([b"write"] if let_in else [])
            assert await asyncio.to_thread(dial) is not let_in
            await proxy.close()
            target.close()

    asyncio.run(main())
