"""The reference node on a local machine: rollouts as an administrator sees them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from syncmodel.reference.machines.local import LocalMachines
from syncmodel.targets.wire import PLUGIN_PATH
from syncmodel.transport.clients import AdminError, Indefinite, NodeClient, Unreachable
from syncmodel.transport.http import SSHTransport


def test_rollouts_with_data_and_back_through_the_admin_surface() -> None:
    async def main() -> None:
        async with LocalMachines() as machines:
            cluster = machines.prepare(["n1"])
            (n1,) = await cluster.boot()
            connection = await n1.control.connection()
            async with httpx.AsyncClient(
                transport=SSHTransport(connection), base_url="http://127.0.0.1:4000"
            ) as http:
                await rollouts(
                    NodeClient(http, cluster.admin_key, node=n1.pubkey, plugin_path=PLUGIN_PATH)
                )

    asyncio.run(main())


async def rollouts(node: NodeClient) -> None:
    assert (await node.plugin("GET", "schema")).status == 404
    await job(node, "rollout.start", 2)
    assert await columns(node, "supertest_cases") == {"id", "run_id", "title", "counter"}
    case = {"id": "r/c1", "run_id": "r", "title": "first", "counter": 3}
    assert (await node.plugin("POST", "cases", case)).status == 201
    await job(node, "rollout.start", 3)
    assert await cases(node) == [{**case, "severity": "normal"}]
    before = await node.admin("sync.status")
    await job(node, "rollout.start", 2)
    assert await cases(node) == [case]
    await job(node, "rollout.rollback", 1)
    assert (await node.plugin("GET", "state?run_id=r")).status == 404
    after = await node.admin("sync.status")
    assert after["log_id"] != before["log_id"]
    assert after["position"] == 0
    await job(node, "rollout.start", 2)
    assert await cases(node) == []
    status = await node.admin("cluster_status")
    assert status["healthy"]
    assert status["generation"] == {"selected": 2, "running": 2}
    with pytest.raises(AdminError) as refused:
        await node.admin("rollout.rollback", {"generation": 7})
    assert (refused.value.status, refused.value.code) == (404, "unknown_generation")


async def job(node: NodeClient, method: str, generation: int) -> None:
    """Run a job to its end; the node that is asked restarts while it is asked."""
    name = (await node.admin(method, {"generation": generation}))["job"]
    params = {"job": name, "wait": {"limit_s": 10.0}}
    async with asyncio.timeout(20):
        while True:
            try:
                status = await node.admin("rollout.status", params)
            except (Unreachable, Indefinite):
                continue  # it is between two applications
            except AdminError as error:
                if error.status == 500:
                    continue  # an answer that the restart cut off
                raise
            if status["state"] == "done":
                break
            assert status["error"] is None, status
    assert (status["selected"], status["running"]) == (generation, generation)


async def cases(node: NodeClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await node.plugin("GET", "state?run_id=r")).body["result"][
        "cases"
    ]
    return found


async def columns(node: NodeClient, table: str) -> set[str]:
    schema = (await node.plugin("GET", "schema")).body["result"]
    return set(schema["tables"][table]) - {"inserted_at", "updated_at"}
