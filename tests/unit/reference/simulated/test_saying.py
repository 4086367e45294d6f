"""What virtual nodes leave of a failure; and what a fresh node's comparison must be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.model.net import Net, fully_connected
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Crash, Create, Pause, Rollback, Rollout
from syncmodel.steps.base import Step
from syncmodel.targets.base import Diagnosed
from syncmodel.targets.wire import SUPERTEST

CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
FILES = {
    "comparison.json",
    "generations.json",
    "links.json",
    "nodes.json",
    "rows.json",
    "schema.json",
    "status.json",
    "store-tables.json",
    "sync.json",
}


def left(folder: Path, *steps: Step, net: Net | None = None) -> dict[str, dict[str, Any]]:
    """What the nodes leave after these steps, by node and file."""
    target = SimulatedCluster(2)
    assert isinstance(target, Diagnosed)
    Straight().run(run(target, net or fully_connected(SUPERTEST, 2), steps))
    Straight().run(target.artefacts(folder))
    return {
        node.name: {file.name: json.loads(file.read_text()) for file in node.iterdir()}
        for node in sorted(folder.iterdir())
    }


def items() -> dict[int, str]:
    """The store items of the generations that each node has."""
    return {one.number: f"/gnu/store/{one.item}" for one in DEFAULT_GENERATIONS}


def difference(field: str, there: object, here: object) -> dict[str, Any]:
    return {field: {"there": there, "here": here}}


def test_each_node_leaves_what_live_ones_do(tmp_path: Path) -> None:
    found = left(tmp_path, CREATE)
    assert set(found) == {"n1", "n2"}
    for node in found.values():
        assert set(node) == FILES
        assert node["rows.json"]["rows"] == {"cases/c1": {"title": "t1", "counter": 0}}
        assert node["links.json"] == [2, 2]
        assert node["status.json"]["healthy"]
        assert {one["name"] for one in node["nodes.json"]["nodes"]} == {"n1", "n2"}
        assert node["schema.json"]["version"] == 1
        assert node["store-tables.json"] == ["cases", "events"]
    peer = found["n2"]["sync.json"]["peers"]["n1"]
    assert peer["connected"]
    assert peer["applied"] == found["n1"]["sync.json"]["position"] > 0


def test_a_fresh_nodes_comparison_says_that_it_runs_what_is_selected_and_how_others_differ(
    tmp_path: Path,
) -> None:
    found = left(tmp_path)["n1"]["comparison.json"]
    item = items()
    others = {
        "1": {
            **difference("store_item", item[2], item[1]),
            "plugins": difference("supertest", 1, None),
        },
        "2": {},
        "3": {
            **difference("store_item", item[2], item[3]),
            "plugins": difference("supertest", 1, 2),
        },
        "4": {
            **difference("store_item", item[2], item[4]),
            "plugins": difference("supertest", 1, 3),
        },
    }
    assert found == {
        "selected": 2,
        "running": 2,
        "same": True,
        "generations": {
            number: {"against_selected": one, "against_running": one}
            for number, one in others.items()
        },
    }


def test_fresh_nodes_have_equal_comparisons_byte_for_byte(tmp_path: Path) -> None:
    left(tmp_path / "one")
    left(tmp_path / "other")
    texts = {file.read_bytes() for file in tmp_path.rglob("comparison.json")}
    assert len(texts) == 1
    assert len({file.read_bytes() for file in tmp_path.rglob("generations.json")}) == 1


def test_nodes_that_went_and_came_back_have_the_comparison_of_fresh_ones(tmp_path: Path) -> None:
    both = ("n1", "n2")
    left(tmp_path / "fresh")
    left(tmp_path / "came", Rollout(both, 3), CREATE, Rollback(both, 2))
    assert len({file.read_bytes() for file in tmp_path.rglob("comparison.json")}) == 1


def test_nodes_of_other_generations_have_other_ones(tmp_path: Path) -> None:
    found = left(tmp_path, Rollback(("n1",), 1))
    one, other = (found[node]["comparison.json"] for node in ("n1", "n2"))
    assert (one["running"], other["running"]) == (1, 2)
    assert one["generations"]["1"]["against_running"] == {}
    assert found["n1"]["schema.json"] == {"schema": None}
    assert found["n1"]["rows.json"] == {"rows": None}


def test_who_does_not_answer_leaves_what_its_machine_has(tmp_path: Path) -> None:
    found = left(tmp_path, CREATE, Crash("n1"), Pause("n2"))
    for node, why in (("n1", "n1 does not run"), ("n2", "n2 stands still")):
        for file in ("status.json", "nodes.json", "sync.json", "rows.json", "schema.json"):
            assert found[node][file] == {"unanswered": why}
        assert found[node]["links.json"] == [2, 2]
        assert found[node]["comparison.json"]["same"]
