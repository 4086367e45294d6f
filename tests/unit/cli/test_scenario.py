"""`syncmodel scenario`: the files pass phase by phase, and what goes wrong is one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from syncmodel.cli import main
from syncmodel.corpus import load, save
from syncmodel.errors import FormatError
from syncmodel.targets.registry import TargetKind, registered

FOLDER = Path(__file__).parents[3] / "corpus" / "scenarios"
FILES = sorted(FOLDER.glob("*.json"))
ON = ["--target", "simulated", "--folder", str(FOLDER), "--artefacts"]
RUN_ID = r"\d{4}-\d\d-\d\dt\d{9}z-"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_passes_phase_by_phase(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written_for = registered(json.loads(file.read_text())["target"])
    assert written_for is not None
    twin = str(written_for.twin)
    on = ["--target", twin, *ON[2:], str(tmp_path)]
    assert main(["scenario", file.stem, *on]) == 0
    said = capsys.readouterr().out.splitlines()
    assert re.match(f"{RUN_ID}{file.stem} on {twin}: ", said[0])
    phases = [phase.name for phase in load(file, registered).phases]
    assert len(phases) > 3
    passed = [re.fullmatch(r"  passed +[\d.]+ s  (.*)", line) for line in said[1:-1]]
    assert [one and one[1] for one in passed] == phases
    (folder,) = tmp_path.iterdir()
    assert re.fullmatch(f"{RUN_ID}{file.stem}", folder.name)
    assert said[-1] == f"pass: {folder} has the record, and what each node says."
    assert (folder / "record.jsonl").stat().st_size > 1_000


def test_the_phase_that_fails_is_named_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bug = ["--bug", "failed-activation-not-undone"]
    assert main(["scenario", "deployments-that-fail", *bug, *ON, str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert re.search(r"diverged +[\d.]+ s  a generation that does not come up", said)
    assert "selected generation 2" in said
    (story,) = tmp_path.glob("*/story.txt")
    assert story.read_text() in said


def test_a_step_that_a_target_can_not_take_is_left_out_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on hosts of an inventory, whose deployments meet no fault.
    monkeypatch.setattr(TargetKind, "takes", lambda _, step: not step.op.startswith("faulty"))
    name = "cluster-plugin-rollout-sync-split-brain"
    assert main(["scenario", name, *ON, str(tmp_path)]) == 0
    said = capsys.readouterr().out
    whole = load(FOLDER / f"{name}.json", registered)
    faulty = sum(step.op.startswith("faulty") for step in whole.steps)
    assert faulty == 1
    assert said.count("left out, as simulated lacks the ability: ") == faulty
    assert f"pass (without {faulty} of {len(whole.steps)} steps): " in said
    assert said.count("  passed ") == len(whole.phases) - 1


def test_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "--folder", str(FOLDER)]) == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line[0] != " "] == [f.stem for f in FILES]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing", "--folder", str(FOLDER)], "There is no scenario nothing in"),
        (["--folder", "/nowhere"], "There are no scenarios in /nowhere: say where with --folder."),
        (["x", "--folder", "/nowhere"], "only: none; say where they are with --folder."),
    ],
)
def test_a_name_that_is_none(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenario", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_phases_survive_a_save(tmp_path: Path) -> None:
    scenario = load(FILES[0], registered)
    assert load(save(tmp_path, scenario), registered) == scenario


@pytest.mark.parametrize(
    ("phases", "sentence"),
    [
        ([{"name": "one", "steps": 1}], "they have to share out all"),
        ([{"name": "", "steps": 1}], "field `name`"),
        ([{"name": "one", "steps": 0}], "expected 1 to"),
        ([{"name": "one"}], "field `steps`"),
        ([7], "phases"),
        ({}, "phases"),
    ],
)
def test_phases_are_read_strictly(tmp_path: Path, phases: object, sentence: str) -> None:
    raw = json.loads(FILES[0].read_text())
    file = tmp_path / "s.json"
    file.write_text(json.dumps({**raw, "phases": phases}))
    with pytest.raises(FormatError, match=re.escape(sentence)):
        load(file, registered)
