"""The cluster that needs no configuration: real local processes, unprivileged, proxies between.

It is built when first needed, serves many runs, and is built anew when a run left it in doubt.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from syncmodel.errors import BootError, FaultError, InvalidRunError
from syncmodel.faults.link_door import SocketDoor
from syncmodel.faults.link_proxy import LinkProxy
from syncmodel.faults.proxy_links import ProxyLinks
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.schema import Schema
from syncmodel.nostr.keys import Key
from syncmodel.reference import needs
from syncmodel.reference.machines.local import LocalCluster, LocalMachines
from syncmodel.reference.machines.reaching import ways
from syncmodel.reference.machines.shared import borrow, give_back
from syncmodel.reference.node.faults import HOLDING
from syncmodel.reference.node.jobs import JobStore
from syncmodel.reference.node.purging import shared
from syncmodel.steps.faulty_deploy import DeploysAmidFaults
from syncmodel.steps.machines import Boots
from syncmodel.steps.plugins import Uninstalls
from syncmodel.steps.purging import Purges
from syncmodel.steps.restoring import PutsBack
from syncmodel.steps.spoiling import DAMAGED, Spoils
from syncmodel.targets import artefacts, deploying
from syncmodel.targets.cluster import Cluster
from syncmodel.targets.deploying import begin, end
from syncmodel.targets.inside import Reachable, Way
from syncmodel.targets.kept import write
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.previewing import preview
from syncmodel.targets.wire import DROPPING, PLUGIN
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

#: After this many runs the nodes are emptied: old runs' rows would slow resyncs down.
RUNS_BETWEEN_EMPTYINGS = 20
BASELINE = 1
#: Until a job must be where it meets its fault. Seconds.
HELD_LIMIT_S = 20.0


class EmbeddedCluster(
    Cluster, DeploysAmidFaults, Uninstalls, Boots, PutsBack, Purges, Spoils, Reachable
):
    """A `Target` of local processes n1, n2, ..."""

    #: What makes its machines.
    MACHINES: ClassVar[type[LocalMachines]] = LocalMachines

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
        #: Nodes that a deployment alone need not bring to where a run begins: they keep tables, or
        #: have something selected.
        self._unusual: set[str] = set()

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
        return self._running.admin_key

    @property
    def folder(self) -> Path | None:
        """Where everything of the machines is, while there are any."""
        return None if self._local is None else self._local.folder

    def ways(self) -> Mapping[str, Sequence[Way]]:
        """By SSH, HTTP and SQLite; the key for it is in the private folder of the machines."""
        return (
            {}
            if self._local is None
            else ways(self._local, self.run_id, self._entered(), self._seen())
        )

    def _entered(self) -> Sequence[str]:
        """What a shell's command begins with that is to reach the network of the machines."""
        return ()

    def _seen(self) -> str:
        """What a path begins with by which the disks of the machines are seen."""
        return ""

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
                give_back(self._machines)
                self._machines = None

    async def artefacts(self, folder: Path) -> None:
        """What each node says, all of its jobs, the logs of its application and supervisor, and by
        which public keys it is known."""
        await super().artefacts(folder)
        for name, machine in self._running.machines.items():
            layout, there = machine.layout, folder / name
            known_by = {
                "node": machine.pubkey,
                "ssh_host_key": machine.endpoint.host_key.get_fingerprint(),
            }
            write(there / "certificates.json", known_by)
            for log in (layout.app_log, layout.supervisor_log):
                if log.exists():
                    shutil.copy(log, there / log.name)
            if layout.jobs.is_dir():
                shutil.copytree(layout.jobs, there / "jobs", dirs_exist_ok=True)
                artefacts.add_jobs(there, [job.told() for job in JobStore(layout.jobs).load()])

    async def faulty_deploy(self, node: str, generation: int, fault: str, *, back: bool) -> Outcome:
        """As `DeploysAmidFaults`; the machine's own control arms the fault."""
        control = self._running.machines[node].control
        await control.call("fault.arm", {"fault": fault})
        previewed = await preview(self.live[node], generation, back=back)
        job = await begin(self.live[node], generation, back=back)
        if isinstance(job, Outcome):
            await control.call("fault.disarm")
            return job
        wrong = await self._amid(node, job, generation, fault) if fault in HOLDING else None
        outcome = await end(self.live[node], job, previewed)
        disarmed = await self._running.machines[node].control.call("fault.disarm")
        if fault not in HOLDING and not disarmed["met"]:
            raise FaultError(f"{node} was to meet a fault ({fault}) in its {job}, and has not.")
        await self._still_cut()
        return wrong or outcome

    async def backup(self, nodes: Sequence[str]) -> None:
        """All at once, by the machines' own control."""
        await asyncio.gather(*(self._running.machines[node].backup() for node in nodes))

    async def restore(self, nodes: Sequence[str], *, plain: bool) -> None:
        """All are killed before the first one is put back; each must answer then."""
        machines = [self._running.machines[node] for node in nodes]
        await asyncio.gather(*(machine.kill() for machine in machines))
        try:
            await asyncio.gather(*(machine.restore(plain=plain) for machine in machines))
        except BootError as error:
            raise FaultError(f"A machine that was put back does not start: {error}") from None
        await self.came_back(nodes)

    async def spoil(self, node: str, part: str) -> Outcome:
        """By the machine's own control; what the node says is the end of its log."""
        machine = self._running.machines[node]
        await machine.spoil(part)
        outcome = accepted()
        try:
            await machine.start()
        except BootError as error:
            outcome = refused(DAMAGED if DAMAGED in str(error) else "application_failed")
        try:
            await machine.renew(BASELINE)
        except BootError as error:
            raise FaultError(f"{node} does not start with an empty store: {error}") from None
        await self.came_back((node,))
        return outcome

    async def purge(self) -> Outcome:
        """As an administrator does: each node is asked, then told what all have alike. One that
        does not run has nothing."""
        up = [node for node in self.nodes if node not in self.down | self.paused]
        asked = [self.live[node].admin("store.deletes") for node in up]
        lists: list[dict[str, str]] = [{}] if len(up) < len(self.nodes) else []
        try:
            lists += [answer["deletes"] for answer in await asyncio.gather(*asked)]
            mine = {
                name: one
                for name, one in shared(lists).items()
                if name.partition(":")[2].startswith(f"{self.run_id}/")
            }
            told = [self.live[node].admin("store.purge", {"deletes": mine}) for node in up]
            await asyncio.gather(*told)
        except (AdminError, Unreachable) as error:
            return refused(getattr(error, "code", "unreachable"))
        except Indefinite as error:
            return unknown(str(error))
        return accepted()

    async def _amid(self, node: str, job: str, generation: int, fault: str) -> Outcome | None:
        """Do what the fault is where the job is held; what the node did wrong then, if anything."""
        control = self._running.machines[node].control
        if not (await control.call("fault.held", {"limit_s": HELD_LIMIT_S}))["held"]:
            raise FaultError(f"{node} was to be held ({fault}) in its {job}, and was not.")
        if fault == "aborted":
            await self.live[node].admin("rollout.abort", {"job": job})
        elif fault == "second-job":
            second = await begin(self.live[node], generation, back=False)
            await control.call("fault.disarm")
            if second != refused("job_running"):
                return refused("job_running was not said")
        else:
            await self._reboot(node)
        return None

    async def disable(self, node: str) -> Outcome:
        """As `Uninstalls`."""
        self._unusual.add(node)
        outcome = await deploying.disable(self.live[node], PLUGIN)
        await self._still_cut()
        return outcome

    async def uninstall(self, node: str, *, confirmed: bool) -> Outcome:
        """As `Uninstalls`."""
        outcome = await deploying.uninstall(
            self.live[node], PLUGIN, confirmed=confirmed, run_id=self.run_id
        )
        await self._still_cut()
        return outcome

    async def select(self, node: str, generation: int) -> Outcome:
        """As `Boots`."""
        self._unusual.add(node)
        _, running = await self.live[node].links()
        return await deploying.select(self.live[node], generation, back=generation < running)

    async def reboot(self, node: str) -> None:
        """All processes of the machine are killed, and it boots."""
        await self._reboot(node)
        self.down -= {node}
        await self._stand_still(self.paused - {node})
        if not await self._answers(node):
            raise FaultError(f"{node} was booted, and its application does not answer.")
        await self._still_cut()

    async def _to(self, node: str, generation: int) -> None:
        """Bring a node to a generation; first to none, from where a deployment alone does not."""
        if node in self._unusual:
            await deploying.uninstall(self.live[node], PLUGIN, confirmed=True)
            self._unusual.discard(node)
        await super()._to(node, generation)

    async def _reboot(self, node: str) -> None:
        """Kill all of a machine, and boot it."""
        await self.live[node].retire()
        try:
            machine = await self._running.reboot(node)
        except BootError as error:
            raise FaultError(f"{node} does not boot any more: {error}") from None
        before = self.live[node]
        self.live[node] = LiveNode(machine, self._running.admin_key, machine.pubkey)
        self.live[node].pace, self.live[node].took = before.pace, before.took
        self.live[node].jobs = before.jobs

    @property
    def _running(self) -> LocalCluster:
        if self._local is None:
            raise InvalidRunError("No cluster runs: begin a run first.")
        return self._local

    async def _empty(self, net: Net) -> None:
        """Every table dropped on every node at once, so that nothing comes back from a peer."""
        bare = net.with_cut(()).deploy(net.nodes, BASELINE)
        told = frozenset[Link]()
        await super().begin(replace(bare, down=frozenset(), away=told, distrusts=told))

    async def _rebuild(self) -> None:
        await self._demolish()
        if self._machines is not None and not self._machines.usable:
            give_back(self._machines)
            self._machines = None
        if self._machines is None:
            self._machines = borrow(self.MACHINES)
        local = self._machines.prepare(self.nodes, bugs=self._bugs)
        self._local = local
        machines = await local.boot(await self._lay(local))
        self.live = {one.name: LiveNode(one, local.admin_key, one.pubkey) for one in machines}
        self.cut, self.down = frozenset(), frozenset()
        self._unusual.clear()
        self.away, self.distrusts = frozenset(), frozenset()
        await self._stand_still(frozenset())

    async def _lay(self, local: LocalCluster) -> Mapping[Link, str]:
        """Have links to faults on them; where each is dialled."""
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
        return {link: f"ws+unix://{door}" for link, door in doors.items()}

    @property
    def _all(self) -> list[Link]:
        return list(permutations(self.nodes, 2))

    async def _demolish(self) -> None:
        await super().close()
        self.live = {}
        if self._local is not None:
            await self._local.close()
            self._local = None


class DroppingCluster(EmbeddedCluster):
    """The same, whose nodes may also run a version of the plugin that has dropped a column."""

    schema: ClassVar[Schema] = DROPPING
