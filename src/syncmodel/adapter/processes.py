"""Servers that are processes of this machine: folders, ports, links, lives; the author says which.

A cluster is assembled once and kept as a golden copy; runs share it, each with a prefix of its own
for its rows, until one of them did not end well.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

from syncmodel.adapter.base import Adapter, unwritten
from syncmodel.adapter.places import copy_folder, free_ports
from syncmodel.adapter.server import Server
from syncmodel.errors import BootError, FaultError, InvalidRunError
from syncmodel.faults.link_door import PortDoor
from syncmodel.faults.link_probe import PROBE_REQUEST, Seen, dial
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.proxy_links import SILENCE_S, ProxyLinks
from syncmodel.machines.endings import ending, tail
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.values import Write
from syncmodel.steps.base import Stops
from syncmodel.targets.base import Settled, Unsettled, all_at_once
from syncmodel.targets.inside import Reachable, Way
from syncmodel.targets.patience import Patience

#: From a server's last answer until its end is known. Seconds.
END_S = 2.0


class Processes(Adapter, Stops, Reachable):
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

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """Nothing runs before `begin`."""
        super().__init__(count, bugs)
        self.down: frozenset[str] = frozenset()
        self._patience = Patience()
        self._folder: Path | None = None
        self._sweeper: Server | None = None
        self._servers: dict[str, Server] = {}
        self._ports: dict[str, int] = {}
        self._links = ProxyLinks({})
        self._trusted = False
        self._cutting = asyncio.Lock()

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

    def ready(self, node: str) -> Any:
        """Whether it takes requests. What this raises means: not yet."""
        raise unwritten(self, "ready")

    def assemble(self) -> Any:
        """Make one cluster of them, once all run; then it is kept as the golden copy."""

    def mended(self, links: frozenset[Link]) -> Any:
        """Links were mended, or a node started: have the diallers try again."""
        del links

    def restored(self, node: str) -> Any:
        """The node's folder was put back, and its server does not run: say so to the system."""
        del node

    # --- what the author has --------------------------------------------------------------------

    def home(self, node: str) -> Path:
        """The folder of a node, in which its server runs."""
        if self._folder is None:
            raise InvalidRunError("There are no nodes before `begin`.")
        return self._folder / node

    def port(self, node: str) -> int:
        """Where the node's server listens, on 127.0.0.1."""
        return self._ports[node]

    def dials(self, node: str, peer: str) -> int:
        """The port at which `node` reaches `peer`, of which it then hears: a link of its own."""
        door = self._links.proxies[peer, node].door
        assert isinstance(door, PortDoor)
        return door.port

    # --- Reachable ------------------------------------------------------------------------------

    def ways(self) -> Mapping[str, Sequence[Way]]:
        """Where each server listens, its folder and its log; say here how your clients reach it."""
        return {
            node: [
                ("port", f"nc 127.0.0.1 {port}"),
                ("folder", shlex.join(["cd", str(self.home(node))])),
                ("log", shlex.join(["tail", str(self.home(node) / "log")])),
            ]
            for node, port in self._ports.items()
            if self._folder is not None
        }

    # --- Target ---------------------------------------------------------------------------------

    async def begin(self, net: Net) -> None:
        """A fresh run; on new servers, if the last one did not pass."""
        if not self.used:
            await self._rebuild()
        self._trusted = False
        self.prefix = f"r{secrets.token_hex(3)}-"
        if self.cut:
            await self.set_cut(frozenset())
        for node in sorted(self._patience.paused):
            await self.resume(node)
        for node in sorted(self.down):
            await self.restart(node)
        if net.cut:
            await self.set_cut(net.cut)
        for node in sorted(net.down):
            await self.crash(node)
        for node in sorted(net.paused):
            await self.pause(node)

    async def write(self, node: str, write: Write) -> Outcome:
        """As `Adapter.write`; a server that is down was asked for nothing."""
        if node in self.down:
            return refused("unreachable")
        return await self._patience.outcome(node, super().write(node, write), self.answer_s)

    async def together(self, calls: Sequence[Any]) -> list[Outcome]:
        """All at once."""
        return await all_at_once(calls)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """As `Adapter.settle`. A server that ended by itself is a divergence."""
        self._all_stand()
        found = None
        try:
            found = await super().settle(net, control=control, limit_s=limit_s)
        finally:
            if not isinstance(found, Settled):
                await self._perhaps_ended()
            self._all_stand()
        return found

    async def close(self) -> None:
        """Leave no process and no folder."""
        self._trusted = False
        for server in self._servers.values():
            await server.kill()
        self._servers.clear()
        await self._links.close()
        self._links = ProxyLinks({})
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._sweeper is not None:
            await self._sweeper.kill()
            self._sweeper = None

    # --- Reusable -------------------------------------------------------------------------------

    def passed(self) -> None:
        """The next run may have the same servers."""
        self._trusted = True

    @property
    def used(self) -> bool:
        """Whether the servers of the last run serve the next one."""
        standing = all(server.running for server in self._servers.values())
        return self._trusted and bool(self._servers) and standing

    def renew(self) -> None:
        """The next run has servers from the golden copy."""
        self._trusted = False

    # --- abilities ------------------------------------------------------------------------------

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links; probed."""
        async with self._cutting:
            mended = self.cut - cut
            await self._links.set_cut(cut)
            self.cut = cut
        if mended:
            await self.call(self.mended, mended)

    async def crash(self, node: str) -> None:
        """kill -9 to the server and all that it started."""
        await self._servers[node].kill()
        self.down |= {node}
        self._stand_still(self._patience.paused - {node})

    async def pause(self, node: str) -> None:
        """SIGSTOP to the server and all that it started. Drawn for a class that inherits `Pauses`,
        whose clients can give up a call."""
        await self._servers[node].pause()
        self._stand_still(self._patience.paused | {node})
        probe = await dial(self.port(node), self.probe, SILENCE_S)
        if probe.seen is not Seen.HANGS:
            raise FaultError(
                f"{node} was stopped in its tracks, and who dials it sees {probe.seen.value}."
            )

    async def resume(self, node: str) -> None:
        """SIGCONT. Raises `FaultError` if it is not ready again."""
        await self._servers[node].resume()
        self._stand_still(self._patience.paused - {node})
        try:
            await self._until_ready(node)
        except BootError as error:
            raise FaultError(f"{node} does not go on: {error}") from None

    async def restart(self, node: str) -> None:
        """Stop it in order if it runs, and start it."""
        if node in self._patience.paused:
            # What stands still could not hear that it is to end.
            await self._servers[node].resume()
            self._stand_still(self._patience.paused - {node})
        await self._servers[node].stop(self.stop_signal, self.stop_s)
        try:
            await self._start(node)
        except BootError as error:
            raise FaultError(f"{node} does not start any more: {error}") from None
        self.down -= {node}
        async with self._cutting:
            if self.cut:
                await self._links.check()
        ours = frozenset(link for link in self._links.proxies if node in link)
        await self.call(self.mended, ours - self.cut)

    async def backup(self, nodes: Sequence[str]) -> None:
        """Copy folders; a server stands still meanwhile. Drawn for a class that inherits `PutsBack`
        (`steps.restoring`)."""
        for node in nodes:
            server, runs = self._servers[node], node not in self.down
            if runs:
                await server.pause()
            try:
                await asyncio.to_thread(copy_folder, self.home(node), self._backup(node))
            finally:
                if runs:
                    await server.resume()

    async def restore(self, nodes: Sequence[str], *, plain: bool) -> None:
        """Kill servers, put their folders back, and start them."""
        for node in nodes:
            await self.crash(node)
        for node in nodes:
            await asyncio.to_thread(copy_folder, self._backup(node), self.home(node))
            if not plain:
                await self.call(self.restored, node)
        for node in nodes:
            await self.restart(node)

    # --- helpers --------------------------------------------------------------------------------

    def _stand_still(self, nodes: frozenset[str]) -> None:
        self._patience.stand_still(nodes)
        self._links.expect_silence(nodes)

    async def call(self, method: Callable[..., Any], *given: Any) -> Any:
        """What an author's method gives; a plain one is called in a thread."""
        if inspect.iscoroutinefunction(method):
            return await method(*given)
        return await asyncio.to_thread(method, *given)

    def _all_stand(self) -> None:
        fallen = {n: s for n, s in self._servers.items() if s.fallen and n not in self.down}
        if fallen:
            raise DivergenceFound(
                tuple(
                    Divergence(Kind.ENDED, node, None, "its server runs", ending(server.code or 0))
                    for node, server in sorted(fallen.items())
                )
            )

    async def _perhaps_ended(self) -> None:
        """A server no longer answers some time before its keeper says that it ended."""
        ends = [asyncio.create_task(server.ended()) for server in self._servers.values()]
        try:
            await asyncio.wait(ends, timeout=END_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _start_all(self) -> None:
        """Every server, at the same time. If one does not come up, none is started any more."""
        starting = [asyncio.create_task(self._start(node)) for node in self.nodes]
        try:
            await asyncio.gather(*starting)
        finally:
            for one in starting:
                one.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def _start(self, node: str) -> None:
        log = self.home(node) / "log"
        server = await Server.start(
            list(map(str, self.argv(node))), cwd=self.home(node), log=log, env=self.env(node)
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
                trouble = f" ({type(error).__name__}: {error})"
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
                for node in self.nodes:
                    await asyncio.to_thread(copy_folder, self._golden(node), self.home(node))
            self.cut, self.down = frozenset(), frozenset()
            self._stand_still(frozenset())
            await self._start_all()
            await self.call(self.mended, frozenset(self._links.proxies))
        except BaseException:
            await self.close()
            raise

    async def _assemble(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="syncmodel-"))
        here = self._folder
        self._sweeper = await Server.start((), cwd=here, log=here / "log", folders=[here])
        # Servers may run as users of their own.
        here.chmod(0o711)
        self._ports = dict(zip(self.nodes, free_ports(len(self.nodes)), strict=True))
        links = permutations(self.nodes, 2)
        proxies = {link: LinkProxy(link, self.port(link[0]), self.probe) for link in links}
        self._links = ProxyLinks(proxies)
        for proxy in proxies.values():
            await proxy.start()
        for node in self.nodes:
            self.home(node).mkdir()
            await self.call(self.configure, node)
        await self._start_all()
        await self.call(self.assemble)
        for node in self.nodes:
            await self._servers[node].stop(self.stop_signal, self.stop_s)
            await asyncio.to_thread(copy_folder, self.home(node), self._golden(node))

    async def _kill_all(self) -> None:
        await asyncio.gather(*(server.kill() for server in self._servers.values()))

    def _backup(self, node: str) -> Path:
        return self.home(node).with_name(f"{node}.backup")

    def _golden(self, node: str) -> Path:
        return self.home(node).with_name(f"{node}.golden")
