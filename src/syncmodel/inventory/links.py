"""Links that the tester carries: each host finds its peers at ports of its own loopback.

Behind such a port is the host's own sshd, which hands what comes to the tester (RFC 4254, 7.1);
there is one proxy for each directed link, as in a cluster of this computer, and behind it a channel
to the relay of the other host. So a link is cut without any right on the hosts, and a link that is
cut is probed here. When the tester ends, all these links end: no cut outlives it, and no link.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import asyncssh

from syncmodel.errors import FaultError, TransportError
from syncmodel.faults.link_door import SocketDoor
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.proxy_links import ProxyLinks
from syncmodel.inventory.file import Inventory
from syncmodel.inventory.reading import Place
from syncmodel.machines.private_folder import PrivateFolder
from syncmodel.model.net import Link
from syncmodel.targets.cluster import Links

Connections = Mapping[str, asyncssh.SSHClientConnection]
LOOPBACK = "127.0.0.1"


class HostLinks(Links, Protocol):
    """The links between hosts, which are opened over SSH."""

    async def open(self, inventory: Inventory, connections: Connections) -> None:
        """Get ready; nothing is cut then. Raises `TransportError` where that is forbidden."""

    async def keep(self) -> None:
        """What is cut stays cut. Raises `FaultError` where it may have ended."""

    async def again(self, node: str) -> None:
        """That host has rebooted, and there is a new connection to it: its links are as they were.
        Raises `InvalidRunError`."""


class NeverSlow:
    """Links between hosts that nobody can make slow."""

    async def slow(self, link: Link, delay_s: float) -> None:
        """Raises `FaultError`."""
        raise FaultError(f"The link {link[0]}->{link[1]} of an inventory can't be made slow.")

    async def quicken(self) -> None:
        """None is slow."""

    async def hurry(self, nodes: frozenset[str]) -> None:
        """None is slow."""

    def expect_silence(self, nodes: frozenset[str]) -> None:
        """A node that stands still is dialled all the same: its kernel answers."""


async def dials(connection: asyncssh.SSHClientConnection, place: Place, limit_s: float) -> bool:
    """Whether the host gets through to that place, as its sshd finds out.

    Raises `TransportError` where the sshd may not, or the host is lost.
    """
    async with dialled(connection, place, limit_s) as through:
        return through


@asynccontextmanager
async def dialled(
    connection: asyncssh.SSHClientConnection, place: Place, limit_s: float
) -> AsyncIterator[bool]:
    """The same; if it does, that connection is open meanwhile."""
    writer = None
    try:
        async with asyncio.timeout(limit_s):
            _, writer = await connection.open_connection(place.host, place.port)
    except TimeoutError:
        pass
    except asyncssh.ChannelOpenError as error:
        if error.code != asyncssh.OPEN_CONNECT_FAILED or connection.is_closed():
            raise TransportError(f"A host's sshd does not dial {place} for us: {error}") from None
    except (asyncssh.Error, OSError) as error:
        raise TransportError(f"A host does not dial {place} for us: {error}") from error
    try:
        yield writer is not None
    finally:
        if writer is not None:
            writer.channel.abort()


class NoCuts(NeverSlow):
    """Links that nobody can cut: they are the hosts' own."""

    async def open(self, inventory: Inventory, connections: Connections) -> None:
        """Nothing to open."""

    async def keep(self) -> None:
        """Nothing is cut."""

    async def again(self, node: str) -> None:
        """Its links are its own."""

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Raises `FaultError` unless nothing is to be cut."""
        if cut:
            raise FaultError("These hosts' links can't be cut: see `cuts` in the inventory.")

    async def hang(self, link: Link) -> None:
        """Raises `FaultError`."""
        await self.set_cut(frozenset({link}))

    async def check(self) -> None:
        """Nothing is cut."""

    async def close(self) -> None:
        """Nothing was opened."""


class CarriedLinks(ProxyLinks):
    """One proxy per directed link, and the ways from and to the hosts. Always close it."""

    def __init__(self) -> None:
        super().__init__({})
        self._folder: PrivateFolder | None = None
        self._inventory: Inventory | None = None
        self._connections: Connections = {}
        #: By the node whose connection they are on.
        self._listeners: dict[str, list[asyncssh.SSHListener]] = {}

    async def open(self, inventory: Inventory, connections: Connections) -> None:
        """Open every way; links are whole then. Raises `TransportError` where that is forbidden."""
        self._folder = PrivateFolder("sm-")
        folder = self._folder.path
        self._inventory, self._connections = inventory, connections
        try:
            for link in inventory.ways:
                door, relay = folder / _door(link), folder / f"{link[0]}.relay"
                proxy = LinkProxy(link, relay, door=SocketDoor(door))
                await proxy.start()
                self.proxies[link] = proxy
            for node in inventory.hosts:
                await self._reach(node)
        except BaseException:
            await self.close()
            raise

    async def again(self, node: str) -> None:
        """Its ways led over the connection that has gone."""
        await self._unreach(node)
        await self._reach(node)

    async def _reach(self, node: str) -> None:
        """Have the ways over the connection to this node: to its relay, and from it to others'."""
        assert self._inventory is not None
        assert self._folder is not None
        connection, folder = self._connections[node], self._folder.path
        listeners = self._listeners[node] = []
        relay = self._inventory.hosts[node].relay[0]
        listeners.append(
            await connection.forward_local_path_to_port(
                str(folder / f"{node}.relay"), relay.host, relay.port
            )
        )
        for link, port in self._inventory.ways.items():
            if link[1] == node:
                listeners.append(await _listen(connection, node, port, folder / _door(link)))

    async def _unreach(self, node: str) -> None:
        listeners = self._listeners.pop(node, [])
        for listener in listeners:
            listener.close()
        await asyncio.gather(
            *(listener.wait_closed() for listener in listeners), return_exceptions=True
        )
        if self._folder is not None:
            (self._folder.path / f"{node}.relay").unlink(missing_ok=True)

    async def keep(self) -> None:
        """A proxy that cuts does so until it is told otherwise."""

    async def close(self) -> None:
        """Break every link and give all ports back."""
        await super().close()
        self.proxies = {}
        await asyncio.gather(*map(self._unreach, list(self._listeners)))
        if self._folder is not None:
            self._folder.remove()
            self._folder = None


def _door(link: Link) -> str:
    return f"{link[0]}-{link[1]}.sock"


async def _listen(
    connection: asyncssh.SSHClientConnection, node: str, port: int, door: Path
) -> asyncssh.SSHListener:
    try:
        return await connection.forward_remote_port_to_path(LOOPBACK, port, str(door))
    except (asyncssh.Error, OSError) as error:
        raise TransportError(
            f"{node}'s sshd does not listen on {LOOPBACK}:{port} for us ({error}): somebody else "
            f"listens there (see `ss -ltnp`; an earlier tester's session that is not over yet?), "
            f"or its sshd_config lacks AllowTcpForwarding yes."
        ) from error
