"""The control plane of live nodes, once they have no connection to who is no member.

A connection ends some time after its cluster was told of it: who has closed it may stand still
before the other end hears of that, or its packets are lost, so that it ends by the silence.
Nothing says that it has but the lists of nodes, so these are asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from syncmodel.model.members import strangers
from syncmodel.model.net import Net
from syncmodel.model.view import ControlView
from syncmodel.targets.live_node import LiveNode

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.1


async def control(
    nodes: Mapping[str, LiveNode], net: Net, deadline_s: float
) -> dict[str, ControlView]:
    """What these nodes say. Until the deadline, on the loop's clock, those with a connection that
    must end are asked again."""
    loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
    seen: dict[str, ControlView] = {}
    asked = list(nodes)
    while asked:
        views = await asyncio.gather(*(nodes[name].control() for name in asked))
        seen |= dict(zip(asked, views, strict=True))
        asked = [name for name in asked if _connected(net, name, seen[name])]
        if asked and loop.time() > deadline_s:
            break
        if asked:
            # Paced, not waited out: there is no signal when a connection has ended.
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return {name: seen[name] for name in nodes}


def _connected(net: Net, node: str, view: ControlView) -> bool:
    return view.members is not None and bool(strangers(net, node, view.members))
