"""`syncmodel check`: what it prints, what it leaves, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import fields

from syncmodel.cli import main
from syncmodel.cli.check import NUMBERS
from syncmodel.corpus import load_all
from syncmodel.exhaustive.limits import Limits


def test_the_defaults_are_those_of_the_limits() -> None:
    usual = Limits()
    assert {name: default for name, (_, default, _) in NUMBERS.items()} == {
        each.name: getattr(usual, each.name)
        for each in fields(Limits)
        if each.name not in ("together", "generations", "ops")
    }


def test_what_holds_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--burst", "2"]) == 0
    out = capsys.readouterr().out
    assert "Searching: nodes 2, burst 2." in out
    assert "holds: 19 states, 26 transitions, depth 2" in out
    assert "states a second" in out


def test_a_bound_makes_it_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--max-states", "5"]) == 3
    assert "unknown: max_states was hit" in capsys.readouterr().out


def test_a_bug_is_found_and_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--bug", "tombstone-lost-on-resync", "--rollbacks", "1", "--corpus", str(tmp_path)]
    assert main(["check", *arguments]) == 1
    out = capsys.readouterr().out
    assert "after 4 actions" in out
    assert "in a simulated cluster: the same" in out
    ((path, saved),) = load_all(tmp_path)
    assert saved.bug == "tombstone-lost-on-resync"
    assert main(["replay", "--target", "simulated", str(path)]) == 1
    assert main(["replay", "--target", "simulated", "--no-bug", str(path)]) == 0


def test_graphs_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dot, graphml = tmp_path / "states.dot", tmp_path / "states.graphml"
    assert main(["check", "--dot", str(dot), "--graphml", str(graphml)]) == 0
    assert dot.read_text().startswith("digraph states {")
    assert "n1 shows c1=t1+0" in graphml.read_text()
    assert "states, " in capsys.readouterr().out


def test_a_graph_that_is_too_large_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--max-states", "3", "--dot", str(tmp_path / "x.dot")]) == 2
    assert "larger than its bound" in capsys.readouterr().err


def test_a_scene_has_its_pinned_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--scenes", "messages-resync"]) == 0
    assert "messages-resync: holds: 2211 states, 2955 transitions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenes", "nonsense"], "There is no scene 'nonsense'"),
        (["--ops", "burst"], "Not steps that a search can take"),
        (["--timeouts", "1"], "searches of the model"),
        (["--grain", "model", "--bug", "tie-by-arrival"], "planted in nodes"),
        (["--bug", "nonsense"], "There is no bug 'nonsense'"),
        (["--property", "nonsense"], "No property's name has 'nonsense'"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
