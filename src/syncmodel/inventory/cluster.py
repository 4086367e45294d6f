"""Clusters whose nodes may lack some of the contract, and clusters on the hosts of an inventory.

The machines are not ours: between runs they are wiped, and never rebuilt. A run that did not pass
is followed by a wipe at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from syncmodel.errors import BootError, FaultError, InvalidRunError, TransportError
from syncmodel.inventory import booting, told
from syncmodel.inventory.file import Inventory
from syncmodel.inventory.hold import Hold
from syncmodel.inventory.host import HostNode
from syncmodel.inventory.links import CarriedLinks, HostLinks, NoCuts
from syncmodel.inventory.node import PartialNode
from syncmodel.inventory.packets import PacketLinks
from syncmodel.inventory.rest import Rest
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.steps.machines import Boots
from syncmodel.steps.plugins import Uninstalls
from syncmodel.targets import deploying
from syncmodel.targets.base import How, Settled, Unsettled
from syncmodel.targets.cluster import Cluster, Links
from syncmodel.targets.deploying import deploy
from syncmodel.targets.wire import PLUGIN

#: After this many runs the nodes are emptied: old runs' rows would slow resyncs down.
RUNS_BETWEEN_WIPES = 20
BARE = 1


class PartialCluster(Cluster):
    """Live nodes, each with what it has; `missing` is what any of them lacks."""

    def __init__(
        self,
        nodes: Mapping[str, PartialNode],
        links: Links,
        missing: frozenset[str] = frozenset(),
        how: How = How.POSITION,
        quiet_s: float = 1.0,
    ) -> None:
        """Nothing is touched before `begin`. `how` rest is seen, after so long of quiet."""
        super().__init__(nodes, links)
        self.partial = dict(nodes)
        self.missing = missing
        self.rest = Rest(how, quiet_s)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Rest as these nodes can show it, and every node's rows."""
        up = {node: self.partial[node] for node in net.up}
        found = await self.rest.settle(up, net, self.run_id, limit_s)
        if isinstance(found, Unsettled) or not control:
            return found
        seen = await asyncio.gather(*(node.control() for node in up.values()))
        return replace(found, control=dict(zip(up, seen, strict=True)))

    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """Every node at once, each to its own number of the generation."""
        jobs = [self._deploy(node, generation, back=back) for node in nodes]
        outcomes = await self.together(jobs)
        await self._still_cut()
        return next((outcome for outcome in outcomes if not outcome.ok), accepted())

    async def _deploy(self, node: str, generation: int, *, back: bool) -> Outcome:
        return await deploy(self.partial[node], self.partial[node].number(generation), back=back)

    async def select(self, node: str, generation: int) -> Outcome:
        """Have the node's machine boot its own number of the generation from the next time on."""
        asked = self.partial[node]
        running = await asked.running()
        back = running is not None and generation < running
        return await deploying.select(asked, asked.number(generation), back=back)

    async def _answers(self, node: str) -> bool:
        return await self.partial[node].answers()

    async def _to(self, node: str, generation: int) -> None:
        """Bring a node to a generation, or see that it can't be told which it is on."""
        running = await self.partial[node].running()
        if running == generation:
            return
        if running is None or "rollout" in self.missing:
            raise InvalidRunError(
                f"{node} runs generation {running or 'nobody knows which'} where {generation} of "
                f"{len(self.schema.generations)} is needed, and can't be rolled out: bring it "
                f"there by hand, or leave out what needs it."
            )
        # A strange generation is left by a rollout, whatever its number is.
        back = running != 0 and generation < running
        outcome = await self._deploy(node, generation, back=back)
        if not outcome.ok:
            raise InvalidRunError(
                f"{node} can't be brought from generation {running} to {generation} for a fresh "
                f"run: {outcome.code}"
            )


def links_of(inventory: Inventory) -> HostLinks:
    """The links between its hosts, cut as it says."""
    match inventory.cuts:
        case "carried":
            return CarriedLinks()
        case "packets":
            return PacketLinks(inventory.limits.hold)
        case _:
            return NoCuts()


