"""What nodes say of their cluster: who is in it, who is trusted, where each is, who is connected.

Compared at rest, also before anything is written: the control plane has to converge like rows do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from syncmodel.record import Record

if TYPE_CHECKING:
    from syncmodel.model.net import Net

ACTIVE, INACTIVE = "active", "inactive"
#: What differs, what was expected, what was shown.
Difference = tuple[str, object, object]
#: Names, each with the public keys that nodes have of it.
Keys = tuple[tuple[str, frozenset[str]], ...]


class Member(Record):
    """A node as another one, or it itself, lists it."""

    name: str
    pubkey: str
    status: str
    trusted: bool
    addresses: tuple[str, ...] = ()


class MembersView(Record, cache_hash=True):
    """What one node says of all: `listed` is its list, `status` that of its cluster_status.

    `connected` are the peers that its sync.status calls connected.
    """

    listed: tuple[Member, ...]
    status: tuple[Member, ...]
    connected: frozenset[str]


def differences(net: Net, node: str, seen: MembersView, disputed: Keys) -> Iterator[Difference]:
    """Where what the node says is not what the steps have made of the cluster.

    `disputed` are those of whom nodes have several keys.
    """
    listed, several = {one.name: one for one in seen.listed}, dict(disputed)
    names = tuple(sorted(one.name for one in seen.listed))
    if names != tuple(sorted(net.nodes)):
        yield "nodes", ", ".join(sorted(net.nodes)), ", ".join(names)
        return
    if seen.status != seen.listed:
        yield "members of cluster_status", "those of cluster_nodes.list", _words(seen)
    for name, one in listed.items():
        yield from _of_one(net, node, one)
        if name in several:
            yield f"key of {name}", "the same on every node", ", ".join(sorted(several[name]))
    yield from _addresses(node, seen)
    for name in strangers(net, node, seen):
        yield f"connection to {name}", "none, as one of them is no member", "connected"


def strangers(net: Net, node: str, seen: MembersView) -> list[str]:
    """Those to whom the node has a connection, though one of them is no member.

    Not who stands still, or is down: it closes nothing, nothing comes of it, and it is looked at
    once it goes on.
    """
    if not net.away:
        return []
    return [
        name
        for name in sorted(seen.connected - {node} - net.still)
        if name in net.nodes and not net.are_members(node, name)
    ]


def disputed_keys(seen: Iterable[MembersView]) -> Keys:
    """The nodes of which nodes have several public keys, in order: none, nearly always."""
    found = {(one.name, one.pubkey) for view in seen for one in view.listed}
    names = {name for name, _ in found}
    if len(names) == len(found):
        return ()
    keys = [(name, frozenset([key for of, key in found if of == name])) for name in sorted(names)]
    return tuple([(name, several) for name, several in keys if len(several) > 1])


def moved(before: MembersView, now: MembersView) -> Iterator[Difference]:
    """The addresses that are not what they were."""
    if before.listed == now.listed:
        return
    places = {one.name: one.addresses for one in before.listed}
    for one in now.listed:
        if places.get(one.name, one.addresses) != one.addresses:
            yield f"addresses of {one.name}", places[one.name], one.addresses


def _of_one(net: Net, node: str, one: Member) -> Iterator[Difference]:
    status = INACTIVE if (node, one.name) in net.away else ACTIVE
    trusted = (node, one.name) not in net.distrusts
    if one.status != status:
        yield f"status of {one.name}", status, one.status
    if one.trusted != trusted:
        yield f"trust in {one.name}", _yes(trusted), _yes(one.trusted)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _addresses(node: str, seen: MembersView) -> Iterator[Difference]:
    """Each peer has one, and no two nodes have the same."""
    places: dict[str, str] = {}
    for one in seen.listed:
        if one.name != node and not one.addresses:
            yield f"addresses of {one.name}", "one or more", "none"
        for address in one.addresses:
            if places.setdefault(address, one.name) != one.name:
                yield f"addresses of {one.name}", f"others than {places[address]}'s", address


def _words(seen: MembersView) -> str:
    return ", ".join(f"{one.name} {one.status}" for one in seen.status)
