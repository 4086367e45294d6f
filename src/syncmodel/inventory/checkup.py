"""What `syncmodel doctor` asks of all hosts of an inventory, in order.

Every check ends in one line: ok, degraded (what goes without it) or missing (what to do). A check
that can't be made since an earlier one failed is left out. Nodes are not disturbed, unless that is
asked for: then each is killed and started. What is asked of one host is in `checks`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from syncmodel.errors import FaultError, InvalidRunError, UsageError
from syncmodel.inventory import capabilities, kinds
from syncmodel.inventory.arriving import DIAL_S, arrives
from syncmodel.inventory.checks import (
    DISTURBING,
    NEEDED,
    ON_HOST,
    Check,
    Health,
    Line,
    line_of,
    log_in,
    missing,
    ms,
)
from syncmodel.inventory.cluster import links_of
from syncmodel.inventory.file import Inventory
from syncmodel.inventory.hold import Hold
from syncmodel.inventory.host import HostNode
from syncmodel.inventory.links import dials
from syncmodel.inventory.packets import PacketLinks
from syncmodel.inventory.reading import Place
from syncmodel.model.net import Link
from syncmodel.targets.base import How

SHORT_S, SELF_HEAL_S = 3, 20.0


async def examine(inventory: Inventory, *, disturb: bool = False) -> AsyncIterator[Line]:
    """Each line as soon as it is known. Where a host lets nobody in, or another tester is, nothing
    more is asked."""
    nodes = [HostNode(host, inventory) for host in inventory.hosts.values()]
    hold = Hold(inventory)
    try:
        first = [await line_of(node, "login", log_in) for node in nodes]
        if all(line.health is not Health.MISSING for line in first):
            first.append(await _lock(hold))
        for line in first:
            yield line
        if first[-1].about == "lock" and first[-1].health is not Health.MISSING:
            async for line in _whole(hold, nodes, disturb=disturb):
                yield line
    finally:
        await hold.close()
        for node in nodes:
            await node.close()


async def _whole(hold: Hold, nodes: list[HostNode], *, disturb: bool) -> AsyncIterator[Line]:
    """Each host, the ways between them, and all together; they are ours alone."""
    for left in hold.left:
        yield Line(Health.DEGRADED, "left over", f"{left}; the next run wipes what it left")
    able: list[HostNode] = []
    for node in nodes:
        async for line in _host(node, disturb=disturb, able=able):
            yield line
    async for line in _mesh(nodes, able):
        yield line
    if len(able) == len(nodes):
        inventory = nodes[0].inventory
        yield await _cuts(inventory, hold)
        for one in sorted(kinds.without_links(inventory) - {"cuts"}):
            told = f"lacking: {capabilities.WITHOUT[one]}; see `cuts` in docs/hosts.md"
            yield Line(Health.DEGRADED, one, told)
        yield _rest(inventory, able)


async def _host(node: HostNode, *, disturb: bool, able: list[HostNode]) -> AsyncIterator[Line]:
    """One host, and its node; who can take part in runs joins `able`."""
    for name, check in ON_HOST:
        line = await line_of(node, name, check)
        yield line
        if line.health is Health.MISSING and name in NEEDED:
            return
    for one in sorted(node.lacks - {"links"}, key=list(capabilities.WITHOUT).index):
        yield Line(Health.DEGRADED, f"{node.name} {one}", f"lacking: {capabilities.WITHOUT[one]}")
    if disturb:
        for name, check in DISTURBING:
            yield await line_of(node, name, check)
    able.append(node)


async def _lock(hold: Hold) -> Line:
    try:
        await hold.open()
    except InvalidRunError as error:
        return Line(Health.MISSING, "lock", str(error))
    if hold.unlocked:
        told = f"{', '.join(hold.unlocked)} lack flock, so a second tester is not kept out"
        return Line(Health.DEGRADED, "lock", f"{told}: install util-linux")
    return Line(Health.OK, "lock", "no other tester is there")


async def _mesh(nodes: list[HostNode], able: list[HostNode]) -> AsyncIterator[Line]:
    """Each address of each node, dialled from each peer; carried links are dialled at home."""
    for to in nodes:
        carried = to.inventory.cuts == "carried"
        for place in to.host.relay:
            for dialler in able:
                if (dialler is to) is carried:
                    name = f"dials {to.name} at {place}"
                    check = _at_home(place) if carried else arrives(to, place)
                    yield await line_of(dialler, name, check)


def _at_home(place: Place) -> Check:
    async def check(node: HostNode) -> str:
        if not await dials(node.connection, place, DIAL_S):
            raise missing("it can't: see the relay there, and firewalls")
        return "its relay is there"

    return check


def _rest(inventory: Inventory, nodes: list[HostNode]) -> Line:
    lacks = frozenset[str]().union(*(node.lacks for node in nodes))
    try:
        how = capabilities.how_rest(lacks, inventory.rest)
    except UsageError as error:
        return Line(Health.MISSING, "rest", str(error))
    health = Health.OK if how is How.POSITION else Health.DEGRADED
    return Line(health, "rest", f"it is seen by this: {how.value}")


async def _cuts(inventory: Inventory, hold: Hold) -> Line:
    if inventory.cuts == "none":
        return Line(Health.DEGRADED, "cuts", "no partitions: see `cuts` in docs/hosts.md")
    links = links_of(inventory)
    link = (inventory.nodes[0], inventory.nodes[1])
    try:
        await links.open(inventory, hold.connections)
        started = time.perf_counter()
        await links.set_cut(frozenset({link}))
        await links.set_cut(frozenset())
        took = time.perf_counter() - started
        by_itself = await _heals(inventory, hold, link) if inventory.cuts == "packets" else ""
    except InvalidRunError as error:
        return Line(Health.MISSING, "cuts", str(error))
    finally:
        await links.close()
    told = f"{' -> '.join(link)} was cut, probed and healed in {ms(took)}"
    return Line(Health.OK, "cuts", told + by_itself)


async def _heals(inventory: Inventory, hold: Hold, link: Link) -> str:
    """Whether a cut that nobody renews ends by itself. Raises `FaultError`."""
    links = PacketLinks(timeout_s=SHORT_S)
    place = inventory.hosts[link[0]].relay[0]
    started = time.perf_counter()
    try:
        await links.open(inventory, hold.connections)
        await links.set_cut(frozenset({link}))
        while not await dials(hold.connections[link[1]], place, DIAL_S):
            if time.perf_counter() - started > SELF_HEAL_S:
                raise FaultError(f"A cut of {SHORT_S} s lasts after {SELF_HEAL_S} s.")
            await asyncio.sleep(0.1)
    finally:
        await links.close()
    return f"; one that nobody renewed ended after {ms(time.perf_counter() - started)}"


async def lines(inventory: Inventory, say: Callable[[Line], None], *, disturb: bool) -> Health:
    """Say each line; the worst of them."""
    order = list(Health)
    worst = Health.OK
    async for line in examine(inventory, disturb=disturb):
        say(line)
        worst = max(worst, line.health, key=order.index)
    return worst


def run(inventory: Inventory, say: Callable[[Line], None], *, disturb: bool = False) -> Health:
    """The same, for who has no event loop."""
    return asyncio.run(lines(inventory, say, disturb=disturb))
