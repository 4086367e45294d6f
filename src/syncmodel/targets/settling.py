"""Rest, observed by log identity and position; no sleeps, and no time limit in a passing run.

A system is at rest when every link that is up is connected and its receiving node has applied the
sender's log up to its end. A state counts only if it was read at the position that was seen then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.view import View
from syncmodel.targets.base import Unsettled
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.standing import Standing

#: One long poll at most; then the goals are computed again.
POLL_LIMIT_S = 2.0

Goals = dict[str, dict[str, tuple[str, int]]]


@frozen
class Reading:
    """The views of a system at rest."""

    views: Mapping[str, View | None]


def unreached(net: Net, seen: Mapping[str, Standing]) -> Goals:
    """For each node that is behind: its peers' logs and positions that it has yet to reach."""
    goals: Goals = {}
    for sender, receiver in net.connected:
        log = seen[sender]
        heard = seen[receiver].peers.get(sender)
        there = (
            heard is not None
            and heard.connected
            and heard.log_id == log.log_id
            and heard.applied >= log.position
        )
        if not there:
            goals.setdefault(receiver, {})[sender] = (log.log_id, log.position)
    return goals


async def settle(
    nodes: Mapping[str, LiveNode], net: Net, run_id: str, limit_s: float
) -> Reading | Unsettled:
    """Bring the system to rest and read every node that runs.

    Returns `Unsettled` if it still is not at rest after `limit_s` seconds.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + limit_s
    seen = await _ask(nodes, {name: {} for name in net.up}, 0.0)
    while True:
        goals = unreached(net, seen)
        left_s = deadline_s - loop.time()
        if goals and left_s <= 0:
            return Unsettled(_words(goals, seen))
        if goals:
            seen |= await _ask(nodes, goals, min(left_s, POLL_LIMIT_S))
            if unreached(net, seen):
                # What a node waited for may be behind where others are by now.
                seen |= await _ask(nodes, {n: {} for n in net.up if n not in goals}, 0.0)
            continue
        views, moved = await _read(nodes, seen, run_id)
        if not moved:
            return Reading(views)
        if left_s <= 0:
            return Unsettled(f"{', '.join(moved)} took in more while their states were read")
        seen |= await _ask(nodes, {name: {} for name in moved}, 0.0)


async def _ask(
    nodes: Mapping[str, LiveNode], goals: Mapping[str, dict[str, tuple[str, int]]], limit_s: float
) -> dict[str, Standing]:
    """Where these nodes stand, all asked at once."""
    asked = [nodes[name].standing(wanted, limit_s) for name, wanted in goals.items()]
    return dict(zip(goals, await asyncio.gather(*asked), strict=True))


async def _read(
    nodes: Mapping[str, LiveNode], seen: Mapping[str, Standing], run_id: str
) -> tuple[dict[str, View | None], list[str]]:
    """The views of these nodes, and the names of those that moved on since they were seen."""
    found = await asyncio.gather(*(nodes[name].view(run_id) for name in seen))
    views = {name: view for name, (view, _) in zip(seen, found, strict=True)}
    moved = [
        name
        for name, (_, at) in zip(seen, found, strict=True)
        if at is not None and at != (seen[name].log_id, seen[name].position)
    ]
    return views, moved


def _words(goals: Goals, seen: Mapping[str, Standing]) -> str:
    """Which node is behind which, and by how much."""
    parts = []
    for receiver, wanted in goals.items():
        for sender, (_, position) in wanted.items():
            heard = seen[receiver].peers.get(sender)
            if heard is None or not heard.connected:
                parts.append(f"{receiver} is not connected to {sender}")
            else:
                parts.append(f"{receiver} has applied {heard.applied} of {sender}'s {position}")
    return "; ".join(parts)
