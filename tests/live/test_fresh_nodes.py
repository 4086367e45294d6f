"""What a fresh live node's comparison of generations must be; and that fresh nodes' are equal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow


async def leave(*folders: Path) -> None:
    """Fresh nodes for each folder, of which nothing was asked but to come up as runs begin."""
    cluster = EmbeddedCluster(2)
    try:
        for folder in folders:
            cluster.renew()
            await cluster.begin(fully_connected(SUPERTEST, 2))
            await cluster.artefacts(folder)
    finally:
        await cluster.close()


def read(folder: Path, node: str, file: str) -> Any:
    return json.loads((folder / node / file).read_text())


def test_fresh_nodes_run_what_is_selected_and_have_equal_comparisons(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    asyncio.run(leave(one, other))
    item = {each.number: f"/gnu/store/{each.item}" for each in DEFAULT_GENERATIONS}
    differs = {
        "1": {
            "plugins": {"supertest": {"there": 1, "here": None}},
            "store_item": {"there": item[2], "here": item[1]},
        },
        "2": {},
        "3": {
            "plugins": {"supertest": {"there": 1, "here": 2}},
            "store_item": {"there": item[2], "here": item[3]},
        },
        "4": {
            "plugins": {"supertest": {"there": 1, "here": 3}},
            "store_item": {"there": item[2], "here": item[4]},
        },
    }
    assert read(one, "n1", "comparison.json") == {
        "selected": 2,
        "running": 2,
        "same": True,
        "generations": {
            number: {"against_selected": each, "against_running": each}
            for number, each in differs.items()
        },
    }
    # A diff of the files of two fresh nodes, or of two clusters, shows nothing.
    for file in ("comparison.json", "generations.json", "migrations.json", "schema.json"):
        texts = {(there / node / file).read_bytes() for there in (one, other) for node in NODES}
        assert len(texts) == 1, file
    (job,) = read(one, "n1", "migrations.json")["jobs"]
    assert (job["job"], job["state"], job["exit_status"]) == ("rollout-1", "done", 0)
    ups = [["up", "supertest-1-cases"], ["up", "supertest-1-events"]]
    assert job["migrations"] == ups
    tables = read(one, "n1", "schema.json")["tables"]
    assert {"id", "title", "counter"} <= set(tables["supertest_cases"])


NODES = ("n1", "n2")
