"""Scenarios on live nodes: each passes, and leaves what its nodes say, without their keys."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from syncmodel.cli import main
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.report.judged import judged
from syncmodel.targets import registry

#: It starts many processes.
pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "corpus" / "scenarios"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
FILES = {
    "app.log",
    "certificates.json",
    "comparison.json",
    "generations.json",
    "links.json",
    "migrations.json",
    "previews.json",
    "nodes.json",
    "rows.json",
    "schema.json",
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
        for file in (folder / "record.jsonl", *node.rglob("*")):
            if file.is_file():
                assert set(re.findall(r"\b[0-9a-f]{64}\b", file.read_text())) <= known, file


@pytest.mark.parametrize(
    ("name", "bug", "what"),
    [
        ("deployments-that-fail", "failed-deployment-stays-selected", {"control plane"}),
        ("trust-expansion-replay", "trust-without-replay", {"missing", "resurrected", "stale"}),
    ],
)
def test_the_folder_of_a_failure_says_what_diverged_once_its_machines_are_gone(
    name: str, bug: str, what: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters: list[Path] = []
    rebuilt = EmbeddedCluster._rebuild

    async def noted(self: EmbeddedCluster) -> None:
        await rebuilt(self)
        assert self.folder is not None
        clusters.append(self.folder)

    monkeypatch.setattr(EmbeddedCluster, "_rebuild", noted)
    where = ["--folder", str(FOLDER), "--artefacts", str(tmp_path / "kept")]
    assert main(["scenario", name, "--bug", bug, *where]) == 1
    (folder,) = (tmp_path / "kept").iterdir()
    # Of the machines nothing is left: no process, no file. The folder goes elsewhere, alone.
    assert clusters
    for cluster in clusters:
        shutil.rmtree(cluster, ignore_errors=True)
        assert not cluster.exists()
    folder = folder.rename(tmp_path / "alone")
    monkeypatch.setattr(EmbeddedCluster, "__init__", no_machines)
    (one,) = judged(folder / "record.jsonl", registry.registered)
    last = json.loads((folder / "record.jsonl").read_text().splitlines()[-1])
    assert {key[0] for key in one.keys} == what
    assert one.found == one.recorded
    assert one.derived
    assert main(["judge", str(folder)]) == 1
    assert last["verdict"] == "diverged"
    # And what the nodes said of themselves is what was compared.
    for node, view in last["views"].items():
        rows = json.loads((folder / node / "rows.json").read_text())["rows"]
        seen = {
            f"{table}/{row.pop('id')}": row
            for table, shown in (view or {}).items()
            for row in shown
        }
        assert seen == (rows or {})
    for divergence in one.found:
        assert divergence.expected in (folder / "story.txt").read_text()


def no_machines(*_: object, **__: object) -> None:
    raise AssertionError("a machine was asked for")


def test_what_a_failed_deployment_left_is_in_its_nodes_folder(tmp_path: Path) -> None:
    where = ["--folder", str(FOLDER), "--artefacts", str(tmp_path)]
    bug = ["--bug", "failed-deployment-stays-selected"]
    assert main(["scenario", "deployments-that-fail", *bug, *where]) == 1
    (folder,) = tmp_path.iterdir()
    status = json.loads((folder / "n1" / "status.json").read_text())
    assert status["generation"] == {"running": 2, "selected": 3}
    assert json.loads((folder / "n1" / "links.json").read_text()) == [3, 2]
    assert "selected generation 2" in (folder / "story.txt").read_text()
    comparison = json.loads((folder / "n1" / "comparison.json").read_text())
    assert (comparison["selected"], comparison["running"], comparison["same"]) == (3, 2, False)
    assert comparison["generations"]["3"]["against_running"]["plugins"] == {
        "supertest": {"there": 1, "here": 2}
    }
    jobs = json.loads((folder / "n1" / "migrations.json").read_text())["jobs"]
    assert {job["job"]: (job["state"], job["exit_status"]) for job in jobs}["rollout-1"] == (
        "done",
        0,
    )
    codes = [job["error"]["code"] for job in jobs if job["error"]]
    assert codes == ["missing_substitutes"]
    assert {file.stem for file in (folder / "n1" / "jobs").iterdir()} == {j["job"] for j in jobs}


def test_a_node_that_does_not_come_back_leaves_its_jobs_and_that_it_does_not_answer(
    tmp_path: Path,
) -> None:
    """Version 1 can't run on the tables of version 2, where a column has another name."""
    where = ["--folder", str(FOLDER), "--artefacts", str(tmp_path)]
    bug = ["--bug", "failed-activation-not-undone"]
    assert main(["scenario", "deployments-that-fail", *bug, *where]) == 1
    (folder,) = tmp_path.iterdir()
    assert "the application does not come back" in (folder / "story.txt").read_text()
    assert "unanswered" in json.loads((folder / "n1" / "status.json").read_text())
    jobs = json.loads((folder / "n1" / "migrations.json").read_text())["jobs"]
    codes = [job["error"]["code"] for job in jobs if job["error"]]
    assert codes[:2] == ["missing_substitutes", "migration_failed"]
    assert codes[-1] == "application_failed"
