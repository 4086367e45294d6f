"""Admin requests that live nodes must not carry out: made, or taken from what was sent before."""

from __future__ import annotations

from collections.abc import Mapping

from syncmodel.model.outcome import Outcome, refused, unknown
from syncmodel.steps.misused import QUESTION, REPLAYED, Misuses, params
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.patience import Patience
from syncmodel.targets.wire import PLUGIN
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable


class MisusesLive(Misuses):
    """The ability of live nodes."""

    live: Mapping[str, LiveNode]
    nodes: tuple[str, ...]
    _patience: Patience

    async def misuse(self, node: str, variant: str, method: str) -> Outcome:
        """One request, and its answer."""
        peer = self.live[next((name for name in self.nodes if name != node), node)]
        asking = misuse(self.live[node], peer.pubkey, variant, method)
        return await self._patience.outcome(node, asking)


async def misuse(node: LiveNode, peer: str, variant: str, method: str) -> Outcome:
    """One request to a node; `peer` is the key of another one."""
    if variant == REPLAYED:
        return await _replay(node, method)
    asked = dict(params(method, PLUGIN, peer))
    return await node.misuse(lambda client: client.forged(method, asked, variant, peer))


async def _replay(node: LiveNode, method: str) -> Outcome:
    sent = node.took.get(method)
    if sent is None:
        try:
            await node.admin(QUESTION)
        except Unreachable:
            return refused("unreachable")
        except AdminError as error:
            return refused(error.code)
        except Indefinite as error:
            return unknown(str(error))
        sent = node.took[QUESTION]
    taken = sent
    return await node.misuse(lambda client: client.sent_as(taken))
