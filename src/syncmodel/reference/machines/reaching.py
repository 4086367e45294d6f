"""How a person reaches the machines of a local cluster while they run: commands for a shell.

The client key is written into the cluster's own folder, for our user alone, and goes with it. So is
an inventory of the machines (docs/hosts.md), by which `syncmodel admin` asks them.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from attrs import frozen

from syncmodel.machines.base import Endpoint
from syncmodel.reference.machines.local import LocalCluster, LocalMachine
from syncmodel.targets.inside import Way
from syncmodel.targets.wire import PLUGIN_PATH

KEY, KNOWN_HOSTS = "client.key", "known_hosts"
INVENTORY, SSH_CONFIG, ADMIN_KEY = "hosts.toml", "ssh_config", "admin.key"


@frozen
class Logins:
    """What is needed to log in: a key, the host keys, an inventory; and how a command begins that
    is to reach the network."""

    key: Path
    known: Path
    inventory: Path
    entered: Sequence[str]
    seen: str


def ways(
    cluster: LocalCluster, run_id: str, entered: Sequence[str] = (), seen: str = ""
) -> Mapping[str, Sequence[Way]]:
    """For each machine: how to reach it by SSH and HTTP, and where its database and log are.

    `entered` is how a command that is to reach its network begins, and `seen` how a path does by
    which its disks are seen.
    """
    key, known = cluster.folder / KEY, cluster.folder / KNOWN_HOSTS
    machines = cluster.machines.values()
    hosts = "".join(f"{_host(one.endpoint)}\n" for one in machines)
    _write(known, hosts.encode())
    for one in machines:
        _write(key, one.endpoint.client_key.export_private_key("openssh"))
    logins = Logins(key, known, _inventory(cluster), entered, seen)
    return {one.name: _ways(one, run_id, logins) for one in machines}


def _inventory(cluster: LocalCluster) -> Path:
    """The file that names the machines, and beside it what it names."""
    folder, machines = cluster.folder, list(cluster.machines.values())
    blocks = [_block(one, folder) for one in machines]
    nodes = [
        f'[nodes.{one.name}]\nhost = "{one.name}"\npubkey = "{one.pubkey}"\n' for one in machines
    ]
    top = f'admin_key = "{ADMIN_KEY}"\nssh_config = "{SSH_CONFIG}"\n'
    _write(folder / ADMIN_KEY, cluster.admin_key.reveal().encode())
    _write(folder / SSH_CONFIG, "\n".join(blocks).encode())
    _write(folder / INVENTORY, "\n".join([top, *nodes]).encode())
    return folder / INVENTORY


def _block(one: LocalMachine, folder: Path) -> str:
    place = one.endpoint
    options = {
        "HostName": place.host,
        "Port": place.port,
        "User": place.username,
        "IdentityFile": folder / KEY,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": folder / KNOWN_HOSTS,
    }
    return f"Host {one.name}\n" + "".join(f"  {name} {said}\n" for name, said in options.items())


def _ways(one: LocalMachine, run_id: str, by: Logins) -> list[Way]:
    place, layout = one.endpoint, one.layout
    state = f"http://localhost{PLUGIN_PATH}/state?run_id={quote(run_id, safe='')}"
    known = f"UserKnownHostsFile={by.known}"
    options = ["-i", str(by.key), "-o", "IdentitiesOnly=yes", "-o", known]
    login = [*by.entered, "ssh", *options, "-p", str(place.port), f"{place.username}@{place.host}"]
    asked = ["cluster_status", "--inventory", str(by.inventory)]
    commands = {
        "ssh": [*login, "control", "status"],
        "admin": [*by.entered, "syncmodel", "admin", one.name, *asked],
        "curl": ["curl", "-s", "--unix-socket", str(layout.app_socket), state],
        "sqlite3": ["sqlite3", "-readonly", f"{by.seen}{layout.database}", ".dump"],
        "log": ["tail", str(layout.app_log)],
    }
    return [(what, shlex.join(command)) for what, command in commands.items()]


def _host(place: Endpoint) -> str:
    public = place.host_key.export_public_key().decode().strip()
    # So ssh(1) names a host.
    host = place.host if place.port == 22 else f"[{place.host}]:{place.port}"
    return f"{host} {' '.join(public.split()[:2])}"


def _write(path: Path, content: bytes) -> None:
    """For our user alone, at no moment readable by others; a second time it is the same file."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
