"""Clusters of machines in namespaces, with a network between them: sshd, and real packets.

As `local`, whose fork server and folders these have too; what is on such a machine is in
`isolated`, and the network in `hub`. A machine has two addresses: the first is the link by which
its peers dial it, the second one is in another network, which no fault touches.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from syncmodel.errors import BootError
from syncmodel.machines.base import Endpoint
from syncmodel.reference.machines import folder as folders
from syncmodel.reference.machines import hub, spaces, sshd
from syncmodel.reference.machines.local import (
    USERNAME,
    Link,
    LocalCluster,
    LocalMachine,
    LocalMachines,
)
from syncmodel.reference.machines.nursery import Lifeline, Nursery
from syncmodel.reference.machines.remote_control import SOCKET, RemoteControl, SocketControl
from syncmodel.reference.node.layout import Layout

HTTP_PORT, RELAY_PORT = 4000, 4001
#: Clusters of one fork server follow each other; so many can be there at once.
_CLUSTERS = 250
#: So many sockets of each machine are kept.
_KEPT = 6
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_SERVICES = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"
_HOSTS = "127.0.0.1 localhost\n"
_CONTROL = """\
#!{python} -ISsE
import json, socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.connect({socket!r})
    params = json.loads((sys.argv[2:] or ["{{}}"])[0])
    control.sendall(json.dumps({{"method": sys.argv[1], "params": params}}).encode() + b"\\n")
    answer = control.makefile().readline()
print(answer, end="")
sys.exit(not json.loads(answer)["ok"])
"""


class NamespaceMachines(LocalMachines):
    """Makes clusters in namespaces. All of them are in the network of one fork server."""

    HUB: ClassVar[bool] = True

    def _cluster(self, number: int, *made: Any, **more: Any) -> NamespaceCluster:
        return NamespaceCluster(number, self._nursery, *made, **more)


class NamespaceCluster(LocalCluster):
    """The machines of one cluster; the n-th one of cluster c is 10.77.c.n, and 10.78.c.n.

    Implements `faults.routed_links.Wires`.
    """

    def __init__(self, number: int, nursery: Nursery, *made: Any, **more: Any) -> None:
        super().__init__(nursery, *made, **more)
        self.number = 1 + number % _CLUSTERS
        self.device = hub.detour_of(self.number)
        self.addresses = {
            name: [f"10.{net}.{self.number}.{n}" for net in (77, 78)]
            for n, name in enumerate(self._layouts, 1)
        }
        self._kept: dict[str, dict[str, list[int]]] = {name: {} for name in self._layouts}
        for name, layout in self._layouts.items():
            _furnish(layout, self.addresses[name][0])

    async def start(self) -> None:
        """Have the network, before there are machines. Raises BootError."""
        await self._nursery.start()

    def filter(self) -> socket.socket:
        return self._nursery.attach("nft")

    async def dialler(self, node: str) -> int | None:
        return await self._made_in(node, "socket")

    async def kernel(self, node: str) -> int | None:
        return await self._made_in(node, "kernel")

    async def sender(self, node: str) -> int | None:
        return await self._made_in(node, "sender", 1)

    async def receiver(self, node: str) -> int | None:
        return await self._made_in(node, "receiver", 1)

    async def detour(self) -> int:
        (made,) = await self._nursery.made("tun", number=self.number)
        return made

    async def reboot(self, name: str) -> LocalMachine:
        self._drop(name)
        return await super().reboot(name)

    async def end(self) -> None:
        for name in self._layouts:
            self._drop(name)
        await super().end()

    async def _made_in(self, node: str, op: str, many: int = _KEPT) -> int | None:
        """One of those that are kept for it, as to ask for one takes longer than to use it."""
        machine = self.machines.get(node)
        if machine is None:
            return None
        kept = self._kept[node].setdefault(op, [])
        if not kept:
            root = self._layouts[node].root
            try:
                made = await self._nursery.made(op, root, many=many)
            except BootError:
                if self.machines.get(node) is machine:
                    raise
                return None  # it was taken down meanwhile
            if self.machines.get(node) is not machine:
                _close(made)
                return None
            kept.extend(made)
        return kept.pop()

    def _drop(self, node: str) -> None:
        """What was kept of a machine is of its network, and that goes."""
        for kept in self._kept[node].values():
            _close(kept)
        self._kept[node] = {}

    def _addresses(self, link: Link, addresses: Mapping[Link, str]) -> tuple[str, ...]:
        del addresses
        return tuple(f"ws://{one}:{RELAY_PORT}" for one in self.addresses[link[0]])

    def _places(self, name: str) -> Mapping[str, object]:
        return {
            "http_at": f"127.0.0.1:{HTTP_PORT}",
            "relay_at": [f"{one}:{RELAY_PORT}" for one in self.addresses[name]],
        }

    def _forked(self, name: str) -> Lifeline:
        root = self._layouts[name].root
        return self._nursery.boot(root, self._start_limit_s, self.addresses[name])

    def _reached(self, name: str, port: int) -> tuple[Endpoint, RemoteControl]:
        endpoint = Endpoint(
            self.addresses[name][0],
            port,
            USERNAME,
            self._client_key,
            self._host_keys[name],
            self._in_hub,
        )
        # Where there can be no sshd, the way in knows commands alone.
        control = SocketControl if spaces.may_set_groups() else RemoteControl
        return endpoint, control(endpoint)

    async def _in_hub(self) -> int:
        (made,) = await self._nursery.made("socket")
        return made


def _close(kept: list[int]) -> None:
    for one in kept:
        os.close(one)


def _furnish(layout: Layout, address: str) -> None:
    """The files of a machine that a local one does without: its users, sshd, and `control`."""
    control = layout.root / "root/bin/control"
    with folders.private():
        control.parent.mkdir(parents=True)
        texts = {
            sshd.CONFIG: sshd.config(address),
            "etc/passwd": sshd.USERS,
            "etc/group": _GROUPS,
            "etc/nsswitch.conf": _SERVICES,
            "etc/hosts": _HOSTS,
            "var/log/lastlog": "",
        }
        for name, text in texts.items():
            (layout.root / name).write_text(text, encoding="ascii")
        control.write_text(_CONTROL.format(python=sys.executable, socket=SOCKET), encoding="utf-8")
        control.chmod(0o700)
