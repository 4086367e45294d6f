"""What hosts were told of each other, whoever told them: who is no member, who is not trusted."""

from __future__ import annotations

from collections.abc import Mapping

from syncmodel.errors import InvalidRunError
from syncmodel.inventory.node import PartialNode
from syncmodel.model.members import INACTIVE
from syncmodel.model.net import Link
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable


async def pairs(nodes: Mapping[str, PartialNode]) -> tuple[frozenset[Link], frozenset[Link]]:
    """The pairs (node, other) as their lists have them: no member; not trusted.

    What a list does not say is taken for usual. Raises `InvalidRunError` if one can't be had.
    """
    names = {node.pubkey: name for name, node in nodes.items()}
    away, distrusts = set[Link](), set[Link]()
    for name, node in nodes.items():
        try:
            listed = await node.admin("cluster_nodes.list")
            for one in listed["nodes"]:
                other = names.get(one.get("pubkey"))
                if other is not None and one.get("status") == INACTIVE:
                    away.add((name, other))
                if other not in (None, name) and one.get("trusted") is False:
                    distrusts.add((name, str(other)))
        except AdminError as error:
            if error.status != 404:
                raise InvalidRunError(f"{name} does not say who its peers are: {error}") from error
        except (Unreachable, Indefinite, KeyError, TypeError, AttributeError) as error:
            raise InvalidRunError(f"{name} does not say who its peers are: {error}") from error
    return frozenset(away), frozenset(distrusts)
