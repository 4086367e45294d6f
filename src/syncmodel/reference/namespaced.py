"""The cluster of machines in namespaces: real sshd, real packets, on one Linux machine.

It is the embedded cluster on other machines, with other links: everything else is the same code.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from attrs import frozen

from syncmodel.errors import FaultError, UsageError
from syncmodel.faults.routed_links import RoutedLinks
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.pace import Pace
from syncmodel.reference import space_needs
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.filled import LENGTHS, UNREADABLE, Asked, Meanwhile
from syncmodel.reference.machines.local import LocalCluster, LocalMachines
from syncmodel.reference.machines.namespaces import RELAY_PORT, NamespaceCluster, NamespaceMachines
from syncmodel.steps.clocks import DriftsClocks
from syncmodel.steps.disks import FillsDisks, SlowsDisks, lost
from syncmodel.steps.packets import ImpairsLinks
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.live_node import LiveNode

#: How exactly nodes show their clocks, seconds.
EXACT_S = 0.002


@frozen
class Reading:
    """What a node's clock showed between two moments of ours; all are Unix seconds."""

    before_s: float
    shown_s: float
    after_s: float


class NamespacedCluster(EmbeddedCluster, ImpairsLinks, FillsDisks, SlowsDisks, DriftsClocks):
    """A `Target` of machines n1, n2, ... in namespaces."""

    MACHINES: ClassVar[type[LocalMachines]] = NamespaceMachines

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """As `EmbeddedCluster`. Raises `UsageError` where there can be no such machines."""
        if lacking := space_needs.lacking():
            raise UsageError(f"Machines in namespaces need {'; '.join(lacking)}.")
        super().__init__(count, bugs)
        self._routed: RoutedLinks
        self._meanwhile: list[Meanwhile] = []
        self._slow: set[str] = set()

    async def begin(self, net: Net) -> None:
        self._meanwhile.clear()
        slow = self._slow.copy() if self.used else ()
        self._slow.clear()
        for node in slow:
            await self._hold_up(node, 0)
        await super().begin(net)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Also: whether what came while a disk was full is there now. Raises `DivergenceFound`."""
        found = await super().settle(net, control=control, limit_s=limit_s)
        if isinstance(found, Unsettled):
            return found
        try:
            wrong = [await one.lacking(self.live, net) for one in self._meanwhile]
        except UNREADABLE as error:
            return Unsettled(f"a node does not answer: {error}")
        self._meanwhile.clear()
        lacks = [lost(node, what) for one in wrong for node, what in sorted(one.items())]
        if lacks:
            raise DivergenceFound(tuple(lacks))
        return found

    async def impair(self, link: Link, wrong: str) -> None:
        """Have this wrong with the line of a link; probed by datagrams."""
        async with self._cutting:
            await self._routed.impair(link, wrong)

    async def fill_disk(self, node: str, *, killed: bool) -> Outcome:
        """The disk of its store is memory of a fixed size, which the machine itself fills."""
        machine, asked = self._running.machines[node], Asked(self.live[node])
        others = [one for one in self.nodes if one not in {node} | self.down | self.paused]
        try:
            if await machine.fill_disk():
                raise FaultError(f"The disk of {node} was filled, and has room.")
            # What comes from its peers it can't store either, and must get again.
            came = {one: Asked(self.live[one]) for one in others}
            await asyncio.gather(*(one.ask(LENGTHS[:1]) for one in came.values()))
            self._meanwhile.append(Meanwhile(node, came))
            await asked.ask()
            if killed:
                await self.crash(node)
        finally:
            if not await machine.free_disk():
                raise FaultError(f"The disk of {node} was freed, and has no room.")
        if killed:
            await self.restart(node)
        return await asked.judged()

    async def slow_disk(self, node: str, delay_ms: int) -> None:
        """The kernel says whether writes are held up, and one is timed."""
        loop = asyncio.get_running_loop()
        self._slow.add(node)
        await self._hold_up(node, delay_ms)
        began_s = loop.time()
        await Asked(self.live[node]).ask(LENGTHS[:1])
        if (took_ms := (loop.time() - began_s) * 1000) < delay_ms:
            raise FaultError(f"The disk of {node} was made slow, and a row took {took_ms:.0f} ms.")

    async def _hold_up(self, node: str, delay_ms: int) -> None:
        if await self._running.machines[node].slow_disk(delay_ms) != bool(delay_ms):
            raise FaultError(f"The disk of {node} was to be {'slow' if delay_ms else 'quick'}.")

    async def drift(self, node: str, percent: int) -> None:
        """The node itself shows that."""
        machine, live = self._running.machines[node], self.live[node]
        await live.keeps(Pace(0, percent, time.time()), machine.drift(percent))
        await keeps_pace(live, percent)

    async def _lay(self, local: LocalCluster) -> Mapping[Link, str]:
        assert isinstance(local, NamespaceCluster)
        await local.start()
        first = {name: addresses[0] for name, addresses in local.addresses.items()}
        self._routed = links = RoutedLinks(first, RELAY_PORT, local)
        self._links = links
        await links.open()
        return {}

    def _seen(self) -> str:
        pid = None if self._machines is None else self._machines.pid
        return "" if pid is None else f"/proc/{pid}/root"

    def _entered(self) -> Sequence[str]:
        pid = None if self._machines is None else self._machines.pid
        if pid is None:
            return ()
        user = [f"--user=/proc/{pid}/ns/user", "--preserve-credentials"]
        mine = [] if os.geteuid() == 0 else user
        return ("nsenter", *mine, f"--net=/proc/{pid}/ns/net")


async def keeps_pace(live: LiveNode, percent: int) -> None:
    """Read the node's clock until no other pace would show that; the paces are those of `GAINS`.

    Raises `FaultError` if it is not this one.
    """
    first = last = await _read(live)
    least_s = most_s = 0.0
    # What shows after so long at one pace must be apart from what shows at the next.
    while 2 * least_s - most_s <= 2 * EXACT_S or least_s <= 2 * EXACT_S:
        last = await _read(live)
        least_s, most_s = last.before_s - first.after_s, last.after_s - first.before_s
    gained_s, factor = last.shown_s - first.shown_s, 1 + percent / 100
    from_s, to_s = max(0.0, factor * least_s - EXACT_S), factor * most_s + EXACT_S
    if not from_s <= gained_s <= to_s:
        raise FaultError(
            f"The clock of {live.name} was to gain {percent} %: it should have gone on by "
            f"{from_s:.3f} to {to_s:.3f} s, and it went on by {gained_s:.3f} s."
        )


async def _read(live: LiveNode) -> Reading:
    before_s = time.time()
    shown_s = float((await live.admin("cluster_status"))["now_s"])
    return Reading(before_s, shown_s, time.time())
