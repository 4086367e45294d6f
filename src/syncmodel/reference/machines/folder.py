"""Making the folder of one local machine: its deployment list, keys, and configuration.

Not here: where things lie in it (`node.layout`), and starting anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import attrs

from syncmodel.errors import UsageError
from syncmodel.nostr.keys import Key
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS, Generation, Generations
from syncmodel.reference.node.layout import Layout

_LONGEST_SOCKET_PATH = 107
_LONGEST_NAME = "n999"


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
    """Create the folder with everything but the configuration, for our user alone.

    The first generation is selected and running. Raises UsageError when the path is so long that no
    unix socket fits into it; nothing is created then.
    """
    path = max(layout.control_socket, layout.links / f"{_LONGEST_NAME}.sock", key=_length)
    if _length(path) > _LONGEST_SOCKET_PATH:
        raise UsageError(
            f"{path} has {_length(path)} bytes, a unix socket's path at most "
            f"{_LONGEST_SOCKET_PATH}: choose a shorter work folder."
        )
    with private():
        _create(layout, key, host_key, client_key, generations)


def _create(
    layout: Layout,
    key: Key,
    host_key: asyncssh.SSHKey,
    client_key: asyncssh.SSHKey,
    generations: Sequence[Generation],
) -> None:
    layout.root.mkdir(parents=True)
    for file in (layout.database, layout.host_key, layout.app_socket, layout.app_log):
        file.parent.mkdir(parents=True, exist_ok=True)
    layout.links.mkdir()
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
    silence_limit_s: float,
    origins: Sequence[str] = (),
    places: Mapping[str, object] | None = None,
) -> None:
    """Write ROOT/etc/node.json. Public keys are hex; without `origins` it has the contract's.

    `places`: where the node listens besides its sockets, as `node.config` has it.
    """
    config: Mapping[str, object] = {
        "name": name,
        "admins": list(admins),
        "peers": [attrs.asdict(peer) for peer in peers],
        "trusted": list(trusted),
        "bugs": list(bugs),
        "reconnect_cap_s": reconnect_cap_s,
        "silence_limit_s": silence_limit_s,
        "origins": list(origins),
        **(places or {}),
    }
    with private():
        layout.config.write_text(json.dumps(config, indent=1), encoding="utf-8")


@contextmanager
def private() -> Iterator[None]:
    """What is made meanwhile is for our user alone, whatever he lets others read otherwise."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _length(path: Path) -> int:
    return len(os.fsencode(path))


def _write_secret(path: Path, secret: bytes) -> None:
    # Created with its mode: it is at no moment readable by others.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
