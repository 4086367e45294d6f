"""What administrators tell live nodes: who is a member, and whom to trust.

Telling a node twice changes nothing, so a request that may have got lost is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

TRIES = 2


async def tell(nodes: Iterable[LiveNode], method: str, about: str) -> Outcome:
    """Tell these nodes, all at once, about one; the first that did not do it is the outcome."""
    outcomes = await asyncio.gather(*(_tell(node, method, about) for node in nodes))
    return next((outcome for outcome in outcomes if not outcome.ok), accepted())


async def _tell(node: LiveNode, method: str, about: str) -> Outcome:
    lost = ""
    for _ in range(TRIES):
        try:
            await node.admin(method, {"node": about})
        except AdminError as error:
            return refused(error.code)
        except Unreachable:
            return refused("unreachable")
        except Indefinite as error:
            lost = str(error)
            continue
        return accepted()
    return unknown(lost)
