"""Where a node stands, as its `sync.status` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncmodel.record import Record


class Heard(Record):
    """What a node says of one peer: the log it follows, and how far it has processed it."""

    connected: bool
    log_id: str | None
    applied: int


class Standing(Record):
    """Where a node stands: its own log, and its peers' logs as far as it has processed them."""

    log_id: str
    position: int
    peers: Mapping[str, Heard]


def to_standing(result: Mapping[str, Any]) -> Standing | None:
    """What the answer says; None: it has not the contract's shape."""
    try:
        peers = {
            str(name): Heard(bool(p["connected"]), p["log_id"], int(p["applied"]))
            for name, p in result["peers"].items()
        }
        return Standing(str(result["log_id"]), int(result["position"]), peers)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
