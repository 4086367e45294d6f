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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from syncmodel.adapter.answers import Refused, Unknown
from syncmodel.model.net import Link, Net
from syncmodel.model.view import View
from syncmodel.targets.base import How, Settled, Unsettled

if TYPE_CHECKING:
    from syncmodel.adapter.base import Adapter


Answer = TypeVar("Answer")

#: What a node that need not answer may raise instead.
NO_ANSWER = (Refused, Unknown, ConnectionError, TimeoutError)


class Rest(Enum):
    """The way, named by the author's method."""

    PULL = "pull"
    POSITION = "position"
    MARK = "mark"
    QUIET = "quiet_s"


async def settle(adapter: Adapter, rest: Rest, net: Net, limit_s: float) -> Settled | Unsettled:
    """Bring the nodes to rest and read them there. Who refuses to say how far it is, or what it
    shows, is asked again."""
    until_s = time.monotonic() + limit_s
    last: Mapping[str, View] | None = None
    since_s = time.monotonic()
    unmarked = _to_mark(rest, net)
    try:
        while True:
            took = await _each(adapter, unmarked, partial(_marked, adapter))
            unmarked = [node for node, marked in took.items() if not marked]
            try:
                late = f"{', '.join(unmarked)} takes no mark" if unmarked else ""
                late = late or await _late(adapter, rest, net, until_s)
                if not late:
                    views = await _views(adapter, net)
                    same = views == last
                    if not same:
                        last, since_s = views, time.monotonic()
                    quiet = time.monotonic() - since_s >= adapter.quiet_s
                    if quiet and (same or not adapter.unanswered):
                        how = How.QUIET if rest is Rest.QUIET else How.POSITION
                        return Settled(views, {}, how)
                    # A request that nobody answered may have landed between two of these looks. If
                    # all show the same after the next rest, it had not.
                    adapter.tick += 1
                    unmarked = _to_mark(rest, net)
                    late = "what they show still changes"
            except (Refused, Unknown) as answer:
                late = f"a node does not answer: {answer}"
            if time.monotonic() >= until_s:
                return Unsettled(late)
            if adapter.waits:
                await asyncio.sleep(adapter.poll_s)
    except (ConnectionError, TimeoutError, FileNotFoundError) as error:
        return Unsettled(f"a node does not answer: {error or type(error).__name__}")


def _to_mark(rest: Rest, net: Net) -> list[str]:
    """Who is to write a mark."""
    return [n for n in net.up if net.must_answer(n)] if rest is Rest.MARK else []


async def _marked(adapter: Adapter, node: str) -> bool:
    """Whether the node took the mark. Where a quorum decides it may not yet."""
    try:
        await adapter.call(adapter.mark, node, adapter.tick)
    except (Refused, Unknown):
        return False
    return True


async def _views(adapter: Adapter, net: Net) -> dict[str, View]:
    """What each node shows; one that may lack a quorum may show nothing."""
    found = dict[str, View]()
    for node, rows in (await adapter.ask_each(adapter.rows, net.up, adapter.prefix)).items():
        try:
            if isinstance(rows, BaseException):
                raise rows
            found[node] = adapter.view_of(rows)  # a generator may be asked only here
        except NO_ANSWER:
            if net.must_answer(node):
                raise
    return found


async def _asked(
    adapter: Adapter, method: Callable[[str], Any], nodes: Sequence[str]
) -> dict[str, Any]:
    """What each of them says. Raises what the first one raised that could not say it."""
    found = await adapter.ask_each(method, nodes)
    for answer in found.values():
        if isinstance(answer, BaseException):
            raise answer
    return found


async def _each(
    adapter: Adapter, nodes: Sequence[str], ask: Callable[[str], Awaitable[Answer]]
) -> dict[str, Answer]:
    """What each node answers: all are asked at the same time where their answers are waited for. If
    one can't be asked, the others are still waited for."""
    if not adapter.waits:
        return {node: await ask(node) for node in nodes}
    found = dict[str, Answer]()
    answers = await asyncio.gather(*map(ask, nodes), return_exceptions=True)
    for node, answer in zip(nodes, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        found[node] = answer
    return found


async def _late(adapter: Adapter, rest: Rest, net: Net, until_s: float) -> str:
    """Who is behind whom; empty where nobody is."""
    match rest:
        case Rest.PULL:
            return await _pulled(adapter, net, until_s)
        case Rest.POSITION:
            links = _heard(net)
            said = await _asked(adapter, adapter.position, _ends(links))
            stands = {node: dict(position) for node, position in said.items()}
            behind = [(a, b) for a, b in links if _is_behind(stands[b], _own(net, a, stands))]
        case Rest.MARK:
            links = _heard(net)
            seen = await _asked(adapter, adapter.marks, _ends(links))
            behind = [(a, b) for a, b in links if dict(seen[b]).get(a, 0) < adapter.tick]
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
    """The links over which something must come: of a node that hands nothing on, what it wrote;
    where a quorum decides, among those that must have it."""
    links = net.whole.connected if net.quorum else net.connected
    return [link for link in links if net.passes_on or net.writes(link[0])]


def _ends(links: list[Link]) -> list[str]:
    """The nodes that these links join."""
    return sorted({node for link in links for node in link})


def _own(net: Net, node: str, stands: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the node has to give: all that it has, or what is not the log of another one."""
    if net.passes_on:
        return stands[node]
    return {log: at for log, at in stands[node].items() if log == node or log not in net.nodes}


def _is_behind(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(log not in own or own[log] < position for log, position in other.items())
