"""A disk that is full and a database that is locked: a 503 with a code, nothing done, and the node
lives on. What the model makes of such an answer is here too."""

from __future__ import annotations

import asyncio
import errno
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from one_node import PLUGIN, OneNode, one_node

from syncmodel.model.outcome import refused, unknown
from syncmodel.reference.node.jobs import JobStore
from syncmodel.reference.node.layout import Layout
from syncmodel.targets.wire import to_outcome
from syncmodel.transport.clients import AdminError, Answer

CASE = {"id": "r/c1", "run_id": "r", "title": "t", "counter": 0}


@pytest.fixture
def root() -> Iterator[Path]:
    # Not pytest's folder: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="n-") as folder:
        yield Path(folder)


async def create(node: OneNode, name: str, title: str = "t") -> tuple[int, Any]:
    body = json.dumps(CASE | {"id": f"r/{name}", "title": title}).encode()
    return await node.ask("POST", f"{PLUGIN}/cases", body)


async def names(node: OneNode) -> list[str]:
    _, answer = await node.ask("GET", f"{PLUGIN}/state?run_id=r")
    return [row["id"] for row in answer["result"]["cases"]]


def test_a_full_disk_refuses_writes_and_the_node_lives_on(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            assert (await create(node, "c1"))[0] == 201
            db = node.app.store._db
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages}")  # as SQLite sees a full disk
            status, answer = await create(node, "c2", "x" * 100_000)
            assert (status, answer["error"]["code"]) == (503, "not_ready")
            assert await names(node) == ["r/c1"]
            assert (await node.admin("sync.status"))[1]["result"]["position"] == 1
            db.execute("PRAGMA max_page_count = 1000000")
            assert (await create(node, "c2", "x" * 100_000))[0] == 201
            assert await names(node) == ["r/c1", "r/c2"]

    asyncio.run(main())


def test_a_locked_database_refuses_what_writes_and_answers_the_rest(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            node.app.store._db.execute("PRAGMA busy_timeout = 0")
            other = sqlite3.connect(Layout(root).database, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            for status, answer in (
                await create(node, "c1"),
                await node.admin("cluster_nodes.distrust", {"node": "n2"}),
            ):
                assert (status, answer["error"]["code"]) == (503, "not_ready")
            for method in ("cluster_status", "sync.status", "cluster_nodes.list"):
                assert (await node.admin(method))[0] == 200
            assert await names(node) == []
            other.close()
            assert (await create(node, "c1"))[0] == 201

    asyncio.run(main())


def test_a_job_that_can_not_be_written_down_is_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def main() -> None:
        async with one_node(root) as node:
            with monkeypatch.context() as patched:
                patched.setattr(JobStore, "save", full)
                status, answer = await node.admin("rollout.rollback", {"generation": 1})
                assert (status, answer["error"]["code"]) == (503, "not_ready")
            _, answer = await node.admin("rollout.status", {"job": "rollback-1"})
            assert answer["error"]["code"] == "unknown_job"
            assert (await node.control.call("status", {}))["result"]["job"] is None
            status, answer = await node.admin("rollout.start", {"generation": 3})
            assert (status, answer["result"]) == (200, {"job": "rollout-1"})

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "code", "known"),
    [
        (503, "not_ready", True),
        (503, "control_lost", False),
        (503, "store_failed", False),
        (507, "full", False),
        (500, "", False),
        (409, "exists", True),
    ],
)
def test_only_not_ready_is_an_error_of_the_node_after_which_nothing_happened(
    status: int, code: str, known: bool
) -> None:
    body = {"ok": False, "error": {"code": code}}
    outcome = to_outcome(status, body, "r")
    assert outcome == (refused(code) if known else unknown(f"http {status}"))
    assert Answer(status, body).definite is known
    assert AdminError(code, "", {}, status).definite is known
