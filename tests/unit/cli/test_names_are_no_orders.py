"""A name in a file or a record is compared with what is there: it never imports anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from syncmodel.cli import main

CREATE = {"op": "create", "node": "n1", "table": "cases", "row": "c1", "values": {"title": "t1"}}
STALE = {"name": "stale", "table": "cases"}
FILE: dict[str, Any] = {
    "version": 2,
    "title": "x",
    "target": "simulated",
    "nodes": 2,
    "steps": [CREATE],
    "expected": {"verdict": "pass"},
}
BAD = {"verdict": "diverged", "divergences": []}
NAMES = ("trap:Target", "trap", "os:system", "trap.inner:Target", "../trap", "trap; trap")


@pytest.fixture(autouse=True)
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module, and a package of it, that write a file when they are imported."""
    mark = tmp_path / "imported"
    content = f"open({str(mark)!r}, 'w').close()\nclass Target: pass\n"
    here = tmp_path / "here"
    (here / "trap").mkdir(parents=True)
    (here / "trap" / "__init__.py").write_text(content)
    (here / "trap" / "inner.py").write_text(content)
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(str(here))
    return mark


def files(name: str) -> dict[str, dict[str, Any]]:
    """Files that have the name wherever one stands."""
    invariant = {"verdict": "diverged", "divergence": {"name": "invariant", "table": name}}
    changes: dict[str, dict[str, Any]] = {
        "target": {"target": name},
        "bug": {"bug": name},
        "policy": {"guarantees": {"rows": name}},
        "policy of a table": {"guarantees": {"tables": {"cases": name}}},
        "machine": {"found": {"machine": name}, "expected": invariant},
        "fact": {"found": {"machine": name, "target": name, "network": name}},
        "step": {"steps": [{**CREATE, "op": name}]},
        "step in a step": {"steps": [{"op": "burst", "steps": [{"op": name}]}]},
        "table": {"steps": [{**CREATE, "table": name}]},
        "reason": {"steps": [{"op": "refused", "step": CREATE, "why": name}]},
        "divergence": {"expected": {"verdict": "diverged", "divergence": {"name": name}}},
        "version": {"version": name},
    }
    return {where: {**FILE, **change} for where, change in changes.items()}


def records(name: str) -> list[list[dict[str, Any]]]:
    header: dict[str, Any] = {"format": "syncmodel-record", "version": 2, "target": "simulated"}
    began = {"entry": "began", "run": 1, "nodes": {"n1": 2, "n2": 2}}
    step = {"entry": "step", "run": 1, "step": CREATE}
    end = {"entry": "end", "run": 1, **BAD}
    return [
        [{**header, "target": name}, began, step, end],
        [{**header, "bugs": [name]}, began, step, end],
        [{**header, "machine": name}, began, step, end],
        [header, began, {**step, "step": {**CREATE, "op": name}}, end],
        [header, began, step, {**end, "divergences": [{**STALE, "name": name}]}],
    ]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_imported(name: str, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in files(name).values():
        Path("run.json").write_text(json.dumps(content))
        main(["replay", "run.json"])
        main(["minimize", "run.json"])
        main(["report", "run.json"])
    for lines in records(name):
        Path("run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        main(["minimize", "run.jsonl"])
    assert "Traceback" not in capsys.readouterr().err
    assert not trap.exists()
    assert not {"trap", "trap.inner"} & set(sys.modules)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("target", "If you trust that code: syncmodel replay --target trap:Target run.json"),
        ("machine", "name it with --machine trap:Target"),
        ("bug", "There is no bug 'trap:Target'; there are: "),
        ("step", "a step of your own needs its machine (--machine module:Class)"),
        ("policy", "one of your own comes with its target (--target module:Class)"),
    ],
)
def test_the_message_says_what_is_needed(
    where: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run.json").write_text(json.dumps(files("trap:Target")[where]))
    assert main(["replay", "run.json"]) == 2
    assert words in capsys.readouterr().err
