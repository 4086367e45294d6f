"""From which address a host's connections arrive at another one, as that one sees it.

The kernel of the dialling host says by which address it sends; what translates addresses on the way
(NAT) shows at the other end alone.
"""

from __future__ import annotations

import re
import shlex
from ipaddress import ip_address

from syncmodel.inventory import packets
from syncmodel.inventory.checks import Check, degraded, missing
from syncmodel.inventory.host import HostNode
from syncmodel.inventory.links import dialled
from syncmodel.inventory.reading import Place, is_address

DIAL_S = 3.0
#: Others dial too: where more came at once, it is looked for again.
LOOKS = 3
_LISTING_S = 10.0


def arrives(to: HostNode, place: Place) -> Check:
    """Whether a host gets through to this place of another one, and as whom."""

    async def check(node: HostNode) -> str:
        came = await _source(node, to, place)
        route = await _route(node, place)
        own = {_canonical(one.host) for one in node.host.relay}
        # What a name stands for is not ours to say.
        named = not all(map(is_address, own))
        if (told := came or route) and told not in own and not named:
            raise degraded(
                f"it does, from {told}, which is none of its own addresses in the inventory: "
                + (
                    "add it to `relay`, as a cut must name it"
                    if told == route
                    else f"something on the way translates them (NAT), as it sends from "
                    f"{route or 'another one'}; a cut by packets would miss it"
                )
            )
        if came is None:
            sent = f"; it sends from {route}" if route else ""
            raise degraded(
                f"it does, and from which address it arrives is not known{sent}: {to.name} does "
                f"not list its connections, or not this one (`ss` is of iproute2)"
            )
        return f"it does, and arrives from {came}"

    return check


async def _source(node: HostNode, to: HostNode, place: Place) -> str | None:
    """The address; None where the other host does not tell.

    Raises `BadError` where it does not get through.
    """
    for _ in range(LOOKS):
        before = await _callers(to, place.port)
        async with dialled(node.connection, place, DIAL_S) as through:
            if not through:
                raise missing("it can't: see the relay there, and firewalls")
            if before is None:
                return None
            after = await _callers(to, place.port)
        new = {caller.host for caller in (after or before) - before}
        if len(new) == 1:
            return _canonical(new.pop())
    return None


async def _callers(to: HostNode, port: int) -> set[Place] | None:
    """Who is connected to this port of the host; None where it does not tell."""
    code, said = await to.shell(packets.listing(f"'sport = :{port}'"), _LISTING_S)
    try:
        return {there for _, there in packets.ends(said)} if code == 0 else None
    except ValueError:
        return None


async def _route(node: HostNode, place: Place) -> str | None:
    """By which address the host's kernel sends there, as far as that is known."""
    _, said = await node.shell(f"ip route get {shlex.quote(place.host)}", _LISTING_S)
    found = re.search(r"\bsrc (\S+)", said)
    return None if found is None else _canonical(found[1])


def _canonical(host: str) -> str:
    return str(ip_address(host)) if is_address(host) else host
