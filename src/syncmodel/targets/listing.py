"""What a node says of its cluster, read from its answers: see `model.members`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncmodel.model.members import Member, MembersView


def to_members(
    listed: Mapping[str, Any], status: Mapping[str, Any], sync: Mapping[str, Any]
) -> MembersView:
    """The view of a `cluster_nodes.list`, a `cluster_status` and a `sync.status`.

    Raises `KeyError`, `TypeError` or `ValueError` for what has not the contract's shape.
    """
    peers = sync["peers"]
    return MembersView(
        tuple(map(_member, listed["nodes"])),
        tuple(map(_member, status["members"])),
        frozenset(str(name) for name in peers if peers[name]["connected"]),
    )


def to_numbers(listed: Mapping[str, Any], items: tuple[str, str]) -> tuple[int, int]:
    """The numbers of two store items in a `generations.list`, 0 for one that is not there."""
    numbers = {item["store_item"]: item["number"] for item in listed["generations"]}
    selected, running = items
    return numbers.get(selected, 0), numbers.get(running, 0)


def _member(raw: Mapping[str, Any]) -> Member:
    addresses = tuple(map(str, raw["addresses"]))
    return Member(
        str(raw["name"]), str(raw["pubkey"]), str(raw["status"]), bool(raw["trusted"]), addresses
    )
