"""`syncmodel check`: what it prints, what it leaves, and its exit codes."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from operator import attrgetter
from pathlib import Path

import pytest
from attrs import fields

from syncmodel.cli import main
from syncmodel.cli.check import NUMBERS, _limits, arguments
from syncmodel.corpus import load_all
from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.scenes import SCENES
from syncmodel.targets.registry import get, registered

PAGE = Path(__file__).parents[3] / "docs" / "checking.md"
#: Transitions that take some seconds.
SMALL = 3_800


def test_the_defaults_are_those_of_the_limits() -> None:
    usual = Limits()
    assert {name: default for name, (_, default, _) in NUMBERS.items()} == {
        each.name: getattr(usual, each.name)
        for each in fields(Limits)
        if each.name not in ("schema", "rows", "together", "generations", "ops")
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
    ((path, saved),) = load_all(tmp_path, registered)
    assert saved.bug == "tombstone-lost-on-resync"
    assert main(["replay", "--target", "simulated", str(path)]) == 1
    assert main(["replay", "--target", "simulated", "--no-bug", str(path)]) == 0


def test_rows_of_several_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--grain", "model", "--rows", "cases=2,events=1"]) == 3
    out = capsys.readouterr().out
    assert "Searching: nodes 2, rows cases=2,events=1." in out
    assert "unreached: sometimes 'a row is hidden'" in out


def _examples() -> list[str]:
    """The arguments of every command of the page."""
    found = re.findall(r"^ {4}(?:\$ )?syncmodel check((?: \S+)*)", PAGE.read_text("utf-8"), re.M)
    return [arguments.strip() for arguments in found]


def test_the_examples_of_the_page_can_be_asked_for() -> None:
    examples = _examples()
    assert len(examples) > 10
    for example in examples:
        parser = argparse.ArgumentParser()
        arguments(parser)
        asked = parser.parse_args(shlex.split(example))
        _limits(asked, get(asked.target).schema)


def test_the_page_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--target", "shop:Shop"]) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if " s, " not in line]
    shown = PAGE.read_text("utf-8").partition("$ syncmodel check --target shop:Shop\n")[2]
    assert printed == [line.strip() for line in shown.partition("\n\n")[0].splitlines()]


# --- a target of your own ------------------------------------------------------------------------

STORE = '''
from shop import Shop


class TiesStay(Shop):
    """A shop in which the first of two writes with one time stays."""

    def hear(self, node, row, stamp, value):
        had = self.known[node].get(row)
        if had is None or had[0].time < stamp.time:
            self.known[node][row] = (stamp, value)
'''


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the folder that the process stands in."""
    (tmp_path / "ties_stay.py").write_text(STORE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "ties_stay", raising=False)
    return "ties_stay:TiesStay"


def test_a_target_is_searched_run_by_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--target", "shop:Shop"]) == 0
    out = capsys.readouterr().out
    assert "holds: 15 states, 14 transitions, depth 2" in out
    assert "Covered on a shop: every sequence within these limits, of up to 2 steps; 15 runs" in out
    lacks = "backup, clock, crash, disable, distrust, faulty_rollback, faulty_rollout, hang, join, "
    lacks += "leave, misuse, pause, purge, reactivate, read, reboot, restart, restore, resume, "
    lacks += "resync, rollback, rollout, select, spoil, trust, uninstall"
    assert f"Not covered: the steps {lacks};" in out


def test_a_bug_of_a_target_is_found_and_saved(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--target", store, "--cuts", "1", "--corpus", str(tmp_path / "found")]
    assert main(["check", *arguments]) == 1
    out = capsys.readouterr().out
    assert "after 4 actions" in out
    assert "wrong: flipped: users/u1" in out
    assert "once more there: the same" in out
    ((_, saved),) = load_all(tmp_path / "found", get(store))
    assert saved.target == store
    assert saved.expected.divergence == ("flipped", "users")
    assert len(saved.steps) == 4


def test_the_model_of_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "users=1,carts=1,items=1"
    assert main(["check", "--target", "shop:Shop", "--grain", "model", "--rows", rows]) == 0
    assert "holds: 24 states, 25 transitions" in capsys.readouterr().out


def test_graphs_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dot, graphml = tmp_path / "states.dot", tmp_path / "states.graphml"
    assert main(["check", "--dot", str(dot), "--graphml", str(graphml)]) == 0
    assert dot.read_text().startswith("digraph states {")
    assert "n1 shows cases/c1 (title t1, counter 0)" in graphml.read_text()
    assert "states, " in capsys.readouterr().out


def test_a_graph_that_is_too_large_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--max-states", "3", "--dot", str(tmp_path / "x.dot")]) == 2
    assert "larger than its bound" in capsys.readouterr().err


def test_a_scene_has_its_pinned_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--scenes", "messages-resync"]) == 0
    assert "messages-resync: holds: 2211 states, 2955 transitions" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "one", [s for s in SCENES if s.transitions < SMALL], ids=attrgetter("name")
)
def test_a_small_scene_has_the_count_of_the_table(one: Scene) -> None:
    """A change of the model shows here, and not only in `make check-model`, which takes long."""
    assert main(["check", "--scenes", one.name]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenes", "nonsense"], "There is no scene 'nonsense'"),
        (["--ops", "burst"], "Not steps that a search can take"),
        (["--timeouts", "1"], "searches of the model"),
        (["--grain", "model", "--bug", "tie-by-arrival"], "planted in nodes"),
        (["--bug", "nonsense"], "There is no bug 'nonsense'"),
        (["--property", "nonsense"], "No property's name has 'nonsense'"),
        (["--rows", "users=1"], "There is no table 'users'"),
        (["--target", "nonsense"], "There is no target 'nonsense'"),
        (["--target", "shop:Shop", "--grain", "messages"], "need the reference's cores"),
        (["--target", "shop:Shop", "--cover", "kind"], "need the reference's cores"),
        (["--target", "shop:Shop", "--cuts", "any"], "give --max-depth"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [("cases", "'cases' is not a valid TABLE=N"), ("cases=x", "not a whole number")],
)
def test_bad_rows_are_one_sentence(
    rows: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--rows", rows])
    assert said in capsys.readouterr().err
