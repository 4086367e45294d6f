"""Clusters of machines that are processes of this computer.

    async with LocalMachines() as machines:
        cluster = machines.prepare(["n1", "n2"])
        ...        # start proxies from cluster.link_socket(link) to cluster.relay_socket("n1") ...
        n1, n2 = await cluster.boot({("n1", "n2"): "ws+unix:///...", ...})

Lives here: folders, keys and configuration of a cluster, and its boot and end. Not here: the
processes themselves (`nursery` and below it), and the proxies on its links.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import asyncssh
import attrs

from syncmodel.errors import BootError
from syncmodel.machines.base import Endpoint
from syncmodel.nostr.keys import Key
from syncmodel.reference.machines import folder as folders
from syncmodel.reference.machines.nursery import Lifeline, Nursery, machine_died
from syncmodel.reference.machines.remote_control import RemoteControl
from syncmodel.reference.node import bugs as planted
from syncmodel.reference.node.config import ORIGIN
from syncmodel.reference.node.layout import Layout

Link = tuple[str, str]

APPLICATION = "syncmodel.reference.node.server:serve"
USERNAME = "root"
_RECONNECT_CAP_S = 0.05
#: A link that hung is dialled again so long after it was mended, at most: rest waits for that.
_SILENCE_LIMIT_S = 2.0


@attrs.frozen
class LocalMachine:
    """One booted machine. `pubkey` is its node's Nostr key, hex; `control` its SSH connection.

    `supervisor_pid` is the process whose end is the machine's.
    """

    name: str
    layout: Layout
    endpoint: Endpoint
    pubkey: str
    supervisor_pid: int
    control: RemoteControl

    async def start(self) -> None:
        await self.control.call("start")

    async def stop(self) -> None:
        await self.control.call("stop")

    async def kill(self) -> None:
        await self.control.call("kill")

    async def restart(self) -> None:
        """Stop in an orderly way if it runs, then start."""
        await self.control.call("restart")

    async def pause(self) -> None:
        await self.control.call("pause")

    async def resume(self) -> None:
        await self.control.call("resume")

    async def set_clock(self, ahead_s: int) -> None:
        """The machine's clock is so far ahead of the true time, over restarts too."""
        await self.control.call("clock", {"ahead_s": ahead_s})

    async def drift(self, percent: int) -> None:
        """The machine's clock is right, and gains so many percent from now on."""
        await self.control.call("clock", {"ahead_s": 0, "percent": percent})

    async def backup(self) -> None:
        """Copy its disk; the application goes on."""
        await self.control.call("backup")

    async def restore(self, *, plain: bool) -> None:
        """Put back what was copied, and start the application. Raises BootError."""
        await self.control.call("restore", {"plain": plain})

    async def spoil(self, part: str) -> None:
        """Kill the application, and damage its store."""
        await self.control.call("spoil", {"part": part})

    async def renew(self, generation: int) -> None:
        """Have an empty store, and this generation, and start the application. Raises BootError."""
        await self.control.call("renew", {"generation": generation})

    async def fill_disk(self) -> bool:
        """Leave no room where its store is; whether there is some."""
        return bool((await self.control.call("disk.fill"))["room"])

    async def free_disk(self) -> bool:
        """The other way round."""
        return bool((await self.control.call("disk.free"))["room"])

    async def slow_disk(self, delay_ms: int) -> bool:
        """Have its application's writes take so much longer; whether they are held up at all."""
        return bool((await self.control.call("disk.slow", {"delay_ms": delay_ms}))["slow"])

    async def status(self) -> dict[str, Any]:
        """As `machines.base.Tells`."""
        return await self.control.call("status")


class LocalMachines:
    """Makes local clusters. All of them share one fork server, so that only the first boot is slow.

    `app` is the application as "module:function"; `folder` is where its private folder is made (the
    system's temporary folder by default: paths must be short).
    """

    #: Whether its machines have a network of their own.
    HUB: ClassVar[bool] = False

    def __init__(
        self, app: str = APPLICATION, *, folder: Path | None = None, start_limit_s: float = 10.0
    ) -> None:
        self._nursery = Nursery(app, folder, hub=self.HUB)
        self._start_limit_s = start_limit_s
        self._numbers = count(1)
        self.folder = self._nursery.folder

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def usable(self) -> bool:
        """Whether this process can boot machines with it: not closed, and its fork server lives."""
        return self._nursery.usable

    @property
    def pid(self) -> int | None:
        """The fork server, if it was started."""
        return self._nursery.pid

    def prepare(
        self, names: Sequence[str], *, bugs: Sequence[str] = (), origins: Sequence[str] = ()
    ) -> LocalCluster:
        """Make the folders and keys of a new cluster; nothing runs yet.

        `bugs` are the names of the planted bugs that every node of it has; `origins` are more
        beginnings of its own URLs, such as "http://localhost:4711". Raises UsageError for an
        unknown bug, and for a work folder whose path is too long.
        """
        for bug in bugs:
            planted.get(bug)
        number, limit_s = next(self._numbers), self._start_limit_s
        root = self.folder / str(number)
        return self._cluster(number, root, names, bugs, limit_s, origins=origins)

    def _cluster(self, number: int, *made: Any, **more: Any) -> LocalCluster:
        del number
        return LocalCluster(self._nursery, *made, **more)

    def close(self) -> None:
        """End every cluster; leave no process, no socket and no folder."""
        self._nursery.close()


