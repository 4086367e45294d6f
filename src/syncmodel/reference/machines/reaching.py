"""How a person reaches the machines of a local cluster while they run: commands for a shell.

The client key is written into the cluster's own folder, for our user alone, and goes with it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from syncmodel.machines.base import Endpoint
from syncmodel.reference.machines.local import LocalCluster, LocalMachine
from syncmodel.targets.inside import Way
from syncmodel.targets.wire import PLUGIN_PATH

KEY, KNOWN_HOSTS = "client.key", "known_hosts"


def ways(cluster: LocalCluster, run_id: str) -> Mapping[str, Sequence[Way]]:
    """For each machine: how to reach it by SSH and HTTP, and where its database and log are."""
    key, known = cluster.folder / KEY, cluster.folder / KNOWN_HOSTS
    machines = cluster.machines.values()
    hosts = "".join(f"{_host(one.endpoint)}\n" for one in machines)
    _write(known, hosts.encode())
    for one in machines:
        _write(key, one.endpoint.client_key.export_private_key("openssh"))
    return {one.name: _ways(one, run_id, key, known) for one in machines}


def _ways(one: LocalMachine, run_id: str, key: Path, known: Path) -> list[Way]:
    place, layout = one.endpoint, one.layout
    state = f"http://localhost{PLUGIN_PATH}/state?run_id={quote(run_id, safe='')}"
    options = ["-i", str(key), "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known}"]
    login = ["ssh", *options, "-p", str(place.port), f"{place.username}@{place.host}"]
    commands = {
        "ssh": [*login, "control", "status"],
        "curl": ["curl", "-s", "--unix-socket", str(layout.app_socket), state],
        "sqlite3": ["sqlite3", "-readonly", str(layout.database), ".dump"],
        "log": ["tail", str(layout.app_log)],
    }
    return [(what, shlex.join(command)) for what, command in commands.items()]


def _host(place: Endpoint) -> str:
    public = place.host_key.export_public_key().decode().strip()
    return f"[{place.host}]:{place.port} {' '.join(public.split()[:2])}"


def _write(path: Path, content: bytes) -> None:
    """For our user alone, at no moment readable by others; a second time it is the same file."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
