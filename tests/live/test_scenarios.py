"""Scenarios on live nodes: each passes, and leaves what its nodes say, without their keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from syncmodel.cli import main

#: It starts many processes.
pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "corpus" / "scenarios"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
FILES = {
    "app.log",
    "generations.json",
    "links.json",
    "nodes.json",
    "rows.json",
    "status.json",
    "store-tables.json",
    "supervisor.log",
    "sync.json",
}
#: A folder of a run is never larger: a hundred of them fit anywhere.
MOST_BYTES = 2_000_000


#: Together they have every kind of step that scenarios have.
FEW = (
    "cluster-lifecycle",
    "cluster-plugin-rollout-sync-split-brain",
    "deployments-that-fail",
    "restored-node",
    "trust-expansion-replay",
)


def kinds(name: str) -> set[str]:
    """The kinds of steps of a scenario, as its file has them."""
    return set(re.findall(r'"op": "(\w+)"', (FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def test_the_few_have_every_kind_of_step_that_scenarios_have() -> None:
    assert set[str]().union(*map(kinds, FEW)) == set[str]().union(*map(kinds, NAMES))


@pytest.mark.parametrize(
    "name",
    [one if one in FEW else pytest.param(one, marks=pytest.mark.long) for one in NAMES],
)
def test_each_passes_on_live_nodes(name: str, tmp_path: Path) -> None:
    where = ["--folder", str(FOLDER), "--artefacts", str(tmp_path)]
    assert main(["scenario", name, *where]) == 0
    (folder,) = tmp_path.iterdir()
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) < MOST_BYTES
    nodes = [there for there in folder.iterdir() if there.is_dir()]
    assert nodes
    for node in nodes:
        assert {file.name for file in node.iterdir() if file.is_file()} == FILES
        assert list((node / "jobs").iterdir())
        for file in node.glob("*.json"):
            found = json.loads(file.read_text())
            assert "unanswered" not in found, file
        # Keys are 64 hexadecimal digits; the public ones are all in the list of nodes.
        known = set(re.findall(r"\b[0-9a-f]{64}\b", (node / "nodes.json").read_text()))
        for file in node.rglob("*"):
            if file.is_file():
                assert set(re.findall(r"\b[0-9a-f]{64}\b", file.read_text())) <= known, file


def test_the_folder_of_a_failure_says_what_diverged_once_its_machines_are_gone(
    tmp_path: Path,
) -> None:
    where = ["--folder", str(FOLDER), "--artefacts", str(tmp_path)]
    bug = ["--bug", "failed-activation-not-undone"]
    assert main(["scenario", "deployments-that-fail", *bug, *where]) == 1
    (folder,) = tmp_path.iterdir()
    status = json.loads((folder / "n1" / "status.json").read_text())
    assert status["generation"] == {"running": 2, "selected": 3}
    assert json.loads((folder / "n1" / "links.json").read_text()) == [3, 2]
    assert "selected generation 2" in (folder / "story.txt").read_text()
    last = json.loads((folder / "record.jsonl").read_text().splitlines()[-1])
    assert last["verdict"] == "diverged"