class HostCluster(PartialCluster, Uninstalls, Boots):
    """A `Target` of the hosts of an inventory. It keeps them as long as it is open."""

    _open: HostCluster | None = None

    def __init__(self, inventory: Inventory, lacks: Mapping[str, frozenset[str]], how: How) -> None:
        """`lacks` is what each node lacks. Nothing is touched before `begin`."""
        self._lacks, self._inventory = lacks, inventory
        nodes = {name: self._node(name) for name in inventory.hosts}
        links = links_of(inventory)
        missing = frozenset[str]().union(*lacks.values())
        super().__init__(nodes, links, missing, how, inventory.limits.quiet)
        self._ways = links
        self._hold = Hold(inventory)
        self._hosts = nodes
        self._booting = False
        self._hung = frozenset[Link]()
        #: Until when the nodes may wait on connections that hung.
        self._noticed_s = 0.0
        self._runs = 0
        self._trusted = False
        #: Nodes that a deployment alone need not bring to where a run begins: they keep tables.
        self._unusual: set[str] = set()

    # --- Reusable ------------------------------------------------------------------------------

    def passed(self) -> None:
        """The run passed: the next one needs no wipe."""
        self._trusted = True

    @property
    def used(self) -> bool:
        """Whether the next run has nodes as another one left them."""
        return self._trusted

    def renew(self) -> None:
        """The next run has wiped nodes."""
        self._trusted = False

    # --- Target --------------------------------------------------------------------------------

    async def begin(self, net: Net) -> None:
        """A fresh run. Nodes are wiped first if they are in doubt, or have served many runs."""
        await self._take()
        trusted, self._trusted = self._trusted, False
        self._runs += 1
        wiped = not trusted or self._runs % RUNS_BETWEEN_WIPES == 0
        if wiped:
            await self._wipe(net)
        try:
            await super().begin(net)
        except TransportError:
            raise
        except InvalidRunError:
            if wiped:
                raise
            await self._wipe(net)
            await super().begin(net)
        self._hold.check()

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """As any such cluster; but links that broke under the tester are its own trouble."""
        self._hold.check()
        await self._ways.keep()
        # Nobody has told the nodes that what hung is dead.
        more_s = max(0.0, self._noticed_s - asyncio.get_running_loop().time())
        found = await super().settle(net, control=control, limit_s=limit_s + more_s)
        self._hold.check()
        return found

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links; probed."""
        await super().set_cut(cut)
        if not self._hung <= cut:
            self._noticed_s = asyncio.get_running_loop().time() + self._inventory.limits.silence
        self._hung &= cut

    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link, with its connections open; probed."""
        await super().hang(link)
        self._hung |= {link}

    async def close(self) -> None:
        """Links whole, every node up again, the lock given back; nodes stay as they are."""
        if HostCluster._open is self:
            HostCluster._open = None
        try:
            await self._leave()
        finally:
            try:
                await super().close()
            finally:
                await self._hold.close()

    # --- plugins -------------------------------------------------------------------------------

    async def disable(self, node: str) -> Outcome:
        """As `Uninstalls`."""
        self._unusual.add(node)
        outcome = await deploying.disable(self.partial[node], PLUGIN)
        await self._still_cut()
        return outcome

    async def uninstall(self, node: str, *, confirmed: bool) -> Outcome:
        """As `Uninstalls`."""
        asked = self.partial[node]
        outcome = await deploying.uninstall(asked, PLUGIN, confirmed=confirmed, run_id=self.run_id)
        if outcome.row is not None:
            outcome = replace(outcome, row=asked.named(outcome.row))
        await self._still_cut()
        return outcome

    # --- the host itself -----------------------------------------------------------------------

    async def select(self, node: str, generation: int) -> Outcome:
        """As `Boots`."""
        self._unusual.add(node)
        return await super().select(node, generation)

    async def reboot(self, node: str) -> None:
        """By the host's own command; its node is started if it does not come by itself."""
        if self._booting and self.cut:
            raise FaultError("Two hosts that reboot at once hold no cut between them.")
        self._booting = True
        try:
            ahead_s = self._hosts[node].pace.ahead_s
            await booting.reboot(self._hosts[node], self._hold)
            self._hosts[node] = self.partial[node] = self.live[node] = self._node(node)
            async with self._cutting:
                await self._ways.again(node)
            await self._hosts[node].machine.booted()
            # Who undoes that has gone with the host.
            if ahead_s:
                await self.set_clock(node, ahead_s)
        except BootError as error:
            raise FaultError(f"{node} does not start any more: {error}") from None
        finally:
            self._booting = False
        await self.came_back((node,))

    def _node(self, name: str) -> HostNode:
        node = HostNode(self._inventory.hosts[name], self._inventory)
        node.lacks, node.usual = self._lacks[name], self.schema.usual
        node.watch = self._still_wrong
        return node

    # --- helpers -------------------------------------------------------------------------------

    async def _to(self, node: str, generation: int) -> None:
        """Bring a node to a generation; first to none, from where a deployment alone does not."""
        if node in self._unusual:
            await deploying.uninstall(self.partial[node], PLUGIN, confirmed=True)
            self._unusual.discard(node)
        await super()._to(node, generation)

    async def _look(self) -> None:
        """What another tester may have left: who is no member or not trusted, and kept tables."""
        if not {"members", "trust"} <= self.missing:
            self.away, self.distrusts = await told.pairs(self.partial)
        if {"plugins", "store.tables"}.isdisjoint(self.missing):
            for name, node in self.partial.items():
                if await node.running() == BARE and await node.stored_tables():
                    self._unusual.add(name)

    async def _leave(self) -> None:
        """Nodes that were killed run again, as far as they can still be reached."""
        if not self._hold.is_whole:
            return
        await self._right()
        for node in sorted(self.down):
            await self.live[node].machine.start()
        self.down = frozenset()

    async def _right(self) -> None:
        """Nothing is wrong on purpose on any host, but for its links."""
        for node in self._hosts.values():
            await node.machine.resume()
            await node.set_clock(0) if node.machine.held else None
        await self._stand_still(frozenset())

    async def _still_wrong(self) -> None:
        """What is wrong on purpose, on any host, has been so until now. Raises `FaultError`."""
        wrong = [node.machine for node in self._hosts.values() if node.machine.held]
        if wrong:
            await asyncio.gather(*(machine.check() for machine in wrong))

    async def _take(self) -> None:
        """The hosts are this target's: connected, locked, and with the links that it carries."""
        other = HostCluster._open
        if other is not None and other is not self:
            await other.close()
        HostCluster._open = self
        if self._hold.is_whole:
            return
        await self._links.close()
        await self._hold.close()
        await self._hold.open()
        await self._ways.open(self._inventory, self._hold.connections)
        self.cut, self._trusted = frozenset(), False

    async def _wipe(self, net: Net) -> None:
        """Links whole, applications started anew, and every table dropped on every node at once, so
        that nothing comes back from a peer; each as far as it can be done."""
        if self.cut:
            await self.set_cut(frozenset())
        await self._right()
        if "control" not in self.missing:
            await asyncio.gather(*map(self._start_anew, self.nodes))
        self.down = frozenset()
        await self._look()
        if "rollout" not in self.missing:
            bare = net.with_cut(()).deploy(net.nodes, BARE)
            nobody = frozenset[Link]()
            await super().begin(replace(bare, down=frozenset(), away=nobody, distrusts=nobody))

    async def _start_anew(self, node: str) -> None:
        machine = self.live[node].machine
        try:
            await machine.stop()
            await machine.start()
        except BootError as error:
            raise FaultError(f"{node} does not start any more: {error}") from None
