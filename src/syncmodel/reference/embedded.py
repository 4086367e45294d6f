"""The cluster that needs no configuration: real local processes, unprivileged, proxies between.

It is built when first needed, serves many runs, and is built anew when a run left it in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from msgspec.structs import replace

from syncmodel.errors import InvalidRunError
from syncmodel.faults.link_door import SocketDoor
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.proxy_links import ProxyLinks
from syncmodel.model.net import Link, Net
from syncmodel.nostr.keys import Key
from syncmodel.reference import needs
from syncmodel.reference.machines.local import LocalCluster, LocalMachines
from syncmodel.targets.cluster import Cluster
from syncmodel.targets.live_node import LiveNode

#: After this many runs the nodes are emptied: old runs' rows would slow resyncs down.
RUNS_BETWEEN_EMPTYINGS = 20
BASELINE = 1


class EmbeddedCluster(Cluster):
    """A `Target` of local processes n1, n2, ..."""

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """Nothing runs before `begin`. `bugs` are planted in every node.

        Raises `UsageError` where what its processes need is not installed, and `InvalidRunError`
        where they may not open as many files as they need.
        """
        needs.installed()
        needs.open_files(count)
        super().__init__({}, ProxyLinks({}))
        self.nodes = tuple(f"n{i}" for i in range(1, count + 1))
        self._bugs = tuple(bugs)
        self._machines: LocalMachines | None = None
        self._local: LocalCluster | None = None
        self._runs = 0
        self._trusted = False

    async def begin(self, net: Net) -> None:
        """A fresh run, on new machines if the last run did not end well."""
        if not self.used:
            await self._rebuild()
        self._trusted = False
        self._runs += 1
        try:
            if self._runs % RUNS_BETWEEN_EMPTYINGS == 0:
                await self._empty(net)
            await super().begin(net)
        except InvalidRunError:
            # What the last run left can't be undone by steps: start from nothing.
            await self._rebuild()
            await super().begin(net)

    @property
    def admin_key(self) -> Key:
        """The key that every node of the cluster that runs now accepts admin requests from."""
        if self._local is None:
            raise InvalidRunError("No cluster runs: begin a run first.")
        return self._local.admin_key

    @property
    def folder(self) -> Path | None:
        """Where everything of the machines is, while there are any."""
        return None if self._machines is None else self._machines.folder

    def passed(self) -> None:
        """The run passed: its machines serve the next one too."""
        self._trusted = True

    @property
    def used(self) -> bool:
        """Whether the machines of the last run serve the next one."""
        return self._local is not None and self._trusted

    def renew(self) -> None:
        """The next run has new machines: nothing that an earlier run left is there."""
        self._trusted = False

    async def close(self) -> None:
        """Leave no process, no socket and no folder."""
        try:
            await self._demolish()
        finally:
            if self._machines is not None:
                self._machines.close()
                self._machines = None

    async def _empty(self, net: Net) -> None:
        """Every table dropped on every node at once, so that nothing comes back from a peer."""
        bare = net.with_cut(()).deploy(net.nodes, BASELINE)
        await super().begin(replace(bare, down=frozenset()))

    async def _rebuild(self) -> None:
        await self._demolish()
        if self._machines is None:
            self._machines = LocalMachines()
        local = self._machines.prepare(self.nodes, bugs=self._bugs)
        self._local = local
        doors = {link: local.link_socket(link) for link in self._all}
        links = ProxyLinks(
            {
                link: LinkProxy(link, local.relay_socket(link[0]), door=SocketDoor(door))
                for link, door in doors.items()
            }
        )
        self._links = links
        for proxy in links.proxies.values():
            await proxy.start()
        machines = await local.boot({link: f"ws+unix://{door}" for link, door in doors.items()})
        self.live = {one.name: LiveNode(one, local.admin_key, one.pubkey) for one in machines}
        self.cut, self.down = frozenset(), frozenset()
        await self._stand_still(frozenset())

    @property
    def _all(self) -> list[Link]:
        return list(permutations(self.nodes, 2))

    async def _demolish(self) -> None:
        await super().close()
        self.live = {}
        if self._local is not None:
            await self._local.close()
            self._local = None
