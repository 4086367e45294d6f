"""Runs on servers that are processes of this machine; the author says which.

Runs share a cluster (`servers.py`), each with a prefix of its own for its rows, until one of them
did not end well.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syncmodel.adapter.answers import Unknown
from syncmodel.adapter.base import Columns, answered
from syncmodel.adapter.full_disk import LOOKS_ASKED, Asked
from syncmodel.adapter.places import copy_folder
from syncmodel.adapter.rest import NO_ANSWER, Rest
from syncmodel.adapter.servers import Servers
from syncmodel.errors import BootError, FaultError, UsageError
from syncmodel.faults.link_probe import Seen, dial
from syncmodel.faults.proxy_links import SILENCE_S
from syncmodel.machines.endings import ending
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Answer, Outcome, accepted, refused
from syncmodel.model.values import Row, Write
from syncmodel.steps.base import PAIRS, Stops
from syncmodel.steps.disks import lost
from syncmodel.targets.base import How, Settled, Unsettled, all_at_once
from syncmodel.targets.inside import Reachable, Way

#: How far a clock may be from where it was set when its server says it. Seconds.
CLOCK_S = 10.0
#: From a server's last answer until its end is known. Seconds.
END_S = 2.0


class Processes(Servers, Stops, Reachable):
    """One server for each node. Where it listens is `port(node)`; it dials its peers at `dials`.

    A plain method of the author's is called in a thread, so that a blocking client is no trouble.
    """

    #: What was asked for while disks were full, until it is looked at, at rest.
    _filled: tuple[Asked, ...] = ()

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
        if not self.used or (self._places is not None and self._places.crowded()):
            await self._rebuild()
        self._trusted, self.unanswered, self._filled = False, False, ()
        self.prefix = f"r{secrets.token_hex(3)}-"
        if self.cut:
            await self.set_cut(frozenset())
        await self._links.quicken()
        for node in sorted(self._patience.paused):
            await self.resume(node)
        for node in sorted(self.down):
            await self.restart(node)
        for node in sorted(self._clocks.ahead):
            await self.set_clock(node, 0)
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
        outcome = await self._patience.outcome(node, super().write(node, write), self.answer_s)
        self.unanswered |= outcome.answer is Answer.UNKNOWN
        return outcome

    async def together(self, calls: Sequence[Any]) -> list[Outcome]:
        """All at once."""
        return await all_at_once(calls)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """As `Adapter.settle`. A server that ended by itself is a divergence, and so is what one
        lacks since a disk was full."""
        self._all_stand()
        found = None
        try:
            found = await self._settled(net, control, limit_s)
        finally:
            if not isinstance(found, Settled):
                await self._perhaps_ended(self.nodes)
            self._all_stand()
        return found

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
        """Cut exactly these links; probed. Raises `UsageError` for one direction of a pair."""
        if self.links == PAIRS and any((b, a) not in cut for a, b in cut):
            raise UsageError(
                f"{type(self).__name__} has links that are cut in both directions or in none: "
                f"leave `cut` and `mend` of single ones out."
            )
        async with self._cutting:
            mended = self.cut - cut
            await self._links.set_cut(cut)
            self.cut = cut
        await self._dial_again(mended)

    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link, with its connections open; probed. Drawn for a class
        that inherits `HangsLinks`, whose nodes notice that a connection is dead."""
        if self.links == PAIRS:
            raise UsageError(
                f"{type(self).__name__} has links that hang in both directions or in none: leave "
                f"`hang` out."
            )
        async with self._cutting:
            await self._links.hang(link)
            self.cut |= {link}

    async def slow(self, link: Link, delay_ms: int) -> None:
        """Delay what passes over this link; measured by a round trip. Drawn for a class that
        inherits `SlowsLinks`."""
        async with self._cutting:
            await self._links.slow(link, delay_ms / 1000)

    async def set_clock(self, node: str, ahead_s: int) -> None:
        """The server's wall clock jumps, by libfaketime. Drawn for a class that inherits
        `SetsClocks`."""
        self._clocks.set(node, ahead_s, self._servers[node].pid)
        shown_s = await self.call(self.clock, node)
        if shown_s is not None and abs(shown_s - time.time() - ahead_s) > CLOCK_S:
            raise FaultError(
                f"The clock of {node} was set {ahead_s} s ahead, and its server says that it is "
                f"{shown_s - time.time():.0f} s ahead."
            )

    async def crash(self, node: str) -> None:
        """kill -9 to the server and all that it started."""
        await self._servers[node].kill()
        self.down |= {node}
        await self._stand_still(self._patience.paused - {node})

    async def pause(self, node: str) -> None:
        """SIGSTOP to the server and all that it started. Drawn for a class that inherits `Pauses`,
        whose clients can give up a call."""
        await self._servers[node].pause()
        await self._stand_still(self._patience.paused | {node})
        probe = await dial(self.port(node), self.probe, SILENCE_S)
        if probe.seen is not Seen.HANGS:
            raise FaultError(
                f"{node} was stopped in its tracks, and who dials it sees {probe.seen.value}."
            )

    async def resume(self, node: str) -> None:
        """SIGCONT. Raises `FaultError` if it is not ready again."""
        await self._servers[node].resume()
        await self._stand_still(self._patience.paused - {node})
        try:
            await self._until_ready(node)
        except BootError as error:
            raise FaultError(f"{node} does not go on: {error}") from None
        await self._dial_again(self._whole(node))

    async def restart(self, node: str) -> None:
        """Stop it in order if it runs, and start it."""
        try:
            await self._again(node)
        except BootError as error:
            raise FaultError(f"{node} does not start any more: {error}") from None

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
        self._filled = ()  # they are of another past
        for node in nodes:
            await self.crash(node)
        for node in nodes:
            await asyncio.to_thread(copy_folder, self._backup(node), self.home(node))
            if not plain:
                await self.call(self.restored, node)
        for node in nodes:
            await self.restart(node)

    async def fill_disk(self, node: str, *, killed: bool) -> Outcome:
        """Fill the disk of its folder, and free it. Drawn for a class that inherits `FillsDisks`,
        where we are root (`steps.disks`). A server may end where its disk is full: it is started
        again then."""
        assert self._places is not None
        disk, asked = self._places.disk(node), Asked(self, node)
        others = [one for one in self.nodes if one not in self.down | self._patience.paused]
        try:
            disk.fill()  # not in a thread, which would go on if this were cancelled
            if disk.room():
                raise FaultError(f"The disk of {node} was filled, and has room.")
            # What comes from its peers it can't store either, and must get again.
            await asyncio.gather(*(asked.ask(one, LOOKS_ASKED[:1]) for one in others))
            await asked.ask(node)
            if killed:
                await self.crash(node)
        finally:
            disk.free()
            if not disk.room():
                raise FaultError(f"The disk of {node} was freed, and has no room.")
        try:
            if not await self._outlives(node, asked):
                await self._again(node)
            else:
                await self._dial_again(self._whole(node))
        except BootError as error:
            return refused(f"does not go on once there is room: {error}")
        self._filled += (asked,)
        if self.guarantees.quorum or self._rest is Rest.QUIET:
            return accepted()  # it may show later what it has, and is looked at once it is at rest
        return await asked.judged(node)

    # --- helpers --------------------------------------------------------------------------------

    async def _settled(self, net: Net, control: bool, limit_s: float) -> Settled | Unsettled:
        until_s = time.monotonic() + max(limit_s, self.settle_s)
        while True:
            found = await super().settle(net, control=control, limit_s=limit_s)
            if not isinstance(found, Settled):
                return found
            wrong = dict[str, str]()
            try:
                for asked in self._filled:
                    wrong |= await asked.at_rest(net)
            except (*NO_ANSWER, FileNotFoundError) as error:
                return Unsettled(f"a node does not answer: {error or type(error).__name__}")
            # What is at rest as far as one sees may yet be on its way.
            if not wrong or found.how is not How.QUIET or time.monotonic() >= until_s:
                break
        self._filled = ()
        if wrong:
            raise DivergenceFound(tuple(lost(node, what) for node, what in sorted(wrong.items())))
        return found

    async def asked(self, node: str, row: Row, columns: Columns) -> Outcome:
        """What became of a create that is not of this run."""
        create = answered(self.call(self.create, node, row, columns))

        async def outcome() -> Outcome:
            return (await create)[0]

        return await self._patience.outcome(node, outcome(), self.answer_s)

    async def _again(self, node: str) -> None:
        """As `restart`. Raises `BootError`."""
        if node in self._patience.paused:
            # What stands still could not hear that it is to end.
            await self._servers[node].resume()
            await self._stand_still(self._patience.paused - {node})
        await self._servers[node].stop(self.stop_signal, self.stop_s)
        await self._start(node)
        self.down -= {node}
        await self._stand_still(self._patience.paused)
        async with self._cutting:
            if self.cut:
                await self._links.check()
        await self._dial_again(self._whole(node))

    def _whole(self, node: str) -> frozenset[Link]:
        """The links of the node that are not cut."""
        return frozenset(link for link in self._links.proxies if node in link) - self.cut

    async def _outlives(self, node: str, asked: Asked) -> bool:
        """Whether its server goes on after its disk was full, and did not end of it, as it may.
        Raises `BootError` if it does neither."""
        server = self._servers[node]
        try:
            if server.running:
                await self._until_ready(node)
                # Who takes a request has not ended a moment before.
                if await asked.ask(node, LOOKS_ASKED[:1]):
                    await self._perhaps_ended([node])
        except BootError:
            if not server.fallen:
                raise
        return server.running

    def _all_stand(self) -> None:
        fallen = {n: s for n, s in self._servers.items() if s.fallen and n not in self.down}
        if fallen:
            raise DivergenceFound(
                tuple(
                    Divergence(Kind.ENDED, node, None, "its server runs", ending(server.code or 0))
                    for node, server in sorted(fallen.items())
                )
            )

    async def _dial_again(self, links: frozenset[Link]) -> None:
        """Tell the author of links that are whole. A node that ends meanwhile, or stands still, is
        told later."""
        for link in sorted(links):
            if not self._patience.paused.isdisjoint(link):
                continue
            try:
                await self.call(self.mended, frozenset({link}))
            except (Unknown, ConnectionError, TimeoutError):
                if not await self._perhaps_ended(link):
                    raise

    async def _perhaps_ended(self, nodes: Sequence[str]) -> bool:
        """Whether one of them ended: it no longer answers some time before its keeper says so."""
        ends = [asyncio.create_task(self._servers[node].ended()) for node in nodes]
        try:
            done, _ = await asyncio.wait(ends, timeout=END_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        return bool(done)

    def _backup(self, node: str) -> Path:
        return self._beside(f"{node}.backup")
