"""The relay and its peers on real sockets: hostile clients, held links, and an empty log."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs
import httpx
import pytest
from node_processes import (
    LIMIT_S,
    Running,
    await_socket,
    case,
    case_event,
    nodes,
    start,
    titles,
    travelled,
)
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from syncmodel.faults.link_door import PortDoor
from syncmodel.faults.link_proxy import LinkProxy, Mode
from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Close, Eose, Filter, Publish, Req, parse_from_relay
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.websocket import NO_UTF_8

#: It starts many processes.
pytestmark = pytest.mark.slow

SILENCE_S = 2.0
#: A silent peer is given up, dialled again and has been caught up with by then, on a busy machine.
BACK_S = 20.0


@contextlib.asynccontextmanager
async def held_link(*names: str) -> AsyncIterator[tuple[Running, Running, LinkProxy]]:
    """Two nodes, and a proxy by which the second dials the first."""
    with nodes(*names, silence_limit_s=SILENCE_S) as (one, two):
        door = PortDoor()
        proxy = LinkProxy((one.root.name, two.root.name), Layout(one.root).app_socket, door=door)
        await proxy.start()
        path = Layout(two.root).config
        config = json.loads(path.read_text())
        config["peers"][0]["addresses"] = [f"ws://{door.name}"]
        path.write_text(json.dumps(config))
        two.process.kill()
        two.process.wait()
        again = attrs.evolve(two, process=start(two.root))
        try:
            await_socket(again)
            yield one, again, proxy
        finally:
            again.process.kill()
            again.process.wait()
            await proxy.close()


async def hold_what_is_there(proxy: LinkProxy) -> None:
    """What is connected is held for ever and never reset; new connections get through."""
    await proxy.hang()
    proxy.mode = Mode.WHOLE


def test_a_held_link_is_noticed_by_both_ends_and_dialled_again() -> None:
    async def main() -> None:
        async with held_link("n1", "n2") as (one, two, proxy):
            async with one.client() as here, two.client() as there:
                await here.post("/cases", json=case("c1", "before"))
                await travelled(one, here, two, there)
                before = open_files(one), open_files(two)
                await hold_what_is_there(proxy)
                await here.post("/cases", json=case("c2", "while it is held"))
                # Whoever asks before anyone notices sees that n2 is behind.
                position = (await one.status(here))["position"]
                assert (await two.status(there))["peers"]["n1"]["applied"] < position
                goal = {"n1": {"position": position}}
                status = await two.status(there, peers=goal, limit_s=BACK_S)
                assert status["peers"]["n1"]["applied"] >= position, status
                assert await titles(there) == ["before", "while it is held"]
                # Each end has let go of what is held.
                await until(lambda: (open_files(one), open_files(two)) == before)
            assert (one.log(), two.log()) == ("", "")

    asyncio.run(main())


async def until(true: Callable[[], bool]) -> None:
    """Until it is, looking again and again; TimeoutError if it never is."""
    async with asyncio.timeout(BACK_S):
        while not true():  # noqa: ASYNC110  (another process's files make no event)
            await asyncio.sleep(0.02)


def test_while_a_link_is_held_it_is_not_connected() -> None:
    """And what was sent into it counts as not sent."""

    async def main() -> None:
        async with (
            held_link("n1", "n2") as (one, two, proxy),
            one.client() as here,
            two.client() as there,
        ):
            await here.post("/cases", json=case("c1"))
            await travelled(one, here, two, there)
            await proxy.hang()
            await here.post("/cases", json=case("c2"))
            async with asyncio.timeout(BACK_S):
                while (await two.status(there))["peers"]["n1"]["connected"]:
                    pass
                while not (await one.status(here))["peers"]["n2"]["to_send"]:
                    pass
            await proxy.mend()
            await travelled(one, here, two, there)
            assert (await one.status(here))["peers"]["n2"]["to_send"] == 0

    asyncio.run(main())


def test_a_short_stop_of_a_node_ends_no_connection() -> None:
    """Half of the limit, which is less than the three quarters that are outlived."""

    async def main() -> None:
        with nodes("n1", "n2", silence_limit_s=4.0) as (one, two):
            async with one.client() as here, two.client() as there:
                await here.post("/cases", json=case())
                await travelled(one, here, two, there)
                async with one.relay() as relay:
                    await relay.send(Req("s", (Filter(limit=0),)).to_text())
                    assert parse_from_relay(await relay.recv()) == Eose("s")
                    one.process.send_signal(signal.SIGSTOP)
                    await asyncio.sleep(2.0)  # how long it stands still is what is tested
                    one.process.send_signal(signal.SIGCONT)
                    status = (await two.status(there))["peers"]["n1"]
                    assert status["connected"]
                    await here.post("/cases", json=case("c2"))
                    assert json.loads(await relay.recv())[0] == "EVENT"
                await travelled(one, here, two, there)
            assert (one.log(), two.log()) == ("", "")

    asyncio.run(main())


# --- hostile clients -----------------------------------------------------------------------------


def test_text_that_is_no_utf_8_ends_that_connection_with_a_reason() -> None:
    """RFC 6455, 8.1: such a connection must fail. Others go on, and nothing is logged."""

    async def main() -> None:
        with nodes("n1") as (node,):
            async with node.relay() as other, node.relay() as relay:
                relay.protocol.send_text(b'["REQ", "\xff"]')
                relay.send_data()
                with pytest.raises(ConnectionClosed) as closed:
                    await relay.recv()
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1007, NO_UTF_8)
                await asked(other)
            assert node.log() == ""

    asyncio.run(main())


async def asked(relay: ClientConnection) -> float:
    """How long a small request takes (seconds)."""
    started = time.perf_counter()
    await relay.send(Req("asked", (Filter(limit=0),)).to_text())
    assert parse_from_relay(await relay.recv()) == Eose("asked")
    took_s = time.perf_counter() - started
    await relay.send(Close("asked").to_text())
    return took_s


@pytest.mark.long
def test_connections_that_end_anyhow_leave_no_traceback() -> None:
    """Reset, cut off in a frame or a backlog, refused, or there still when the node ends."""

    async def main() -> None:
        with nodes("n1", "n2") as (node, peer):
            for number in range(200):
                await publish(node, case_event(node.keys["n1"], f"c{number}", title="t" * 2_000))
            for _ in range(10):
                async with contextlib.AsyncExitStack() as stack:
                    calls = [await stack.enter_async_context(node.relay()) for _ in range(6)]
                    for call in calls:
                        await call.send(Req("s", (Filter(),) * 16).to_text())
                    calls[0].transport.abort()
                    calls[1].transport.write(b"\x81\xfe\xff")
                    calls[1].transport.abort()
                    calls[2].transport.write(b"\xff\xff\xff\xff")
                    calls[3].transport.write(b"\x81\x05hello")
                    with contextlib.suppress(ConnectionClosed):
                        await calls[4].send("x" * (2 << 20))
                    calls[5].protocol.send_text(b"\xff")
                    calls[5].send_data()
            async with node.relay() as relay:
                await asked(relay)
            peer.process.kill()
            peer.process.wait()
            async with node.relay() as there_still:
                await asked(there_still)
                node.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(node.process.wait, LIMIT_S) == 0
            assert node.log() == ""

    asyncio.run(main())


async def publish(node: Running, *events: Event) -> None:
    async with node.relay() as relay:
        for event in events:
            await relay.send(Publish(event).to_text())
            assert json.loads(await relay.recv())[:3] == ["OK", event.id, True]


def memory_mb(node: Running) -> float:
    """Of its process, resident."""
    pages = int(Path(f"/proc/{node.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files(node: Running) -> int:
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


@pytest.mark.parametrize(
    "what",
    [
        "backlogs",
        pytest.param("what is new", marks=pytest.mark.long),
        pytest.param("answers", marks=pytest.mark.long),
        "pings",
    ],
)
def test_who_never_reads_is_given_up_and_takes_little_memory(what: str) -> None:
    """Nothing at all is read at that end, so it answers no ping either."""

    async def main() -> None:
        with nodes("n1", silence_limit_s=SILENCE_S) as (node,):
            big = [case_event(node.keys["n1"], f"c{n}", title="t" * 100_000) for n in range(300)]
            if what == "backlogs":
                await publish(node, *big)
            frames = flood(what)
            async with node.relay() as other:
                await asked(other)
                before_mb, before = memory_mb(node), open_files(node)
                async with node.relay() as deaf:
                    deaf.transport.pause_reading()
                    deaf.transport.write(frames)
                    if what == "what is new":
                        await publish(node, *big)
                    await until(lambda: open_files(node) == before)
                    deaf.transport.abort()
                assert memory_mb(node) - before_mb < 100
                await asked(other)
            assert node.log() == ""

    asyncio.run(main())


def flood(what: str) -> bytes:
    """Requests for a lot, by someone who reads none of it."""
    texts = {
        "backlogs": [Req(f"s{number}", (Filter(),)).to_text() for number in range(30)],
        "what is new": [Req("s", (Filter(),)).to_text()],
        "answers": [f"no message {number}" for number in range(20_000)],
        "pings": [f"{number:0125}" for number in range(50_000)],
    }
    opcode = Opcode.PING if what == "pings" else Opcode.TEXT
    frames = (Frame(opcode, text.encode()).serialize(mask=True) for text in texts[what])
    return b"".join(frames)


def test_heavy_requests_hold_up_nobody_else() -> None:
    """The figure that matters is 100 ms; the bound leaves room for a busy machine."""

    async def main() -> None:
        with nodes("n1") as (node,):
            key = node.keys["n1"]
            await publish(node, *(case_event(key, f"c{n}") for n in range(1_500)))
            heavy = tuple(Filter(tags=(("d", (f"r/c{n}", "x")),)) for n in range(15))
            async with contextlib.AsyncExitStack() as stack:
                calls = [await stack.enter_async_context(node.relay()) for _ in range(3)]
                other = await stack.enter_async_context(node.relay())
                http = await stack.enter_async_context(node.client())
                alone_s = await longest(other, http)
                for call in calls:
                    for number in range(8):
                        await call.send(Req(f"s{number}", (Filter(), *heavy)).to_text())
                reading = [asyncio.create_task(read_to(call, Eose("s7"))) for call in calls]
                beside_s = await longest(other, http)
                assert not any(one.done() for one in reading)
                print(f"longest request: {alone_s:.3f} s alone, {beside_s:.3f} s beside them")
                assert beside_s < alone_s + 0.5
                await asyncio.gather(*reading)

    asyncio.run(main())


async def longest(relay: ClientConnection, http: httpx.AsyncClient) -> float:
    """The longest of some requests to the relay, and to the plugin (seconds)."""
    took_s = [await asked(relay) for _ in range(20)]
    for _ in range(10):
        started = time.perf_counter()
        assert (await http.get("/health")).status_code == 200
        took_s.append(time.perf_counter() - started)
    return max(took_s)


async def read_to(relay: ClientConnection, last: Eose) -> None:
    while await relay.recv() != last.to_text():
        pass
