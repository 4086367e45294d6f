"""`syncmodel judge`: what was kept of a run says what diverged, when no node is there any more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from syncmodel.cli import main

FOLDER = Path(__file__).parents[3] / "corpus" / "scenarios"
NAME = "deployments-that-fail"


def left(tmp_path: Path, *bugs: str) -> Path:
    """The folder that a scenario left."""
    named = [part for bug in bugs for part in ("--bug", bug)]
    where = [
        "--target",
        "simulated",
        "--folder",
        str(FOLDER),
        "--artefacts",
        str(tmp_path / "kept"),
    ]
    assert main(["scenario", NAME, *named, *where]) == len(bugs)
    (folder,) = (tmp_path / "kept").iterdir()
    return folder


def test_the_folder_of_a_scenario_that_failed_says_the_same_divergence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = left(tmp_path, "failed-activation-not-undone")
    said = capsys.readouterr().out
    assert main(["judge", str(folder)]) == 1
    first, *found = capsys.readouterr().out.splitlines()
    assert first.endswith("diverged after step 7, as recorded")
    assert found[0] == (
        "  control plane: n1: expected selected generation 2; shown: selected generation 3"
    )
    assert "selected generation 2" in said


def test_the_folder_of_one_that_passed_says_that_it_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = left(tmp_path)
    capsys.readouterr()
    assert main(["judge", str(folder), str(folder / "record.jsonl")]) == 0
    assert capsys.readouterr().out.count(": pass, as recorded\n") == 2


def test_what_is_not_as_the_record_says_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = left(tmp_path, "failed-activation-not-undone") / "record.jsonl"
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    before = [line["control"]["n1"] for line in lines[:-1] if "control" in line]
    # As if nothing had been wrong: what it said when it was well.
    lines[-1]["control"]["n1"] = [look for look in before if isinstance(look, dict)][-1]
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    capsys.readouterr()
    assert main(["judge", str(record)]) == 4
    said = capsys.readouterr().out
    assert "pass, not as recorded" in said
    assert "  recorded: control plane: n1: expected selected generation 2" in said


def test_the_record_of_hosts_needs_no_inventory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = left(tmp_path, "failed-activation-not-undone")
    record = folder / "record.jsonl"
    text = record.read_text()
    record.write_text(text.replace('"target": "simulated"', '"target": "inventory"', 1))
    assert main(["judge", str(folder)]) == 1
    assert "as recorded" in capsys.readouterr().out


def test_paths_that_are_no_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("{}")
    for path, words in (
        (tmp_path, "There is no record"),
        (tmp_path / "nothing", "There is no record"),
        (tmp_path / "a.json", "is not a record"),
    ):
        assert main(["judge", str(path)]) == 2
        assert words in capsys.readouterr().err


def test_a_run_that_says_nothing_is_no_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = left(tmp_path) / "record.jsonl"
    *lines, end = record.read_text().splitlines()
    said = {**json.loads(end), "verdict": "invalid", "reason": "The SSH connection broke."}
    record.write_text("\n".join([*lines, json.dumps(said), ""]))
    capsys.readouterr()
    assert main(["judge", str(record)]) == 3
    assert "The SSH connection broke." in capsys.readouterr().out


def test_the_record_alone_is_enough(tmp_path: Path) -> None:
    folder = left(tmp_path, "failed-activation-not-undone")
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / "record.jsonl", alone)
    shutil.rmtree(folder)
    assert main(["judge", str(alone)]) == 1
