"""One port for all peers: each dialler has a link of its own, known by its process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from syncmodel.faults.link_probe import Seen, dial_tcp
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.shared_port import SharedPort
from syncmodel.faults.who_dials import holds, inode_of

LIMIT_S = 20.0
#: No process has this number (proc(5): pid_max is 2^22 at most); all descend from the first.
NOBODY = 2**22 + 1
SAYS = """
import socket, sys
try:
    sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sock.sendall(b"hello")
    print(sock.recv(1))
except ConnectionError:
    print("reset")
"""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while await reader.read(1):
            writer.write(b"!")
    writer.close()


@asynccontextmanager
async def links(
    who: Callable[[int], str | None],
) -> AsyncIterator[tuple[SharedPort, dict[str, LinkProxy]]]:
    """A server n1, its port for peers, and the links to n2 and n3."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    target: int = server.sockets[0].getsockname()[1]
    port = SharedPort(who)
    proxies = {to: LinkProxy(("n1", to), target, b"?", port.door(to)) for to in ("n2", "n3")}
    port.start()
    try:
        for proxy in proxies.values():
            await proxy.start()
        yield port, proxies
    finally:
        for proxy in proxies.values():
            await proxy.close()
        port.close()
        server.close()


def test_each_dialler_has_a_link_that_is_cut_by_itself() -> None:
    async def test() -> None:
        ours = [os.getpid()]
        async with links(lambda inode: "n2" if holds(ours[0], inode) else None) as (port, proxies):

            async def seen() -> Seen:
                return (await dial_tcp(port.port, b"?", LIMIT_S)).seen

            for proxy in proxies.values():
                await proxy.verify()
            assert await seen() is Seen.THROUGH
            for cut, sees in (("n3", Seen.THROUGH), ("n2", Seen.RESET)):
                await proxies[cut].cut()
                for proxy in proxies.values():
                    await proxy.verify()
                assert await seen() is sees
                await proxies[cut].mend()
            assert await seen() is Seen.THROUGH
            # Who is no node's process does not come in.
            ours[0] = NOBODY
            assert await seen() is Seen.RESET
            await proxies["n2"].verify()

    asyncio.run(test())


def test_a_cut_resets_those_who_came_in_and_those_who_wait() -> None:
    async def test() -> None:
        async with links(lambda _: "n2") as (port, proxies):
            reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
            writer.write(b"?")
            assert await reader.read(1) == b"!"
            another, waiting = await asyncio.open_connection("127.0.0.1", port.port)
            await proxies["n2"].cut()
            await proxies["n2"].verify()
            for end in (reader, another):
                with pytest.raises(ConnectionResetError):
                    await end.read(1)
            writer.close()
            waiting.close()

    asyncio.run(test())


def test_a_dialler_is_known_by_its_process_and_those_below_it() -> None:
    """A shell starts the dialler, and stays: the dialler is below the process that we know."""

    async def test() -> None:
        known: list[int] = []
        async with links(lambda inode: "n3" if any(holds(p, inode) for p in known) else None) as (
            port,
            proxies,
        ):

            async def said() -> bytes:
                shell = await asyncio.create_subprocess_exec(
                    "sh", "-c", 'read go; "$@"; exit', "sh", sys.executable, "-c", SAYS,
                    str(port.port), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )  # fmt: skip
                known[:] = [shell.pid]
                out, _ = await shell.communicate(b"\n")
                return out.strip()

            assert await said() == b"b'!'"
            await proxies["n3"].cut()
            assert await said() == b"reset"

    asyncio.run(test())


def test_a_socket_that_is_closed_has_no_holder() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listening.getsockname())
    accepted, _ = listening.accept()
    with listening, accepted:
        inode = inode_of(accepted)
        assert inode
        assert holds(os.getpid(), inode)
        ours.close()
        assert not holds(os.getpid(), inode)
        assert not holds(2**22 + 1, inode)
