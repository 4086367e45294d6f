"""The link proxy between real sockets: each mode as a dialler meets it, at either kind of door."""

import asyncio
import contextlib
import errno
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import attrs
import pytest

from syncmodel.errors import FaultError
from syncmodel.faults.base import Fault
from syncmodel.faults.link_door import PortDoor, SocketDoor
from syncmodel.faults.link_pipe import Pipe
from syncmodel.faults.link_probe import Probe, Seen
from syncmodel.faults.link_proxy import LinkFault, LinkProxy, Mode


class Echo(asyncio.Protocol):
    """A target that sends back what it gets, and ends when its peer does."""

    def __init__(self, stand: "Stand") -> None:
        self._stand = stand
        self.received = b""
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._stand.echoes.append(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self._stand.mute:
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@attrs.define
class Stand:
    """A proxy in front of an echo, and who dials it."""

    door: SocketDoor | PortDoor
    proxy: LinkProxy
    path: Path
    echoes: list[Echo] = attrs.Factory(list)
    mute: bool = False
    server: asyncio.Server | None = None
    socks: list[socket.socket] = attrs.Factory(list)

    async def target_up(self) -> None:
        loop = asyncio.get_running_loop()
        self.path.unlink(missing_ok=True)
        self.server = await loop.create_unix_server(lambda: Echo(self), str(self.path))

    async def target_down(self) -> None:
        assert self.server is not None
        self.server.close()
        for echo in self.echoes:
            echo.transport.abort()
            await echo.lost

    async def dial(self) -> socket.socket:
        sock, address = self.outside()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
        return sock

    def dial_unseen(self) -> socket.socket:
        """Dialled without letting the loop run, so that nobody has accepted it yet."""
        sock, address = self.outside()
        sock.connect(address)
        sock.setblocking(False)
        return sock

    def outside(self) -> tuple[socket.socket, Any]:
        """A dialler's socket, and what it dials."""
        if isinstance(self.door, SocketDoor):
            sock, address = socket.socket(socket.AF_UNIX), self.door.name
        else:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            address = ("127.0.0.1", self.door.port)  # type: ignore[assignment]
        self.socks.append(sock)
        return sock, address


async def say(sock: socket.socket, data: bytes) -> bytes:
    """What comes back, up to as many bytes as were sent."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, data)
    got = b""
    while len(got) < len(data):
        part = await loop.sock_recv(sock, 65_536)
        if not part:
            break
        got += part
    return got


async def is_reset(sock: socket.socket) -> bool:
    try:
        got = await asyncio.get_running_loop().sock_recv(sock, 1)
    except ConnectionResetError:
        return True
    # A Unix socket knows of no reset, unless there was something left to read.
    return not got and sock.family == socket.AF_UNIX


async def is_silent(sock: socket.socket, limit_s: float = 0.03) -> bool:
    try:
        async with asyncio.timeout(limit_s):
            await asyncio.get_running_loop().sock_recv(sock, 1)
    except TimeoutError:
        return True
    return False


DOORS: dict[str, Callable[[Path], SocketDoor | PortDoor]] = {
    "socket": lambda folder: SocketDoor(folder / "door.sock"),
    "port": lambda _: PortDoor(),
}
kind = "socket"


@pytest.fixture(autouse=True, params=list(DOORS))
def _each_door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "kind", request.param)


@contextlib.asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.sock"
        door = DOORS[kind](Path(folder))
        it = Stand(door, LinkProxy(("n1", "n2"), path, door=door), path)
        await it.target_up()
        await it.proxy.start()
        try:
            yield it
        finally:
            await it.proxy.close()
            await it.target_down()
            for sock in it.socks:
                sock.close()


def run(main: Callable[[Stand], Coroutine[Any, Any, None]]) -> None:
    """`main` with a stand; an error that only the loop saw fails the test."""
    problems: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: problems.append(context)
        )
        async with asyncio.timeout(20), stand() as it:
            await main(it)

    asyncio.run(watched())
    assert problems == []


def test_a_whole_link_passes_bytes_both_ways_and_both_ends() -> None:
    async def main(it: Stand) -> None:
        await it.proxy.verify()
        sock = await it.dial()
        assert await say(sock, b"hello") == b"hello"
        big = bytes(range(256)) * 40_000
        sent = asyncio.create_task(asyncio.get_running_loop().sock_sendall(sock, big))
        got = b""
        while len(got) < len(big):
            got += await asyncio.get_running_loop().sock_recv(sock, 65_536)
        await sent
        assert got == big
        sock.shutdown(socket.SHUT_WR)
        assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        assert await it.echoes[-1].lost is None

    run(main)


def test_what_is_said_before_the_end_is_delivered_before_the_end() -> None:
    async def main(it: Stand) -> None:
        for delay_s in (0.0, 0.02):
            await it.proxy.delay(delay_s)
            sock = await it.dial()
            await asyncio.get_running_loop().sock_sendall(sock, b"last words")
            sock.shutdown(socket.SHUT_WR)
            got = b""
            while part := await asyncio.get_running_loop().sock_recv(sock, 100):
                got += part
            assert got == b"last words"

    run(main)


def test_a_reader_that_stops_holds_its_sender_back() -> None:
    async def main(it: Stand) -> None:
        loop = asyncio.get_running_loop()
        sock = await it.dial()
        assert await say(sock, b"x") == b"x"
        # Nobody reads what is echoed, so the proxy must stop reading what the echo sends.
        echo = it.echoes[0]
        it.mute = True
        echo.transport.write(b"y" * 2**26)
        await asyncio.sleep(0.2)
        assert echo.transport.get_write_buffer_size() > 2**25
        read = 0
        while read < 2**26:
            read += len(await loop.sock_recv(sock, 2**20))
        assert echo.transport.get_write_buffer_size() == 0

    run(main)


def test_a_cut_resets_what_is_there_and_refuses_what_comes() -> None:
    async def main(it: Stand) -> None:
        socks = [await it.dial() for _ in range(3)]
        for sock in socks:
            await say(sock, b"x")
        await it.proxy.cut()
        assert it.proxy.connections == 0
        for sock in socks:
            assert await is_reset(sock)
        for echo in it.echoes:
            await echo.lost
        with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
            await it.dial()
        await it.proxy.verify()
        assert (await it.proxy.probe()).seen is Seen.REFUSED
        await it.proxy.cut()
        await it.proxy.mend()
        await it.proxy.verify()
        assert await say(await it.dial(), b"again") == b"again"

    run(main)


def test_a_connection_still_waiting_to_be_accepted_is_cut_too() -> None:
    async def main(it: Stand) -> None:
        # Nothing here lets the loop accept it first.
        early = it.dial_unseen()
        await it.proxy.cut()
        assert await is_reset(early)
        assert it.proxy.connections == 0

    run(main)


def test_a_cut_at_any_moment_of_a_connections_birth_leaves_nothing_alive() -> None:
    async def main(it: Stand) -> None:
        for turns in range(12):
            early = it.dial_unseen()
            for _ in range(turns):
                await asyncio.sleep(0)
            await it.proxy.cut()
            assert await is_reset(early), turns
            await it.proxy.verify()
            await it.proxy.mend()
            await it.proxy.verify()

    run(main)


def test_the_port_of_a_cut_link_is_nobody_elses() -> None:
    async def main(it: Stand) -> None:
        if not isinstance(it.door, PortDoor):
            return  # nobody else may enter its folder
        await say(await it.dial(), b"x")
        await it.proxy.cut()
        for reuse in (0, 1):
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                with pytest.raises(OSError, match="in use") as caught:
                    thief.bind(("127.0.0.1", it.door.port))
                assert caught.value.errno == errno.EADDRINUSE
        port = it.door.port
        await it.proxy.close()
        with socket.socket() as heir:
            heir.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            heir.bind(("127.0.0.1", port))

    run(main)


def test_mending_works_though_old_connections_linger_in_the_kernel() -> None:
    async def main(it: Stand) -> None:
        for _ in range(3):
            # The proxy ends this one first and in order, so its side is left in TIME_WAIT.
            sock = await it.dial()
            await say(sock, b"x")
            await it.proxy.cut()
            it.echoes[-1].transport.close()
            await it.proxy.mend()
            sock = await it.dial()
            await say(sock, b"y")
            it.echoes[-1].transport.close()
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
            await it.proxy.cut()
            await it.proxy.mend()
            await it.proxy.verify()

    run(main)


def test_what_hung_is_dead_when_it_is_mended_quietly() -> None:
    async def main(it: Stand) -> None:
        old = await it.dial()
        await say(old, b"x")
        await it.proxy.hang()
        await asyncio.get_running_loop().sock_sendall(old, b"held")
        await it.proxy.mend(quietly=True)
        await it.proxy.verify()
        assert await is_silent(old)
        assert it.echoes[0].received == b"x"
        assert await say(await it.dial(), b"again") == b"again"
        await it.proxy.cut()
        assert await is_reset(old)

    run(main)


def test_a_hang_accepts_and_holds_and_its_end_resets() -> None:
    async def main(it: Stand) -> None:
        old = await it.dial()
        await say(old, b"x")
        await it.proxy.hang()
        await it.proxy.verify()
        new = await it.dial()
        for sock in (old, new):
            await asyncio.get_running_loop().sock_sendall(sock, b"held")
            assert await is_silent(sock)
        before = len(it.echoes)
        await it.proxy.mend()
        for sock in (old, new):
            assert await is_reset(sock)
        assert len(it.echoes) == before
        assert it.echoes[0].received == b"x"
        await it.proxy.verify()
        assert await say(await it.dial(), b"again") == b"again"

    run(main)


def test_every_mode_follows_every_other() -> None:
    async def main(it: Stand) -> None:
        modes: list[Callable[[], Coroutine[Any, Any, None]]] = [
            it.proxy.cut,
            it.proxy.mend,
            it.proxy.hang,
            lambda: it.proxy.delay(0.002),
        ]
        for first in modes:
            for second in modes:
                await first()
                await it.proxy.verify()
                await second()
                await it.proxy.verify()

    run(main)


def test_modes_asked_for_at_once_end_in_the_last_one() -> None:
    async def main(it: Stand) -> None:
        await it.proxy.cut()
        for _ in range(5):
            await asyncio.gather(it.proxy.mend(), it.proxy.cut())
            await it.proxy.verify()
            await asyncio.gather(it.proxy.cut(), it.proxy.hang(), it.proxy.mend())
            await it.proxy.verify()

    run(main)


def test_a_delay_is_one_way_in_order_and_loses_nothing() -> None:
    async def main(it: Stand) -> None:
        loop = asyncio.get_running_loop()
        await it.proxy.delay(0.03)
        await it.proxy.verify()
        sock = await it.dial()
        times_s = []
        for _ in range(5):
            start_s = loop.time()
            assert await say(sock, b"ping") == b"ping"
            times_s.append(loop.time() - start_s)
        assert 0.06 <= min(times_s) < 0.09
        numbers = b"".join(b"%06d" % number for number in range(2_000))
        assert await say(sock, numbers) == numbers
        # What is on its way when the link is mended arrives, and before what comes after.
        await loop.sock_sendall(sock, b"one")
        await asyncio.sleep(0.005)
        await it.proxy.mend()
        await loop.sock_sendall(sock, b"two")
        got = b""
        while len(got) < 6:
            got += await loop.sock_recv(sock, 6)
        assert got == b"onetwo"

    run(main)


def test_a_target_that_is_down_is_a_reset_and_no_fault_of_the_link() -> None:
    async def main(it: Stand) -> None:
        sock = await it.dial()
        await say(sock, b"x")
        await it.target_down()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        assert await is_reset(await it.dial())
        assert (await it.proxy.probe()).seen is Seen.RESET
        await it.proxy.verify()
        await it.target_up()
        assert (await it.proxy.probe()).seen is Seen.THROUGH

    run(main)


def test_a_target_that_is_silent_is_no_fault_of_the_link() -> None:
    async def main(it: Stand) -> None:
        it.mute = True
        assert (await it.proxy.probe(0.03)).seen is Seen.HANGS
        await it.proxy.verify(0.03)

    run(main)


def test_a_dialler_that_resets_takes_the_target_side_down() -> None:
    async def main(it: Stand) -> None:
        sock = await it.dial()
        await say(sock, b"x")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        await it.echoes[-1].lost

    run(main)


def test_an_end_that_can_not_be_said_any_more_is_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: asyncio.Transport) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    async def main(it: Stand) -> None:
        sock = await it.dial()
        await say(sock, b"x")
        await it.proxy.delay(60.0)
        sock.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.005)
        monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.write_eof", gone)
        await it.proxy.mend()
        await it.echoes[-1].lost

    run(main)


def test_a_target_that_comes_between_the_two_looks_is_no_fault_of_the_link() -> None:
    async def main(it: Stand) -> None:
        seen = list[Seen]()

        class Watched(LinkProxy):
            async def probe(self, limit_s: float = 1.0) -> Probe:
                probe = await super().probe(limit_s)
                if probe.seen is Seen.RESET:
                    await it.target_up()
                seen.append(probe.seen)
                return probe

        proxy = Watched(("n1", "n2"), it.path)
        await proxy.start()
        await it.target_down()
        await proxy.verify()
        assert seen == [Seen.RESET, Seen.THROUGH]
        await proxy.close()

    run(main)


def test_a_machine_that_stood_still_is_not_silence() -> None:
    async def main(it: Stand) -> None:
        asyncio.get_running_loop().call_soon(time.sleep, 0.4)
        assert (await it.proxy.probe(0.2)).seen is Seen.THROUGH

    run(main)


def test_a_whole_link_that_always_breaks_is_a_fault_however_often_it_is_dialled() -> None:
    class Broken(LinkProxy):
        def _opened(self, pipe: Pipe) -> None:
            pipe.reset()

    async def main(it: Stand) -> None:
        proxy = Broken(("n1", "n2"), it.path)
        await proxy.start()
        try:
            with pytest.raises(FaultError, match=r"set to whole.*breaks at once.*not a byte"):
                await proxy.verify(1.0)
        finally:
            await proxy.close()

    run(main)


class Inert(LinkProxy):
    """A proxy whose modes change nothing for those who dial it."""

    def _opened(self, pipe: Pipe) -> None:
        pipe.set_delay(0)


@pytest.mark.parametrize(
    ("mode", "delay_s", "complaint"),
    [
        (Mode.CUT, 0.0, r"n1 -> n2.*set to cut.*a byte gets through"),
        (Mode.HANG, 0.0, r"set to hang.*a byte gets through"),
        (Mode.DELAY, 0.05, r"delay of 0\.05 s"),
    ],
)
def test_verify_says_when_a_fault_did_not_take(mode: Mode, delay_s: float, complaint: str) -> None:
    async def main(it: Stand) -> None:
        proxy = Inert(("n1", "n2"), it.path)
        await proxy.start()
        await proxy.verify()
        proxy.mode, proxy.delay_s = mode, delay_s
        with pytest.raises(FaultError, match=complaint):
            await proxy.verify()
        await proxy.close()

    run(main)


def test_verify_says_when_connections_outlived_a_cut() -> None:
    async def main(it: Stand) -> None:
        await say(await it.dial(), b"x")
        it.proxy.mode = Mode.CUT
        with pytest.raises(FaultError, match="1 connections live on"):
            await it.proxy.verify()

    run(main)


def test_verify_says_when_a_fault_did_not_go_away() -> None:
    async def main(it: Stand) -> None:
        await it.proxy.cut()
        it.proxy.mode = Mode.WHOLE
        with pytest.raises(FaultError, match=r"set to whole.*a refusal"):
            await it.proxy.verify()
        await it.proxy.hang()
        verifying = asyncio.create_task(it.proxy.verify(0.05))
        await asyncio.sleep(0.01)
        it.proxy.mode = Mode.WHOLE
        await asyncio.wait({verifying})
        with pytest.raises(FaultError, match=r"set to whole.*silence"):
            await verifying

    run(main)


def test_a_link_fault_applies_shows_and_heals() -> None:
    async def main(it: Stand) -> None:
        faults: list[Fault] = [
            LinkFault(it.proxy),
            LinkFault(it.proxy, Mode.HANG),
            LinkFault(it.proxy, Mode.DELAY, 0.005),
        ]
        for fault in faults:
            assert not await fault.probe()
            await fault.apply()
            assert await fault.probe()
            await fault.heal()
            assert not await fault.probe()
            await fault.heal()

    run(main)


def test_closing_leaves_nothing_and_may_be_repeated() -> None:
    async def main(it: Stand) -> None:
        sock = await it.dial()
        await say(sock, b"x")
        await it.proxy.close()
        assert await is_reset(sock)
        with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
            await it.dial()
        await it.proxy.close()

    run(main)


def test_a_message_costs_little() -> None:
    async def main(it: Stand) -> None:
        loop = asyncio.get_running_loop()
        sock = await it.dial()
        await say(sock, b"x")
        times_s = []
        for _ in range(200):
            start_s = loop.time()
            await say(sock, b"x" * 300)
            times_s.append(loop.time() - start_s)
        # A round trip is two messages; 40 ms would be Nagle's algorithm at work. The first quarter,
        # because other tests keep this machine busy meanwhile.
        assert statistics.quantiles(times_s, n=4)[0] < 0.005

    run(main)