class LocalCluster:
    """The machines of one cluster. `admin_key` may sign admin requests to every node of it."""

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        names: Sequence[str],
        bugs: Sequence[str],
        start_limit_s: float,
        *,
        origins: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.admin_key = Key.generate()
        self.machines: dict[str, LocalMachine] = {}
        self._nursery = nursery
        self._bugs = tuple(bugs)
        self._start_limit_s = start_limit_s
        self._origins = (ORIGIN, *origins)
        self._client_key = asyncssh.generate_private_key("ssh-ed25519")
        self._layouts = {name: Layout(folder / name) for name in names}
        self._keys = {name: Key.generate() for name in names}
        self._host_keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in names}
        for name, layout in self._layouts.items():
            folders.create(
                layout,
                key=self._keys[name],
                host_key=self._host_keys[name],
                client_key=self._client_key,
            )

    def app_socket(self, name: str) -> Path:
        """Where the application of machine `name` will accept connections."""
        return self._layouts[name].app_socket

    def relay_socket(self, name: str) -> Path:
        """Where the application of machine `name` will let peers in, and nothing but its relay."""
        return self._layouts[name].relay_socket

    def link_socket(self, link: Link) -> Path:
        """Where a proxy on this link can listen: in the dialling machine's own private folder."""
        sender, receiver = link
        return self._layouts[receiver].links / f"{sender}.sock"

    async def boot(self, addresses: Mapping[Link, str] | None = None) -> list[LocalMachine]:
        """Start every machine, all at once; returns when every application accepts connections.

        `addresses[(a, b)]` is where b finds a, over the link by which a's rows reach b; a link that
        is left out is the direct connection. Raises BootError with the last lines of the log;
        nothing of the cluster runs then.
        """
        for name in self._layouts:
            self._configure(name, addresses or {})
        try:
            await self._nursery.start()
            booting = [self._boot(name) for name in self._layouts]
            machines = await asyncio.gather(*booting)
        except BaseException:
            await self.end()
            raise
        self.machines = {machine.name: machine for machine in machines}
        return machines

    async def reboot(self, name: str) -> LocalMachine:
        """Kill every process of one machine, and boot it from its disk.

        Raises BootError; none of its processes runs then.
        """
        await self.machines.pop(name).control.close()
        await self._nursery.end(self._layouts[name].root)
        try:
            machine = await self._boot(name)
        except BaseException:
            await self._nursery.end(self._layouts[name].root)
            raise
        self.machines[name] = machine
        return machine

    async def end(self) -> None:
        """Kill every process of the cluster; its folders stay."""
        for machine in self.machines.values():
            await machine.control.close()
        self.machines = {}
        for layout in self._layouts.values():
            await self._nursery.end(layout.root)

    async def close(self) -> None:
        """Kill every process of the cluster and remove its folders."""
        await self.end()
        shutil.rmtree(self.folder)

    def _configure(self, name: str, addresses: Mapping[Link, str]) -> None:
        peers = [
            folders.Peer(other, self._keys[other].public, self._addresses((other, name), addresses))
            for other in self._layouts
            if other != name
        ]
        folders.configure(
            self._layouts[name],
            name=name,
            admins=[self.admin_key.public],
            peers=peers,
            trusted=[key.public for key in self._keys.values()],
            bugs=self._bugs,
            reconnect_cap_s=_RECONNECT_CAP_S,
            silence_limit_s=_SILENCE_LIMIT_S,
            origins=self._origins,
            places=self._places(name),
        )

    def _places(self, name: str) -> Mapping[str, object]:
        """Where a node listens besides its sockets."""
        del name
        return {}

    def _addresses(self, link: Link, addresses: Mapping[Link, str]) -> tuple[str, ...]:
        direct = f"ws+unix://{self.relay_socket(link[0])}"
        return (addresses.get(link, direct), direct)

    async def _boot(self, name: str) -> LocalMachine:
        layout = self._layouts[name]
        report = await self._forked(name).report()
        if report is None:
            raise BootError(f"Machine {name} did not come up: {machine_died(layout)}")
        if "error" in report:
            raise BootError(f"Machine {name} did not come up: {report['error']}")
        endpoint, control = self._reached(name, report["port"])
        pubkey = self._keys[name].public
        return LocalMachine(name, layout, endpoint, pubkey, report["pid"], control)

    def _forked(self, name: str) -> Lifeline:
        return self._nursery.boot(self._layouts[name].root, self._start_limit_s)

    def _reached(self, name: str, port: int) -> tuple[Endpoint, RemoteControl]:
        endpoint = Endpoint("127.0.0.1", port, USERNAME, self._client_key, self._host_keys[name])
        return endpoint, RemoteControl(endpoint)
