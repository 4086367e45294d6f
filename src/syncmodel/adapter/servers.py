"""An author's servers, and how they are put up: folders, ports, links, users, golden copies.

A cluster is assembled once and kept as a golden copy. How runs are performed on it lives in
`processes.py`.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

from syncmodel.adapter.answers import Refused
from syncmodel.adapter.base import Adapter, unwritten
from syncmodel.adapter.clients import Clients
from syncmodel.adapter.clocks import Clocks, NoClocks
from syncmodel.adapter.disks import Places, SmallDisks
from syncmodel.adapter.places import beside, copy_folder, free_ports, give_folder, owner, program
from syncmodel.adapter.server import Server
from syncmodel.errors import BootError, InvalidRunError, said
from syncmodel.faults.link_door import Door, PortDoor
from syncmodel.faults.link_probe import PROBE_REQUEST
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.proxy_links import ProxyLinks
from syncmodel.faults.shared_port import SharedPort
from syncmodel.faults.small_disk import may_be_made
from syncmodel.faults.who_dials import holds
from syncmodel.machines.endings import ending, tail
from syncmodel.machines.private_folder import PrivateFolder
from syncmodel.model.net import Link, fully_connected
from syncmodel.model.world import promised
from syncmodel.steps.base import PAIRS, SetsClocks
from syncmodel.steps.disks import FillsDisks
from syncmodel.targets.base import Unsettled
from syncmodel.targets.patience import Patience


class Servers(Adapter):
    """One server for each node. Where it listens is `port(node)`; it dials its peers at `dials`.

    A plain method of the author's is called in a thread, so that a blocking client is no trouble.
    """

    #: What a probe of a link says to the server to get a byte back.
    probe: ClassVar[bytes] = PROBE_REQUEST
    #: How long a server may take until `ready`, to stop in order, and to answer. Seconds.
    boot_s: ClassVar[float] = 60.0
    stop_s: ClassVar[float] = 10.0
    answer_s: ClassVar[float] = 10.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    #: How large the disk of each server is, where it can be filled (`FillsDisks`). Bytes.
    disk_bytes: ClassVar[int] = 64 << 20
    #: Whose the servers and their folders are where we are root, as many refuse to be root's.
    user: ClassVar[str] = ""

    @classmethod
    def unable(cls) -> frozenset[type[object]]:
        """Only root can have small disks."""
        return super().unable() if may_be_made() else super().unable() | {FillsDisks}

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """Nothing runs before `begin`. Raises `UsageError` for a `user` who is not there."""
        super().__init__(count, bugs)
        self._owner = owner(self.user)
        self.down: frozenset[str] = frozenset()
        self._patience = Patience()
        self._folder: Path | None = None
        self._places: Places | None = None
        self._sweeper: Server | None = None
        self._servers: dict[str, Server] = {}
        self._ports: dict[str, int] = {}
        self._client_ports: dict[str, int] = {}
        self._shared: dict[str, SharedPort] = {}
        self._links = ProxyLinks({})
        self._trusted = False
        self._cutting = asyncio.Lock()
        self._clocks: Clocks | NoClocks = NoClocks()
        self._clients = Clients(self._connected, self.disconnect)

    # --- the author's ---------------------------------------------------------------------------

    def configure(self, node: str) -> Any:
        """Write what its server reads, into `home(node)`; once, before it first starts."""

    def argv(self, node: str) -> Sequence[object]:
        """The command of its server, which stays in the foreground."""
        raise unwritten(self, "argv")

    def env(self, node: str) -> Mapping[str, str] | None:
        """The environment of its server; None: this process'."""
        del node
        return None

    def connect(self, node: str) -> Any:
        """A client of the node's server, for `client` (optional). It writes nothing, so what it
        raises means that nothing happened."""
        raise unwritten(self, "connect")

    def disconnect(self, client: Any) -> Any:
        """End a client that `connect` made."""
        client.close()

    def ready(self, node: str) -> Any:
        """Whether it takes requests: by default, whether `connect` succeeds. What this raises
        means: not yet."""
        if type(self).connect is Servers.connect:
            raise unwritten(self, "ready")
        with self.client(node):
            return True

    def assemble(self) -> Any:
        """Make one cluster of them, once all run; then it is kept as the golden copy."""

    def mended(self, links: frozenset[Link]) -> Any:
        """Links were mended, or a node started: have the diallers try again."""
        del links

    def clock(self, node: str) -> Any:
        """What the server says that its wall clock shows, in Unix seconds; None if it says nothing
        (optional)."""
        del node

    def restored(self, node: str) -> Any:
        """The node's folder was put back, and its server does not run: say so to the system."""
        del node

    # --- what the author has --------------------------------------------------------------------

    def home(self, node: str) -> Path:
        """The folder of a node, in which its server runs."""
        if self._places is None:
            raise InvalidRunError("There are no nodes before `begin`.")
        return self._places.home(node)

    def port(self, node: str) -> int:
        """Where the node's server listens, on 127.0.0.1."""
        return self._ports[node]

    def client_port(self, node: str) -> int:
        """Another one of its own, where clients reach it, if `port` is for its peers alone."""
        return self._client_ports[node]

    def address(self, node: str) -> int:
        """The port at which all its peers reach it, where it has one address (`links = PAIRS`)."""
        return self._shared[node].port

    def dials(self, node: str, peer: str) -> int:
        """The port at which `node` reaches `peer`, of which it then hears: a link of its own."""
        door = self._links.proxies[peer, node].door
        assert isinstance(door, PortDoor)
        return door.port

    def client(self, node: str) -> AbstractContextManager[Any]:
        """A client of the node for one call: `with self.client(node) as client`. It is kept for the
        next one, unless the call ends by an exception that is no refusal, or the server ended."""
        return self._clients.one(node, lambda error: isinstance(self.meant(error), Refused))

    def text(self, name: str, node: str, **more: object) -> str:
        """The text of a file beside the adapter's own, with each `%(key)s` in it filled in: `node`
        and its `number`, `port`, `client_port` and `address`, and `more`."""
        known = {"node": node, "number": int(node[1:]), "port": self.port(node)}
        known |= {"client_port": self.client_port(node)}
        known |= {"address": self.address(node)} if self._shared else {}
        return beside(type(self), name) % {**known, **more}

    async def run(self, node: str, *argv: object) -> None:
        """Run a command to its end as the server would run: in its folder, as its user.

        Raises `BootError` with the end of the log if it fails.
        """
        log = self.home(node) / "log"
        command = list(map(str, argv))
        done = await Server.start(command, cwd=self.home(node), log=log, user=self._owner)
        try:
            await done.ended()
        finally:
            await done.kill()
        if done.code:
            raise BootError(f"{command[0]} {ending(done.code)}. Its log ends: {tail(log)}")

    # --- helpers --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Leave no process, no connection and no folder."""
        self._trusted = False
        for node in self.nodes:
            self._clients.hang_up(node)
        for server in self._servers.values():
            await server.kill()
        self._servers.clear()
        await self._links.close()
        self._links = ProxyLinks({})
        for shared in self._shared.values():
            shared.close()
        self._shared = {}
        if self._places is not None:
            self._places.take_away()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._places = None
        if self._sweeper is not None:
            await self._sweeper.kill()
            self._sweeper = None

    async def call(self, method: Callable[..., Any], *given: Any) -> Any:
        """What an author's method gives; a plain one is called in a thread."""
        if inspect.iscoroutinefunction(method):
            return await super().call(method, *given)
        return await super().call(asyncio.to_thread, method, *given)

    async def ask_each(
        self, method: Callable[..., Any], nodes: Sequence[str], *given: Any
    ) -> dict[str, Any]:
        """As `Adapter.ask_each`. A plain method asks all of them in one thread: one for each would
        cost more than most servers take to answer."""
        if inspect.iscoroutinefunction(method):
            return await super().ask_each(method, nodes, *given)
        return await asyncio.to_thread(self._ask_in_turn, method, nodes, *given)

    def _ask_in_turn(
        self, method: Callable[..., Any], nodes: Sequence[str], *given: Any
    ) -> dict[str, Any]:
        found = dict[str, Any]()
        for node in nodes:
            try:
                found[node] = method(node, *given)
            except Exception as error:  # noqa: BLE001 (who asks knows what it may be)
                found[node] = self.meant(error)
        return found

    async def _start_all(self) -> None:
        """Every server, at the same time. If one does not come up, none is started any more."""
        starting = [asyncio.create_task(self._start(node)) for node in self.nodes]
        try:
            await asyncio.gather(*starting)
        finally:
            for one in starting:
                one.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    def _connected(self, node: str) -> Any:
        try:
            return self.connect(node)
        except tuple(self.answers) as error:
            raise ConnectionRefusedError(f"{type(error).__name__}: {said(error)}") from error

    async def _start(self, node: str) -> None:
        self._clients.hang_up(node)
        log = self.home(node) / "log"
        command = list(map(str, self.argv(node)))
        command[0] = program(command[0]) or command[0]
        env = self._clocks.env(node, self.env(node))
        server = await Server.start(
            command, cwd=self.home(node), log=log, env=env, user=self._owner
        )
        self._servers[node] = server
        await self._until_ready(node)

    async def _until_ready(self, node: str) -> None:
        """Return once its server takes requests. Raises `BootError`; it is killed then."""
        server, log = self._servers[node], self.home(node) / "log"
        until_s, trouble = time.monotonic() + self.boot_s, ""
        while server.running and time.monotonic() < until_s:
            try:
                if await self.call(self.ready, node):
                    return
            except Exception as error:  # noqa: BLE001 (whatever a client raises: not yet)
                trouble = f" ({type(error).__name__}: {said(error)})"
            await asyncio.sleep(self.poll_s)
        how = f"is not ready in {self.boot_s:g} s" if server.running else ending(server.code or 0)
        await server.kill()
        raise BootError(f"The server of {node} {how}{trouble}. Its log ends: {tail(log)}")

    async def _rebuild(self) -> None:
        """Servers as they were when they had been assembled."""
        try:
            if self._folder is None:
                await self._assemble()
            else:
                await self._kill_all()
                await self._links.set_cut(frozenset())
                await self._links.quicken()
                for node in self.nodes:
                    await asyncio.to_thread(copy_folder, self._golden(node), self.home(node))
            self.cut, self.down = frozenset(), frozenset()
            await self._stand_still(frozenset())
            await self._start_all()
            await self.call(self.mended, frozenset(self._links.proxies))
        except BaseException:
            await self.close()
            raise

    async def _assemble(self) -> None:
        private = PrivateFolder("syncmodel-")
        here = self._folder = private.path
        self._sweeper = await Server.start((), cwd=here, log=here / "log", folders=[here])
        private.leave()
        # Servers may run as users of their own.
        here.chmod(0o711)
        fills = isinstance(self, FillsDisks) and FillsDisks not in self.unable()
        self._places = SmallDisks(here, self.disk_bytes) if fills else Places(here)
        self._clocks = Clocks(here) if isinstance(self, SetsClocks) else NoClocks()
        count = len(self.nodes)
        ports = free_ports(2 * count)
        self._ports = dict(zip(self.nodes, ports[:count], strict=True))
        self._client_ports = dict(zip(self.nodes, ports[count:], strict=True))
        if self.links == PAIRS:
            self._shared = {node: SharedPort(self._who) for node in self.nodes}
        proxies = {
            (a, b): LinkProxy((a, b), self.port(a), self.probe, self._door(a, b))
            for a, b in permutations(self.nodes, 2)
        }
        self._links = ProxyLinks(proxies)
        for shared in self._shared.values():
            shared.start()
        for proxy in proxies.values():
            await proxy.start()
        for node in self.nodes:
            self._places.make(node)
            give_folder(self.home(node), self._owner)
            await self.call(self.configure, node)
            give_folder(self.home(node), self._owner)
        await self._start_all()
        await self.call(self.assemble)
        await self._rested()
        for node in self.nodes:
            await self._servers[node].stop(self.stop_signal, self.stop_s)
            await asyncio.to_thread(copy_folder, self.home(node), self._golden(node))

    async def _rested(self) -> None:
        """What was assembled has come everywhere. Raises `BootError` if it does not."""
        net = promised(fully_connected(self.schema, len(self.nodes)), self.guarantees)
        found = await self.settle(net, control=False, limit_s=self.boot_s)
        if isinstance(found, Unsettled):
            raise BootError(
                f"{type(self).__name__} does not come to rest after `assemble`: {found.reason}."
            )

    def _door(self, node: str, dialler: str) -> Door:
        if self._shared:
            return self._shared[node].door(dialler)
        ours = os.geteuid()
        return PortDoor({ours, self._owner[0] if self._owner else ours})

    def _who(self, inode: int) -> str | None:
        """The node whose server holds that socket."""
        return next((n for n, server in self._servers.items() if holds(server.pid, inode)), None)

    async def _stand_still(self, nodes: frozenset[str]) -> None:
        """These stand still, and what they and those that are down had sent arrives."""
        self._patience.stand_still(nodes)
        self._links.expect_silence(nodes)
        async with self._cutting:
            await self._links.hurry(nodes | self.down)

    async def _kill_all(self) -> None:
        await asyncio.gather(*(server.kill() for server in self._servers.values()))

    def _golden(self, node: str) -> Path:
        return self._beside(f"{node}.golden")

    def _beside(self, name: str) -> Path:
        """A folder of ours, beside those of the servers."""
        assert self._folder is not None
        return self._folder / name
