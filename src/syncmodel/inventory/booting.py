"""A host reboots, by its own command, and is ours again: connected and locked.

That it went down is seen by the connection that holds its lock, which ends. Not here: what then
becomes of its node and its links (`cluster`).
"""

from __future__ import annotations

import asyncio
import contextlib

from syncmodel.errors import FaultError, InvalidRunError, TransportError
from syncmodel.inventory.hold import Hold
from syncmodel.inventory.host import HostNode

#: Between two attempts to log in.
PAUSE_S = 0.2


async def reboot(node: HostNode, hold: Hold) -> None:
    """Returns when the host has let us in again. Raises `FaultError` if it did not."""
    limits, command = node.inventory.limits, node.host.commands["reboot"]
    # The way may end before the command does.
    said = "nothing"
    with contextlib.suppress(TransportError):
        _, said = await node.shell(command, limits.connect)
    await node.retire()
    try:
        async with asyncio.timeout(limits.boot):
            await hold.connections[node.name].wait_closed()
            await _again(node.name, hold)
    except TimeoutError:
        raise FaultError(
            f"{node.name} was to reboot, and did not let us in again within {limits.boot:g} s: "
            f"`{command}` said {said[-300:]} (see `boot` under [limits])."
        ) from None


async def _again(name: str, hold: Hold) -> None:
    while True:
        try:
            await hold.again(name)
        except InvalidRunError:
            await asyncio.sleep(PAUSE_S)
        else:
            return
