"""Nodes that lack some of the contract: each capability in turn, and each pair, is no alarm; what
it costs is named; and a bug is found all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest
from supertest import create_case

from syncmodel.campaign.campaign import Campaign
from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Verdict
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.inventory import capabilities
from syncmodel.inventory.cluster import PartialCluster
from syncmodel.inventory.node import PartialNode
from syncmodel.inventory.rest import Rest
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.machine.wanted import Wanted
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import Misuse
from syncmodel.steps.base import CutsLinks, HangsLinks, Pauses, SlowsLinks
from syncmodel.steps.misused import METHODS as METHODS_MISUSED
from syncmodel.steps.misused import REPLAYED
from syncmodel.targets.base import How
from syncmodel.targets.deploying import deploy
from syncmodel.targets.registry import TargetKind
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow

ALL = tuple(capabilities.WITHOUT)
#: What is asked of a host, and not of its node.
OURS = ("control", "cuts", "pauses", "clocks", "boots", "hangs", "slowness")
#: The admin methods that each capability is made of.
METHODS = {
    "sync.status": {"sync.status"},
    "sync.resync": {"sync.resync"},
    "generations.list": {"generations.list"},
    "cluster_status": {"cluster_status"},
    "store.tables": {"store.tables"},
    "rollout": {"rollout.start", "rollout.status", "rollout.rollback"},
    "members": {f"cluster_nodes.{verb}" for verb in ("leave", "join", "reactivate")},
    "trust": {"cluster_nodes.trust", "cluster_nodes.distrust"},
    "plugins": {"plugins.disable", "plugins.uninstall"},
}


class Deaf(httpx.AsyncBaseTransport):
    """What stands before a node, and knows nothing of what the node is to lack."""

    def __init__(self, inner: httpx.AsyncBaseTransport, lacks: frozenset[str]) -> None:
        self._inner, self._lacks = inner, lacks
        self._methods = set().union(*(METHODS.get(one, set()) for one in lacks))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        rows = path.endswith(("/cases", "/events")) and request.method == "GET"
        if ("reads" in self._lacks and rows) or (
            "schema" in self._lacks and path.endswith("/schema")
        ):
            return refusal(404, "no_such_path")
        body = json.loads(request.content or b"{}")
        if body.get("method") in self._methods:
            return refusal(404, "unknown_method")
        is_mark = str(body.get("run_id", "")).startswith("syncmodel-")
        if "markers" in self._lacks and is_mark:
            return refusal(400, "malformed")
        response = await self._inner.handle_async_request(request)
        if "unauthorized" in self._lacks and response.status_code == 401:
            return refusal(401, "who_are_you")
        if "state.position" in self._lacks and path.endswith("/state"):
            return without_position(response, await response.aread())
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def refusal(status: int, code: str) -> httpx.Response:
    error = {"code": code, "message": "no", "details": {}}
    return httpx.Response(status, json={"ok": False, "error": error})


def without_position(response: httpx.Response, content: bytes) -> httpx.Response:
    said = json.loads(content)
    for name in ("position", "log_id"):
        if isinstance(said.get("result"), dict):
            said["result"].pop(name, None)
    return httpx.Response(response.status_code, json=said)


class LackingNode(PartialNode):
    """A node of this computer behind such a transport; `links` are read from nowhere."""

    absent: frozenset[str] = frozenset()

    def _surfaces(self, connection: asyncssh.SSHClientConnection) -> Any:
        http, client = super()._surfaces(connection)
        http._transport = Deaf(http._transport, self.absent)
        return http, client

    async def read_links(self) -> tuple[int, int]:
        if "links" in self.absent:
            raise OSError("no SFTP here")
        return await super().read_links()


class LackingCluster(EmbeddedCluster, PartialCluster):
    """The embedded cluster, whose nodes lack `absent`, as is found out by asking."""

    absent: frozenset[str] = frozenset()

    async def _rebuild(self) -> None:
        await super()._rebuild()
        for node in self.live.values():
            assert (await deploy(node, SUPERTEST.usual, back=False)).ok
            await node.close()
        assert self._local is not None
        names = self.nodes
        self.partial = {}
        for name in names:
            self._make(name)
        self.live = dict(self.partial)
        for one in self.partial.values():
            one.lacks = await capabilities.lacking(one)
        self.missing = implied(self.absent)
        self.rest = Rest(capabilities.how_rest(self.missing, None), 0.3)

    def _make(self, name: str) -> LackingNode:
        assert self._local is not None
        machine, names = self._local.machines[name], {one: one for one in self.nodes}
        node = LackingNode(machine, self.admin_key, machine.pubkey, names=names)
        node.absent = self.absent
        self.partial[name] = node
        return node

    async def _reboot(self, node: str) -> None:
        await super()._reboot(node)
        before, plain = self.partial[node], self.live[node]
        self.live[node] = made = self._make(node)
        made.lacks, made.pace, made.took = before.lacks, plain.pace, plain.took

    async def select(self, node: str, generation: int) -> Outcome:
        self._unusual.add(node)
        return await PartialCluster.select(self, node, generation)


def implied(absent: Iterable[str]) -> frozenset[str]:
    """What nodes lack that lack these."""
    lacks = set(absent)
    if "sync.status" in lacks:
        lacks.add("state.position")
    if "cluster_status" in lacks:
        lacks.add("clocks")
    if {"generations.list", "links"} <= lacks:
        lacks.add("rollout")
    if "rollout" in absent:
        lacks.add("boots")
    return frozenset(lacks)


def kind_without(absent: Iterable[str]) -> TargetKind:
    lacks = frozenset(absent)

    def make(count: int, bugs: Sequence[str]) -> LackingCluster:
        made = LackingCluster(count, bugs)
        made.absent = lacks
        return made

    missing = implied(lacks)
    missing |= capabilities.guessed(capabilities.how_rest(missing, None))
    abilities, fixed = capabilities.abilities(missing), "rollout" in missing
    return TargetKind("lacking", "nodes that lack", make, SUPERTEST, abilities, fixed=fixed)


def searched(
    absent: Iterable[str], folder: Path, bugs: tuple[str, ...] = (), **wanted: Any
) -> tuple[int, str]:
    """The exit code of a search on nodes that lack these, and what it found."""
    kind = kind_without(absent)

    class Machine(ClusterMachine):
        target = kind

    asked = Wanted(nodes=2, corpus=folder, minimize=False, scenes=False, bugs=bugs, **wanted)
    settings = asked.settings(Machine)
    with Pool(kind) as pool:
        campaign = Campaign(
            pool, settings, folder, searching(Machine), bugs=bugs, minimize=False, scenes=False
        )
        report = campaign.run()
    return report.exit_code, f"{report.found or report.halted or report.findings}"


def test_what_a_node_lacks_is_found_by_asking() -> None:
    asked = [one for one in ALL if one not in OURS]
    target = LackingCluster(2)

    async def main() -> None:
        try:
            await target.begin(fully_connected(SUPERTEST, 2))
            node = target.partial["n1"]
            assert isinstance(node, LackingNode)
            for absent in ((), *((one,) for one in asked), tuple(asked)):
                node.absent, node.lacks = frozenset(absent), frozenset()
                await node.close()
                assert await capabilities.lacking(node) == implied(absent)
        finally:
            await target.close()

    driver = Loop()
    try:
        driver.run(asyncio.wait_for(main(), 60))
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("absent", "how"),
    [
        ((), How.POSITION),
        (("state.position",), How.POSITION),
        (("markers",), How.POSITION),
        (("sync.status",), How.MARKERS),
        (("sync.status", "markers"), How.QUIET),
    ],
)
def test_rest_is_seen_by_position_else_by_markers_else_by_quiet(
    absent: tuple[str, ...], how: How
) -> None:
    assert capabilities.how_rest(implied(absent), None) is how


def test_where_rest_is_a_guess_nothing_is_drawn_that_is_quiet_too() -> None:
    quiet = capabilities.abilities(capabilities.guessed(How.QUIET))
    assert not issubclass(quiet, HangsLinks | SlowsLinks | Pauses)
    assert issubclass(quiet, CutsLinks)
    for how in (How.POSITION, How.MARKERS):
        assert not capabilities.guessed(how)


#: Those that change most of how a run goes; the others take as long.
FEW = ("sync.status", "generations.list", "rollout")


@pytest.mark.parametrize(
    "absent",
    [one if one in FEW else pytest.param(one, marks=pytest.mark.long) for one in ALL],
)
def test_a_capability_that_is_lacking_is_no_alarm(absent: str, tmp_path: Path) -> None:
    code, found = searched([absent], tmp_path, sequences=1, steps=15, seed=5)
    assert code == 0, found


def test_nodes_that_lack_all_of_it_are_no_alarm(tmp_path: Path) -> None:
    code, found = searched(ALL, tmp_path, sequences=1, steps=6, seed=5)
    assert code == 0, found


def test_a_request_is_replayed_though_the_node_has_no_health_to_ask_for() -> None:
    steps = [
        create_case("n1", "c1", "t1"),
        *(Misuse("n1", REPLAYED, method) for method in METHODS_MISUSED),
    ]
    target = kind_without(["cluster_status"]).make(2, ())

    async def main() -> Verdict:
        try:
            return (await run(target, fully_connected(SUPERTEST, 2), steps)).verdict
        finally:
            await target.close()

    driver = Loop()
    try:
        assert driver.run(asyncio.wait_for(main(), 60)) is Verdict.PASS
    finally:
        driver.close()


@pytest.mark.long
@pytest.mark.parametrize(
    "absent",
    [
        ("sync.status",),
        ("state.position", "cluster_status"),
        *(pytest.param((one,), marks=pytest.mark.longer) for one in ALL if one != "sync.status"),
    ],
)
def test_a_bug_is_found_in_nodes_that_lack_something(
    absent: tuple[str, ...], tmp_path: Path
) -> None:
    code, found = searched(absent, tmp_path, ("own-stamps-only",), sequences=20, steps=30, seed=1)
    assert code == 1, found


@pytest.mark.longer
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("absent", list(combinations(ALL, 2)))
def test_500_steps_without_any_pair_are_no_alarm(absent: tuple[str, str], tmp_path: Path) -> None:
    code, found = searched(absent, tmp_path, sequences=10, steps=50, seed=7)
    assert code == 0, found


@pytest.mark.longer
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("absent", ALL)
def test_500_steps_without_any_capability_are_no_alarm(absent: str, tmp_path: Path) -> None:
    code, found = searched([absent], tmp_path, sequences=10, steps=50, seed=7)
    assert code == 0, found
