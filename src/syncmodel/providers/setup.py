"""A host made a node: wheels over SFTP, a virtual environment, the reference node and its unit.

Nodes find each other through ways that the tester carries over SSH (docs/hosts.md), so nothing but
SSH has to be open, and it does not matter whose network a host is in.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

import asyncssh
from attrs import frozen

from syncmodel.errors import TransportError
from syncmodel.nostr.keys import Key
from syncmodel.providers.base import ProviderError
from syncmodel.transport import ssh_config

#: A new machine answers after its first start; then it does what it was told first.
REACHED_S, ORDERS_S, ANSWERS_S = 180.0, 300.0, 120.0
#: Where surfaces and relay are on a host, and its ways to its peers, unless others are there.
HTTP, RELAY, WAYS = 4000, 4848, 4901
#: Ports of the host's loopback that are free: those that are asked for, or any.
PORTS = """\
import socket, sys
held = []
for port in map(int, sys.argv[1:]):
    for one in (port, 0):
        held.append(socket.socket())
        try:
            held[-1].bind(("127.0.0.1", one))
            break
        except OSError:
            held.pop().close()
print(*(one.getsockname()[1] for one in held))
"""
#: As `syncmodel machine DIR VERB`, in a tenth of the time; `clock` takes the seconds ahead.
CONTROL = """\
import json, socket, sys
control = socket.socket(socket.AF_UNIX)
control.connect(f"{sys.argv[1]}/run/control.sock")
params = {"ahead_s": int(sys.argv[3])} if sys.argv[3:] else {}
control.sendall(json.dumps({"method": sys.argv[2], "params": params}).encode() + b"\\n")
line = control.makefile().readline()
print(line, end="")
sys.exit(not json.loads(line)["ok"])
"""
VERBS = ("start", "stop", "kill", "pause", "resume")
Progress = Callable[[str, int, int], None]


@frozen
class Set:
    """A host that is a node: its folder there, its public key and its ports."""

    root: str
    pubkey: str
    http: int
    relay: int
    ways: Mapping[str, int]


def nodes(
    names: Sequence[str], config: Path, wheels: Sequence[Path], admin: Key, progress: Progress
) -> dict[str, Set]:
    """Make these hosts of this ssh_config the nodes of one cluster, which run when it returns.

    `progress` is told of each node how many bytes of how many are there. Raises `ProviderError` and
    `TransportError`.
    """
    return asyncio.run(_nodes(names, config, wheels, admin, progress))


def inventory(found: Mapping[str, Set]) -> str:
    """The inventory that names them, for a folder with admin.key and ssh_config."""
    parts = ['admin_key = "admin.key"', 'ssh_config = "ssh_config"', 'cuts = "carried"', ""]
    for node, one in found.items():
        control = f"{_python(one.root)} -IS {one.root}/control.py {one.root}/node"
        parts += [
            f"[nodes.{node}]",
            f'host = "{node}"',
            f'pubkey = "{one.pubkey}"',
            f'api = "127.0.0.1:{one.http}"',
            f'relay = "127.0.0.1:{one.relay}"',
            f"ways = {{ {', '.join(f'{peer} = {port}' for peer, port in one.ways.items())} }}",
            f"[nodes.{node}.commands]",
            *(f'{verb} = "{control} {verb}"' for verb in VERBS),
            f'clock = "{control} clock {{}}"',
            "",
        ]
    return "\n".join(parts)


async def _nodes(
    names: Sequence[str], config: Path, wheels: Sequence[Path], admin: Key, progress: Progress
) -> dict[str, Set]:
    hosts = [_Host(name, config) for name in names]
    try:
        async with asyncio.TaskGroup() as group:
            made = [group.create_task(host.make(names, wheels, progress)) for host in hosts]
        found = dict(zip(names, (one.result() for one in made), strict=True))
        async with asyncio.TaskGroup() as group:
            for host in hosts:
                group.create_task(host.run(found, admin))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for host in hosts:
            host.close()
    return found


class _Host:
    """A host while it is set up."""

    def __init__(self, name: str, config: Path) -> None:
        self.name, self._config = name, config
        self._connection: asyncssh.SSHClientConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    async def make(self, names: Sequence[str], wheels: Sequence[Path], progress: Progress) -> Set:
        peers = [name for name in names if name != self.name]
        await self._reach()
        # Where it is not there is nothing to wait for; what has failed is seen by what it lacks.
        await self._told("command -v cloud-init > /dev/null && cloud-init status --wait", ORDERS_S)
        home = (await self._do('printf %s "$HOME"')).strip()
        root = f"{home}/syncmodel"
        # Those of a node are no other's, should two of them be on one host.
        index = names.index(self.name)
        first = WAYS + index * len(names)
        wanted = [HTTP + index, RELAY + index, *range(first, first + len(peers))]
        program = f"python3 -IS -c {shlex.quote(PORTS)} {' '.join(map(str, wanted))}"
        http, relay, *ways = map(int, (await self._do(program)).split())
        await self._send(root, wheels, progress)
        quoted = shlex.quote(root)
        # Debian's Python has no pip and no ensurepip; pip's own wheel runs as it is.
        (pip,) = (one.name for one in wheels if one.name.startswith("pip-"))
        await self._do(
            f"cd {quoted} && python3 -m venv --without-pip venv && "
            f"venv/bin/python wheels/{pip}/pip install --quiet --no-index "
            "--find-links wheels --disable-pip-version-check "
            "'syncmodel[reference]'",
            ORDERS_S,
        )
        await self._write(f"{root}/control.py", CONTROL)
        await self._write(f"{root}/made.json", json.dumps({"name": self.name}))
        made = f"{_python(quoted)} -m syncmodel machine {quoted}/node --make {quoted}/made.json"
        pubkey = (await self._do(made)).strip()
        return Set(root, pubkey, http, relay, dict(zip(peers, ways, strict=True)))

    async def run(self, found: Mapping[str, Set], admin: Key) -> None:
        own = found[self.name]
        peers = [
            {"name": peer, "pubkey": found[peer].pubkey, "addresses": [f"ws://127.0.0.1:{port}"]}
            for peer, port in own.ways.items()
        ]
        config = {
            "name": self.name,
            "admins": [admin.public],
            "trusted": [one.pubkey for one in found.values()],
            "peers": peers,
            "reconnect_cap_s": 0.25,
            "http_at": f"127.0.0.1:{own.http}",
            "relay_at": [f"127.0.0.1:{own.relay}"],
        }
        await self._write(f"{own.root}/node/etc/node.json", json.dumps(config, indent=1))
        root = shlex.quote(own.root)
        run = f"{_python(root)} -m syncmodel machine {root}/node"
        unit = "/etc/systemd/system/syncmodel.service"
        await self._do(
            f"if [ -d /run/systemd/system ] && [ -w /etc/systemd/system ]; then\n"
            f"  {run} --unit > {unit} && systemctl daemon-reload &&\n"
            f"  systemctl enable --now --quiet syncmodel\n"
            f"else setsid -f {run} > {root}/log 2>&1 < /dev/null; fi"
        )
        look = f"{_python(root)} -IS {root}/control.py {root}/node status"
        end = time.monotonic() + ANSWERS_S
        while (await self._told(look)).exit_status != 0:
            if time.monotonic() > end:
                log = f"cat {root}/log || journalctl --unit syncmodel --lines 5 --output cat"
                said = str((await self._told(log)).stdout).strip().splitlines() or ["nothing"]
                raise ProviderError(
                    f"The node of {self.name} does not answer within {ANSWERS_S:g} s; it said: "
                    f"{said[-1]}"
                )
            await asyncio.sleep(0.2)

    async def _reach(self) -> None:
        end = time.monotonic() + REACHED_S
        for pause in count(1):
            try:
                self._connection = await ssh_config.connect(self.name, self._config)
            except TransportError:
                if time.monotonic() > end:
                    raise
            else:
                return
            await asyncio.sleep(min(0.2 * pause, 3.0))

    async def _send(self, root: str, wheels: Sequence[Path], progress: Progress) -> None:
        whole, sent = sum(one.stat().st_size for one in wheels), 0
        async with self._here.start_sftp_client() as sftp:
            await sftp.makedirs(f"{root}/wheels", exist_ok=True)
            for wheel in wheels:
                await sftp.put(str(wheel), f"{root}/wheels/{wheel.name}")
                sent += wheel.stat().st_size
                progress(self.name, sent, whole)

    async def _write(self, path: str, text: str) -> None:
        async with self._here.start_sftp_client() as sftp, sftp.open(path, "w") as file:
            await file.write(text)

    async def _do(self, command: str, limit_s: float = 60.0) -> str:
        done = await self._told(command, limit_s)
        if done.exit_status != 0:
            lines = str(done.stderr or done.stdout or "").strip().splitlines() or ["nothing"]
            raise ProviderError(
                f"{self.name} can't be set up: a command ended with {done.exit_status} and said: "
                f"{lines[-1]}"
            )
        return str(done.stdout)

    async def _told(self, command: str, limit_s: float = 60.0) -> asyncssh.SSHCompletedProcess:
        try:
            async with asyncio.timeout(limit_s):
                return await self._here.run(command, check=False)
        except TimeoutError as error:
            raise ProviderError(f"{self.name} did not end a command in {limit_s:g} s.") from error
        except (asyncssh.Error, OSError) as error:
            raise TransportError(f"The connection to {self.name} broke: {error}.") from error

    @property
    def _here(self) -> asyncssh.SSHClientConnection:
        assert self._connection is not None
        return self._connection


def _python(root: str) -> str:
    return f"{root}/venv/bin/python"
