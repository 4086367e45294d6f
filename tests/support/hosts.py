"""Hosts of the tests' own: a real sshd for each, a reference node with its supervisor behind it,
and the inventory that names them. They are on this computer's loopback, or where they are told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import permutations
from pathlib import Path

import asyncssh
import attrs
from openssh import CLIENT_KEY, USER, Server, free_port, sshd

from syncmodel.nostr.keys import Key
from syncmodel.reference.machines import host_process

#: As `syncmodel machine DIR VERB`, which has its own test, in a tenth of the time.
CONTROL = """\
import json, socket, sys
control = socket.socket(socket.AF_UNIX)
control.connect(f"{sys.argv[1]}/run/control.sock")
params = json.loads((sys.argv[3:] or ["{}"])[0])
control.sendall(json.dumps({"method": sys.argv[2], "params": params}).encode() + b"\\n")
line = control.makefile().readline()
print(line, end="")
sys.exit(not json.loads(line)["ok"])
"""


#: Somebody else, who is in no file of this computer.
STRANGER, STRANGERS_ID = "stranger", 12_345
VERBS = ("start", "stop", "kill", "pause", "resume")
AHEAD = '{"ahead_s": {}}'


@attrs.frozen
class Place:
    """Where a host is, and the words before a command that run it there."""

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()
    #: A second address, of IPv6; "" for none.
    v6: str = ""

    def at(self, port: int) -> list[str]:
        """All places of this port of it."""
        return [f"{self.address}:{port}", *([f"[{self.v6}]:{port}"] if self.v6 else [])]


@attrs.frozen
class Hosts:
    """The folder with the inventory and all it names, and what runs on each host."""

    folder: Path
    file: Path
    servers: dict[str, Server]
    machines: dict[str, subprocess.Popen[str]]
    keys: dict[str, Key]

    def text(self, *changes: tuple[str, str]) -> Path:
        """Another inventory of the same hosts, with these words replaced."""
        words = self.file.read_text()
        for old, new in changes:
            assert old in words, old
            words = words.replace(old, new)
        other = self.folder / f"other-{len(list(self.folder.iterdir()))}.toml"
        other.write_text(words)
        return other


@contextmanager
def hosts(
    count: int = 2,
    *,
    bugs: Sequence[str] = (),
    places: Mapping[str, Place] | None = None,
    nft: str = "",
    sudo: bool = False,
    faketime: Path | None = None,
) -> Iterator[Hosts]:
    """So many hosts, whose nodes have these bugs; links are carried by the tester, unless each host
    is at a place of its own: then packets are rejected there by `nft`. With `sudo` we log in as
    somebody who may do nothing but by it. With libfaketime clocks are set by it, as docs/hosts.md
    has it, else the nodes' own way."""
    nodes = [f"n{number}" for number in range(1, count + 1)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hosts-")))
        (folder / "control.py").write_text(CONTROL)
        enter = _stranger(folder) if sudo else ()
        own = places or dict.fromkeys(nodes, Place(enter=enter))
        keys = {node: Key.generate() for node in nodes}
        admin = Key.generate()
        api = {node: free_port() for node in nodes}
        relay = {node: free_port() for node in nodes}
        ways = {link: free_port() for link in permutations(nodes, 2)}
        servers, machines = {}, {}
        for node in nodes:
            host_key = asyncssh.generate_private_key("ssh-ed25519")
            # Nobody's .bashrc, which may start anything.
            lines = f"SetEnv HOME={folder} PATH={folder}/bin:{os.environ['PATH']}"
            at = own[node]
            servers[node] = stack.enter_context(
                sshd(lines, host_key=host_key, address=at.address, prefix=at.enter)
            )
            _known(folder, f"[{at.address}]:{servers[node].port}", host_key)
            peers = [
                {
                    "name": other,
                    "pubkey": keys[other].public,
                    "addresses": [f"ws://{one}" for one in own[other].at(relay[other])]
                    if places
                    else [f"ws://127.0.0.1:{ways[other, node]}"],
                }
                for other in nodes
                if other != node
            ]
            config = {
                "name": node,
                "admins": [admin.public],
                "peers": peers,
                "trusted": [key.public for key in keys.values()],
                "bugs": list(bugs),
                "reconnect_cap_s": 0.05,
                "silence_limit_s": 2,
                "http_users": [STRANGER] if sudo else [],
                "http_at": f"127.0.0.1:{api[node]}",
                "relay_at": own[node].at(relay[node]),
            }
            host_process.make(folder / node, keys[node], config)
            clock = _faked(folder, node, faketime) if faketime else {}
            machines[node] = stack.enter_context(machine(folder / node, own[node].enter, clock))
        for node in nodes:
            line = machines[node].stdout.readline()  # type: ignore[union-attr]  # it is a pipe
            assert "answers" in line, (folder / node / "log").read_text()
        _ssh_config(folder, servers, own, STRANGER if sudo else USER)
        (folder / "admin.key").write_text(admin.reveal())
        file = folder / "hosts.toml"
        relays = {node: own[node].at(relay[node]) for node in nodes}
        file.write_text(_inventory(folder, keys, api, relays, {} if places else ways, nft))
        if sudo:
            file.write_text(f"sudo = true\n{file.read_text()}")
        if faketime:
            clocks = f'clock = "printf %+ds {{}} > {folder}/\\1-ahead"'
            own_way = rf"clock = .*{re.escape(str(folder))}/(n\d+) clock .*"
            file.write_text(re.sub(own_way, clocks, file.read_text()))
        yield Hosts(folder, file, servers, machines, keys)


@contextmanager
def machine(
    root: Path, enter: Sequence[str] = (), clock: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The machine in this folder, with what sets its clock in its environment."""
    command = [*enter, sys.executable, "-m", "syncmodel", "machine", str(root)]
    env = {**os.environ, **(clock or {})}
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=env)
    with process:
        try:
            yield process
        finally:
            process.terminate()


def _faked(folder: Path, node: str, library: Path) -> dict[str, str]:
    ahead = folder / f"{node}-ahead"
    ahead.write_text("+0s")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(ahead),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _known(folder: Path, place: str, host_key: asyncssh.SSHKey) -> None:
    public = host_key.export_public_key().decode()
    with (folder / "known_hosts").open("a") as known:
        known.write(f"{place} {public}")


def _stranger(folder: Path) -> tuple[str, ...]:
    """Words before a command that run it where there is another user, with a stand-in for sudo in
    the PATH. Its rights come from a copy of setpriv(1) that is root's, and for that user alone."""
    folder.chmod(0o711)
    (folder / "bin").mkdir()
    (folder / "bin").chmod(0o755)
    as_root, stand_in = folder / "bin" / "as-root", folder / "bin" / "sudo"
    shutil.copy(str(shutil.which("setpriv")), as_root)
    os.chown(as_root, 0, STRANGERS_ID)
    as_root.chmod(0o4750)
    stand_in.write_text(
        f'#!/bin/sh\n[ "$1" = -n ] || exit 9\nshift\n'
        f'exec {as_root} --reuid 0 --regid 0 --clear-groups "$@"\n'
    )
    stand_in.chmod(0o755)
    users = folder / "passwd"
    line = f"{STRANGER}:x:{STRANGERS_ID}:{STRANGERS_ID}::/:/bin/sh\n"
    users.write_text(Path("/etc/passwd").read_text() + line)
    users.chmod(0o644)
    binding = f'mount --bind {users} /etc/passwd && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", binding, "sh")


def _ssh_config(
    folder: Path, servers: dict[str, Server], own: Mapping[str, Place], user: str
) -> None:
    CLIENT_KEY.write_private_key(folder / "id")
    (folder / "id").chmod(0o600)
    stanzas = [
        f"Host host-{node}\n  HostName {own[node].address}\n  Port {server.port}\n  User {user}\n"
        f"  IdentityFile {folder}/id\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n"
        for node, server in servers.items()
    ]
    (folder / "ssh_config").write_text("\n".join(stanzas))


def _inventory(  # noqa: PLR0917  (what the file says, in its order)
    folder: Path,
    keys: dict[str, Key],
    api: dict[str, int],
    relays: dict[str, list[str]],
    ways: dict[tuple[str, str], int],
    nft: str,
) -> str:
    control = f"{sys.executable} -IS {folder}/control.py"
    cuts = ['cuts = "carried"'] if ways else ['cuts = "packets"', f'nft = "{nft}"']
    parts = ['admin_key = "admin.key"', 'ssh_config = "ssh_config"', *cuts, ""]
    for node, key in keys.items():
        parts += [
            f"[nodes.{node}]",
            f'host = "host-{node}"',
            f'pubkey = "{key.public}"',
            f'api = "127.0.0.1:{api[node]}"',
            f"relay = {json.dumps(relays[node])}",
            f"[nodes.{node}.commands]",
            *(f'{verb} = "{control} {folder / node} {verb}"' for verb in VERBS),
            "clock = " + json.dumps(f"{control} {folder / node} clock '{AHEAD}'"),
            *([f"[nodes.{node}.ways]"] if ways else []),
            *(f"{a} = {port}" for (a, b), port in ways.items() if b == node),
            "",
        ]
    return "\n".join(parts)


def shown(folder: Path) -> str:
    """The end of each node's log, for a test that failed."""
    return json.dumps({str(log): log.read_text()[-500:] for log in folder.glob("*/var/log/*.log")})
