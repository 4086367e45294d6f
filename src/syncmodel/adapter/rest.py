"""Ways to know that a system is at rest, by what its author can say of it.

`pull`: the nodes do not talk by themselves, and the tester carries. `position`: how far each node
has applied each log. `mark` and `marks`: a number that is written after everything else, and seen
after it. Else `quiet_s`: nothing changed for a while, which is a guess, and told as one.

Here is the only place that waits a moment and looks again: a system that is not ours tells nobody
when it has changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from syncmodel.model.net import Link, Net
from syncmodel.model.view import View
from syncmodel.targets.base import How, Settled, Unsettled

if TYPE_CHECKING:
    from syncmodel.adapter.base import Adapter


class Rest(Enum):
    """The way, named by the author's method."""

    PULL = "pull"
    POSITION = "position"
    MARK = "mark"
    QUIET = "quiet_s"


async def settle(adapter: Adapter, rest: Rest, net: Net, limit_s: float) -> Settled | Unsettled:
    """Bring the nodes to rest and read them there."""
    until_s = time.monotonic() + limit_s
    last: Mapping[str, View | None] | None = None
    since_s = time.monotonic()
    try:
        if rest is Rest.MARK:
            for node in net.up:
                await adapter.call(adapter.mark, node, adapter.tick)
        while True:
            late = await _late(adapter, rest, net, until_s)
            if not late:
                views = {node: await adapter.read(node) for node in net.up}
                if views != last:
                    last, since_s = views, time.monotonic()
                quiet = time.monotonic() - since_s >= adapter.quiet_s
                if quiet and not await _late(adapter, rest, net, until_s):
                    how = How.QUIET if rest is Rest.QUIET else How.POSITION
                    return Settled(views, {}, how)
                late = "what they show still changes"
            if time.monotonic() >= until_s:
                return Unsettled(late)
            if adapter.waits:
                await asyncio.sleep(adapter.poll_s)
    except (ConnectionError, TimeoutError, FileNotFoundError) as error:
        return Unsettled(f"a node does not answer: {error or type(error).__name__}")


async def _late(adapter: Adapter, rest: Rest, net: Net, until_s: float) -> str:
    """Who is behind whom; empty where nobody is."""
    match rest:
        case Rest.PULL:
            return await _pulled(adapter, net, until_s)
        case Rest.POSITION:
            stands = {n: dict(await adapter.call(adapter.position, n)) for n in net.up}
            behind = [(a, b) for a, b in _heard(net) if _is_behind(stands[b], _own(net, a, stands))]
        case Rest.MARK:
            seen = {n: dict(await adapter.call(adapter.marks, n)) for n in net.up}
            behind = [(a, b) for a, b in _heard(net) if seen[b].get(a, 0) < adapter.tick]
        case Rest.QUIET:
            behind = []
    return "; ".join(f"{b} is behind {a}" for a, b in behind)


async def _pulled(adapter: Adapter, net: Net, until_s: float) -> str:
    """Carry along every link until `pull` says of all of them that nothing is left; where it says
    nothing, as many rounds as there are nodes."""
    rounds = 0
    while True:
        said = {link: await adapter.call(adapter.pull, *link) for link in net.connected}
        left = [link for link, more in said.items() if more]
        rounds += 1
        if not left and (None not in said.values() or rounds >= len(net.up)):
            return ""
        if left and time.monotonic() >= until_s:
            return "; ".join(f"{b} still takes from {a}" for a, b in left)


def _heard(net: Net) -> list[Link]:
    """The links over which something must come: of a node that hands nothing on, what it wrote."""
    return [link for link in net.connected if net.passes_on or net.writes(link[0])]


def _own(net: Net, node: str, stands: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the node has to give: all that it has, or what is not the log of another one."""
    if net.passes_on:
        return stands[node]
    return {log: at for log, at in stands[node].items() if log == node or log not in net.nodes}


def _is_behind(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(log not in own or own[log] < position for log, position in other.items())
