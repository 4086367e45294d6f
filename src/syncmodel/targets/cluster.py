"""Live nodes over SSH and HTTP: a cluster of machines, wherever they are.

Runs share it, each under its own id; `begin` brings links, lives and generations to where a run
starts from, by the same steps that a run has.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from syncmodel.errors import BootError, FaultError, InvalidRunError
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.pace import RIGHT
from syncmodel.model.schema import Schema
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.steps.base import (
    Deploys,
    HangsLinks,
    Malforms,
    Pauses,
    Reads,
    Resyncs,
    SetsClocks,
    SlowsLinks,
    Stops,
)
from syncmodel.steps.membership import HasMembers
from syncmodel.steps.trusting import Trusts
from syncmodel.targets import artefacts, parted
from syncmodel.targets.base import Diagnosed, Settled, Target, Unsettled, all_at_once
from syncmodel.targets.deploying import deploy
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.misusing import MisusesLive
from syncmodel.targets.patience import Patience
from syncmodel.targets.settling import settle
from syncmodel.targets.telling import tell
from syncmodel.targets.wire import SUPERTEST
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable


class Links(Protocol):
    """The faults of a cluster's links."""

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these. Raises `FaultError` if a probe says otherwise."""

    async def hang(self, link: Link) -> None:
        """Cut this one too, with its connections open; they are dead when it is mended. Raises
        `FaultError` if a probe says otherwise."""

    async def slow(self, link: Link, delay_s: float) -> None:
        """What passes over this one, which is not cut, takes so long. Raises `FaultError`."""

    async def quicken(self) -> None:
        """No link is slow any more."""

    async def hurry(self, nodes: frozenset[str]) -> None:
        """These nodes are down or stand still: what they had sent over slow links arrives now."""

    def expect_silence(self, nodes: frozenset[str]) -> None:
        """These nodes stand still: who dials them over a whole link meets silence."""

    async def check(self) -> None:
        """Raises `FaultError` if a probe says that a link which was cut no longer is."""

    async def close(self) -> None:
        """Every link is whole, or gone."""


#: How long it is tried whether a node stands still, seconds.
PROBE_S = 0.05
#: How long a node may take to notice that connections broke while it stood still, and how long it
#: is asked to wait until it answers that it has not, seconds.
NOTICE_S, AGAIN_S = 2.0, 0.01
#: How far a clock that was set may be away from that when it is read, seconds: its answer takes
#: time, and has whole seconds.
CLOCK_S = 10.0
#: No log has this identity.
NO_LOG = ("", 0)


class Cluster(
    Target,
    HangsLinks,
    Resyncs,
    Deploys,
    HasMembers,
    Trusts,
    Stops,
    Pauses,
    SetsClocks,
    SlowsLinks,
    Malforms,
    Reads,
    MisusesLive,
    Diagnosed,
):
    """A `Target` with every ability: live machines, and faults on the links between them."""

    schema: ClassVar[Schema] = SUPERTEST

    cut: frozenset[Link] = frozenset()

    def __init__(self, nodes: Mapping[str, LiveNode], links: Links) -> None:
        """Nothing is touched before `begin`."""
        self.live: dict[str, LiveNode] = dict(nodes)
        self.nodes = tuple(nodes)
        self.down: frozenset[str] = frozenset()
        self.away: frozenset[Link] = frozenset()
        self.distrusts: frozenset[Link] = frozenset()
        self._patience = Patience()
        self.run_id = ""
        self._links = links
        # A look at the cuts while others set them would see neither.
        self._cutting = asyncio.Lock()

    @property
    def paused(self) -> frozenset[str]:
        """The nodes that stand still."""
        return self._patience.paused

    # --- Target --------------------------------------------------------------------------------

    async def begin(self, net: Net) -> None:
        """A run under a new id, on these machines as `net` has them."""
        self.run_id = secrets.token_hex(6)
        if self.cut:
            await self.set_cut(frozenset())
        await self._links.quicken()
        for node in sorted(self.paused):
            await self.resume(node)
        for node in sorted(self.down):
            await self.restart(node)
        for node, live in self.live.items():
            if live.pace != RIGHT:
                await self.set_clock(node, 0)
        await asyncio.gather(*(self._to(node, net.running[node]) for node in self.nodes))
        await self._tell_all(net)
        if net.cut:
            await self.set_cut(net.cut)
        for node in sorted(net.down):
            await self.crash(node)
        for node in sorted(net.paused):
            await self.pause(node)

    async def write(self, node: str, write: Write) -> Outcome:
        """One plugin request to one node."""
        return await self._patience.outcome(node, self.live[node].write(write, self.run_id))

    async def look(self, node: str, table: str, name: str | None) -> Outcome:
        """One question to one node, about this run's rows."""
        looking = self.live[node].look(table, name, self.run_id)
        return await self._patience.outcome(node, looking)

    async def malformed(self, node: str, write: Write) -> Outcome:
        """The same without its fields."""
        return await self.live[node].write(write, self.run_id, malformed=True)

    async def read(self, node: str) -> View | None:
        """One consistent read of one node."""
        view, _ = await self.live[node].view(self.run_id)
        return view

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """All at once."""
        return await all_at_once(calls)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Rest by log identity and position, then every node's rows at that position."""
        deadline_s = asyncio.get_running_loop().time() + limit_s
        found = await settle({n: self.live[n] for n in net.up}, net, self.run_id, limit_s)
        if isinstance(found, Unsettled):
            return found
        if not control:
            return Settled(found.views, {})
        up = {node: self.live[node] for node in net.up}
        return Settled(found.views, await parted.control(up, net, deadline_s))

    async def close(self) -> None:
        """Heal the links and close every connection; the machines stay as they are."""
        await self._links.close()
        for node in self.live.values():
            await node.close()

    # --- abilities -----------------------------------------------------------------------------

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links; probed."""
        async with self._cutting:
            await self._links.set_cut(cut)
            self.cut = cut

    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link, with its connections open; probed."""
        async with self._cutting:
            await self._links.hang(link)
            self.cut |= {link}

    async def slow(self, link: Link, delay_ms: int) -> None:
        """Delay what passes over this link; measured by a round trip."""
        async with self._cutting:
            await self._links.slow(link, delay_ms / 1000)

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """The node asks its peers again; its job is over when the cluster is at rest."""
        return await self._patience.outcome(node, self._resync(node, full=full))

    async def _resync(self, node: str, *, full: bool) -> Outcome:
        try:
            result = await self.live[node].admin("sync.resync", {"full": full})
        except AdminError as error:
            return refused(error.code)
        except Unreachable:
            return refused("unreachable")
        except Indefinite as error:
            return unknown(str(error))
        return accepted(result)

    async def leave(self, node: str) -> Outcome:
        """Every node that runs is told, at once."""
        told = self._that_run
        self.away = self.away.union((one, node) for one in told)
        return await tell(
            [self.live[one] for one in told], "cluster_nodes.leave", self.live[node].pubkey
        )

    async def join(self, node: str, *, new: bool) -> Outcome:
        """Every node that runs is told, at once."""
        told = self._that_run
        self.away = self.away.difference((one, node) for one in told)
        method = "cluster_nodes.join" if new else "cluster_nodes.reactivate"
        return await tell([self.live[one] for one in told], method, self.live[node].pubkey)

    @property
    def _that_run(self) -> list[str]:
        return [node for node in self.nodes if node not in self.down | self.paused]

    async def trust(self, node: str, peer: str, *, trusted: bool) -> Outcome:
        """The node alone is told."""
        pair = frozenset({(node, peer)})
        self.distrusts = self.distrusts - pair if trusted else self.distrusts | pair
        method = "cluster_nodes.trust" if trusted else "cluster_nodes.distrust"
        return await tell([self.live[node]], method, self.live[peer].pubkey)

    async def crash(self, node: str) -> None:
        """kill -9, and a check that it is gone."""
        await self.live[node].machine.kill()
        self.down |= {node}
        await self._stand_still(self.paused - {node})
        if await self._answers(node):
            raise FaultError(f"{node} was killed, and its application still answers.")
        await self._still_cut()

    async def restart(self, node: str) -> None:
        """Stop in order if it runs, start, and check that it answers."""
        machine = self.live[node].machine
        try:
            await machine.stop()
            await machine.start()
        except BootError as error:
            raise FaultError(f"{node} does not start any more: {error}") from None
        await self.came_back((node,))

    async def came_back(self, nodes: Sequence[str]) -> None:
        """These were started. Raises `FaultError` if one does not answer, or a cut has ended."""
        self.down = self.down.difference(nodes)
        await self._stand_still(self.paused.difference(nodes))
        for node in nodes:
            if not await self._answers(node):
                raise FaultError(f"{node} was started, and its application does not answer.")
        await self._still_cut()

    async def pause(self, node: str) -> None:
        """SIGSTOP, and a check that it does not answer; what it was being asked has no answer."""
        await self.live[node].machine.pause()
        await self._stand_still(self.paused | {node})
        if await self.live[node].answers_within(PROBE_S):
            raise FaultError(
                f"{node} was stopped in its tracks, and its application still answers."
            )

    async def resume(self, node: str) -> None:
        """SIGCONT, and a check that it answers, and knows of the connections that broke."""
        await self.live[node].machine.resume()
        await self._stand_still(self.paused - {node})
        if not await self._answers(node):
            raise FaultError(f"{node} was resumed, but its application does not answer.")
        await self._notices_cuts(node)

    async def set_clock(self, node: str, ahead_s: int) -> None:
        """It jumps, and a check that it shows that."""
        live = self.live[node]
        await live.set_clock(ahead_s)
        status = await live.admin("cluster_status")
        shown_s = float(status["now_s"]) - time.time()
        if abs(shown_s - ahead_s) > CLOCK_S:
            raise FaultError(
                f"The clock of {node} was set to {ahead_s:+d} s from the true time, but shows "
                f"{shown_s:+.0f} s."
            )

    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """Every node at once; the first failure, if any, is the outcome."""
        jobs = [deploy(self.live[node], generation, back=back) for node in nodes]
        outcomes = await self.together(jobs)
        await self._still_cut()
        return next((outcome for outcome in outcomes if not outcome.ok), accepted())

    async def artefacts(self, folder: Path) -> None:
        """What each node says of itself; see `artefacts.keep`."""
        await artefacts.keep(self.live, folder, self.run_id)

    # --- helpers -------------------------------------------------------------------------------

    async def _stand_still(self, nodes: frozenset[str]) -> None:
        self._patience.stand_still(nodes)
        self._links.expect_silence(nodes)
        async with self._cutting:
            await self._links.hurry(nodes | self.down)

    async def _notices_cuts(self, node: str) -> None:
        """What was sent to the node before a link was cut is read before the cut is noticed: it may
        not come later than a rest. A node that does not notice is not waited for."""
        loop = asyncio.get_running_loop()
        gone = {sender: NO_LOG for sender, hearer in self.cut if hearer == node}
        until_s = loop.time() + NOTICE_S
        while gone and loop.time() < until_s:
            peers = (await self.live[node].standing(gone, AGAIN_S)).peers
            gone = {name: NO_LOG for name in gone if name in peers and peers[name].connected}

    async def _still_cut(self) -> None:
        """A fault may not outlive a restart: what then passes would read as the nodes' doing."""
        async with self._cutting:
            if self.cut:
                await self._links.check()

    async def _answers(self, node: str) -> bool:
        """Whether the node's application answers at all.

        The first request may go into a connection to the application that went; the second can't.
        """
        for _ in range(2):
            try:
                await self.live[node].admin("generations.list")
            except Unreachable:
                return False
            except Indefinite:
                continue
            except AdminError:
                # It answers, though it may not offer to be asked this.
                return True
            return True
        return False

    async def _tell_all(self, net: Net) -> None:
        """Members and trust are as there; every node runs."""
        told = [
            tell([self.live[node]], f"cluster_nodes.{method}", self.live[about].pubkey)
            for methods, now, then in (
                (("leave", "reactivate"), self.away, net.away),
                (("distrust", "trust"), self.distrusts, net.distrusts),
            )
            for method, pairs in zip(methods, (then - now, now - then), strict=True)
            for node, about in sorted(pairs)
        ]
        self.away, self.distrusts = net.away, net.distrusts
        for outcome in await asyncio.gather(*told):
            if not outcome.ok:
                raise InvalidRunError(f"The nodes can't be told who is a member: {outcome.code}.")

    async def _to(self, node: str, generation: int) -> None:
        """Bring a node to a generation, whichever it is on."""
        listed = await self.live[node].admin("generations.list")
        running = next(int(one["number"]) for one in listed["generations"] if one["running"])
        if running == generation:
            return
        back = generation < running
        outcome = await deploy(self.live[node], generation, back=back, previewing=False)
        if not outcome.ok:
            raise InvalidRunError(
                f"{node} can't be brought from generation {running} to {generation} for a fresh "
                f"run: {outcome.code}"
            )
