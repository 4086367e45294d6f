"""Who may come in by a link's port: the processes of the users that were named, and no others."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncmodel.errors import UsageError
from syncmodel.faults.link_door import PortDoor
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.who_dials import user_of, users_of

STRANGER = 12_345
LIMIT_S = 20
# Under xdist there is another thread, that of the worker.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


class Stranger:
    """A process of another user, that does one thing when it is told to.

    It is forked before there are threads or loops, and ends by itself whatever happens.
    """

    def __init__(self, do: Callable[[], bool]) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can be another user")
        waiting, self._go = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            signal.alarm(LIMIT_S)
            try:
                os.close(self._go)
                os.read(waiting, 1)
                os.setgroups([])
                os.setgid(STRANGER)
                os.setuid(STRANGER)
                os._exit(0 if do() else 1)
            finally:
                os._exit(2)
        os.close(waiting)

    def did(self) -> bool:
        """Whether it came out true."""
        os.close(self._go)
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        assert status in (0, 1), status
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


def test_our_own_user_is_known_by_both_protocols_of_the_internet() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert user_of(accepted) == os.geteuid()


def test_users_are_named_or_numbered() -> None:
    assert users_of(["root", "0", "12345"]) == {0, 12345}
    with pytest.raises(UsageError, match="no user 'no such'"):
        users_of(["no such"])
    with pytest.raises(UsageError, match="no user"):
        users_of(["a\0b"])


def test_another_user_is_known(listener: socket.socket) -> None:
    def dial() -> bool:
        with socket.create_connection(listener.getsockname(), timeout=5) as sock:
            return sock.recv(1) == b""

    stranger = Stranger(dial)
    told: list[int | None] = []

    def accept() -> None:
        accepted, _ = listener.accept()
        with accepted:
            told.append(user_of(accepted))

    listener.settimeout(LIMIT_S)
    accepting = threading.Thread(target=accept)
    accepting.start()
    assert stranger.did()
    accepting.join()
    assert told == [STRANGER]


@pytest.mark.parametrize("users", [None, (STRANGER,)])
def test_a_port_lets_in_its_own_users_alone(users: tuple[int, ...] | None) -> None:
    """One write and a goodbye is enough for mischief, so it is what a stranger tries."""

    door = PortDoor(users)

    def dial() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", door.port), timeout=5) as sock:
                sock.sendall(b"write")
                return sock.recv(3) == b"yes"
        except OSError:
            return False

    stranger = Stranger(dial)

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
            proxy = LinkProxy(("n1", "n2"), path, door=door)
            await proxy.start()
            let_in = users is not None
            assert await asyncio.to_thread(stranger.did) is let_in
            assert heard == ([b"write"] if let_in else [])
            assert await asyncio.to_thread(dial) is not let_in
            await proxy.close()
            target.close()

    asyncio.run(main())
