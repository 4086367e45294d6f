"""Making the folder of one local machine: its deployment list, keys, and configuration.

Not here: where things lie in it (`node.layout`), and starting anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncssh
import attrs

from syncmodel.errors import UsageError
from syncmodel.nostr.keys import Key
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS, Generation, Generations
from syncmodel.reference.node.layout import Layout

_LONGEST_SOCKET_PATH = 107


@attrs.frozen
class Peer:
    """Another node as one node is configured to know it. The first address is the link."""

    name: str
    pubkey: str
    addresses: tuple[str, ...]


def create(
    layout: Layout,
    *,
    key: Key,
    host_key: asyncssh.SSHKey,
    client_key: asyncssh.SSHKey,
    generations: Sequence[Generation] = DEFAULT_GENERATIONS,
) -> None:
    """Create the folder (mode 0700) with everything but the configuration.

    The first generation is selected and running. Raises UsageError when the path is so long that no
    unix socket fits into it; nothing is created then.
    """
    longest = len(os.fsencode(layout.control_socket))
    if longest > _LONGEST_SOCKET_PATH:
        raise UsageError(
            f"{layout.control_socket} has {longest} bytes, a unix socket's path at most "
            f"{_LONGEST_SOCKET_PATH}: choose a shorter work folder."
        )
    layout.root.mkdir(mode=0o700, parents=True)
    for file in (layout.database, layout.host_key, layout.app_socket, layout.app_log):
        file.parent.mkdir(parents=True, exist_ok=True)
    layout.jobs.mkdir(parents=True)
    deployment = Generations(layout)
    for generation in generations:
        deployment.install(generation)
    deployment.select(generations[0].number)
    deployment.set_running(generations[0].number)
    _write_secret(layout.key, key.reveal().encode())
    _write_secret(layout.host_key, host_key.export_private_key())
    layout.authorized_keys.write_bytes(client_key.export_public_key())


def configure(
    layout: Layout,
    *,
    name: str,
    admins: Sequence[str],
    peers: Sequence[Peer],
    trusted: Sequence[str],
    bugs: Sequence[str],
    reconnect_cap_s: float,
    origins: Sequence[str] = (),
) -> None:
    """Write ROOT/etc/node.json. Public keys are hex; without `origins` it has the contract's."""
    config: Mapping[str, object] = {
        "name": name,
        "admins": list(admins),
        "peers": [attrs.asdict(peer) for peer in peers],
        "trusted": list(trusted),
        "bugs": list(bugs),
        "reconnect_cap_s": reconnect_cap_s,
        "origins": list(origins),
    }
    layout.config.write_text(json.dumps(config, indent=1), encoding="utf-8")


def _write_secret(path: Path, secret: bytes) -> None:
    # Created with its mode: it is at no moment readable by others.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
