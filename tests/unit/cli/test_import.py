"""`syncmodel import`: a list of steps in our JSON, from another tool."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from syncmodel.cli import main
from syncmodel.corpus import load_all
from syncmodel.steps import Create, Partition, form
from syncmodel.targets import registry

STEPS = (Create("n1", "cases", "c1", (("title", "t1"),)), Partition((("n1",), ("n2",))))
TEXT = json.dumps([form.dump(step) for step in STEPS])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_list_becomes_a_saved_run_that_replays(capsys: pytest.CaptureFixture[str]) -> None:
    Path("steps.json").write_text(TEXT)
    assert main(["import", "steps.json", "--target", "simulated"]) == 0
    saved, command = capsys.readouterr().out.splitlines()
    path = Path(saved.removeprefix("Saved as "))
    ((_, run),) = load_all(Path("found"), registry.get("simulated"))
    assert run.steps == STEPS
    assert dict(run.nodes) == {"n1": 2, "n2": 2}
    assert command == f"Perform it: syncmodel replay {path}"
    assert main(["replay", "--check", str(path)]) == 0


def test_it_comes_from_standard_input_with_a_title(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    words = ["--title", "What my model found", "--nodes", "5", "--corpus", "mine"]
    assert main(["import", "-", *words, "--target", "simulated", "--bug", "tie-by-arrival"]) == 0
    ((path, run),) = load_all(Path("mine"), registry.get("simulated"))
    assert path.name.startswith("what-my-model-found-")
    assert (run.title, len(run.nodes), run.bug) == ("What my model found", 5, "tie-by-arrival")


def test_an_object_with_steps_will_do() -> None:
    Path("steps.json").write_text(json.dumps({"tool": "mine", "steps": json.loads(TEXT)}))
    assert main(["import", "steps.json", "--target", "simulated"]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "steps.json: expected a list of steps, or an object with `steps`."),
        ("[", "steps.json is not valid JSON"),
        ('[{"op": "creat"}]', "steps.json, step 1: unknown op 'creat'"),
        ('[{"op": "crash"}]', "steps.json, step 1: the field `node` is missing"),
        (
            '[{"op": "delete", "node": "n1", "table": "cases", "row": "c1"}]',
            "steps.json, step 1 (delete): it can't be taken here",
        ),
        ('[{"op": "crash", "node": "x9"}]', "steps.json, step 1: there is no node 'x9'"),
        ('[{"op": "crash", "node": "n99999"}]', "steps.json, step 1: there is no node 'n99999'"),
    ],
)
def test_what_is_no_run_is_one_sentence(
    capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    Path("steps.json").write_text(text)
    assert main(["import", "steps.json", "--target", "simulated"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not Path("found").exists()


def test_a_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "none.json"]) == 2
    assert "none.json can't be read: No such file" in capsys.readouterr().err
