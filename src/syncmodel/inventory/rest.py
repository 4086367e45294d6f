"""Rest of nodes that may lack `sync.status`: by position, else by marker rows, else by quiet.

Marker rows: every node that takes writes is asked for a row more, and the system is at rest when
each node shows those of all whom it hears. Rows travel in the order of a node's log, over each link
and on through others, so what was there before a marker is there with it; views are read twice all
the same. Quiet is a guess: the nodes agree and nothing changed for a while; who never agree have
had all the time that there was.

Here is a place that waits a moment and looks again: such a node tells nobody when it has changed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

from syncmodel.inventory.node import PartialNode
from syncmodel.model.net import Net
from syncmodel.model.view import View
from syncmodel.targets.base import How, Settled, Unsettled
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.settling import Reading
from syncmodel.targets.settling import settle as by_position

FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.1

Nodes = Mapping[str, PartialNode]
Views = dict[str, View | None]


class Rest:
    """How rest of these nodes is seen: `how`, and after how long of quiet."""

    def __init__(self, how: How, quiet_s: float) -> None:
        self.how = how
        self._quiet_s = quiet_s
        self._run_id = f"syncmodel-marks-{secrets.token_hex(6)}"
        self._tick = 0

    async def settle(
        self, nodes: Nodes, net: Net, run_id: str, limit_s: float
    ) -> Settled | Unsettled:
        """Bring these nodes, which all run, to rest and read them."""
        match self.how:
            case How.POSITION:
                return await _positions(nodes, net, run_id, limit_s)
            case How.MARKERS:
                return await self._markers(nodes, net, run_id, limit_s)
            case How.QUIET:
                return await self._quiet(nodes, net, run_id, limit_s)

    async def _markers(
        self, nodes: Nodes, net: Net, run_id: str, limit_s: float
    ) -> Settled | Unsettled:
        pace = _Pace(limit_s)
        # A run of its own each time: what a node is asked for stays as small as it is.
        self._tick += 1
        marks_id = f"{self._run_id}-{self._tick}"
        names = {node: node for node in net.writers}
        unmarked = list(names)
        while True:
            # A marker whose answer was lost may be there: asked for again it is another row.
            done = await asyncio.gather(
                *(nodes[node].mark(marks_id, names[node]) for node in unmarked)
            )
            unmarked = [node for node, taken in zip(unmarked, done, strict=True) if not taken]
            late = f"{', '.join(unmarked)} takes no marker row" if unmarked else ""
            late = late or await _late(nodes, net, names, marks_id)
            if not late:
                views = await _views(nodes, run_id)
                if views == await _views(nodes, run_id):
                    return Settled(views, {}, How.MARKERS)
                late = "what the nodes show still changes"
            if pace.is_over:
                return Unsettled(late)
            for node in unmarked:
                names[node] += "'"
            await pace.wait()

    async def _quiet(
        self, nodes: Nodes, net: Net, run_id: str, limit_s: float
    ) -> Settled | Unsettled:
        loop, pace = asyncio.get_running_loop(), _Pace(limit_s)
        last, since_s = await _views(nodes, run_id), loop.time()
        while True:
            views = await _views(nodes, run_id)
            if views != last:
                last, since_s = views, loop.time()
            is_quiet = loop.time() - since_s >= self._quiet_s
            if is_quiet and (_agree(views, net) or pace.is_over):
                return Settled(views, {}, How.QUIET)
            if pace.is_over:
                return Unsettled("what the nodes show still changes")
            await pace.wait()


async def _late(nodes: Nodes, net: Net, names: Mapping[str, str], marks_id: str) -> str:
    """Who has not seen whose marker; empty where nobody is behind."""
    seen = await asyncio.gather(*(nodes[node].marks(marks_id) for node in net.carriers))
    marks = dict(zip(net.carriers, seen, strict=True))
    behind = [
        f"{b} has not seen what {a} wrote last"
        for a, b in sorted(net.flow)
        if a in names and names[a] not in marks[b]
    ]
    return "; ".join(behind)


class _Pace:
    """Pauses that grow, until a limit."""

    def __init__(self, limit_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._until_s = self._loop.time() + limit_s
        self._pause_s = FIRST_PAUSE_S

    @property
    def is_over(self) -> bool:
        return self._loop.time() >= self._until_s

    async def wait(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


async def _positions(nodes: Nodes, net: Net, run_id: str, limit_s: float) -> Settled | Unsettled:
    live: dict[str, LiveNode] = dict(nodes)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + limit_s
    found = await by_position(live, net, run_id, limit_s)
    while any("state.position" in node.lacks for node in nodes.values()):
        if not isinstance(found, Reading):
            break
        # Nobody says at which position a view was read: it counts if nothing moved around it.
        before = await _stand(nodes)
        found = await by_position(live, net, run_id, max(0.0, until_s - loop.time()))
        if await _stand(nodes) == before:
            break
        if loop.time() >= until_s:
            return Unsettled("the nodes' logs grew while their states were read")
    return Settled(found.views) if isinstance(found, Reading) else found


async def _stand(nodes: Nodes) -> dict[str, tuple[str, int]]:
    seen = await asyncio.gather(*(node.standing() for node in nodes.values()))
    return {name: (at.log_id, at.position) for name, at in zip(nodes, seen, strict=True)}


async def _views(nodes: Nodes, run_id: str) -> Views:
    found = await asyncio.gather(*(node.view(run_id) for node in nodes.values()))
    return {name: view for name, (view, _) in zip(nodes, found, strict=True)}


def _agree(views: Views, net: Net) -> bool:
    """Whether those who learn all from each other show the same rows, in whatever order."""
    for circle in net.circles:
        shown = [views[node] for node in circle]
        if any(_rows(one) != _rows(shown[0]) for one in shown):
            return False
    return True


def _rows(view: View | None) -> frozenset[object] | None:
    return None if view is None else frozenset(view.rows)
