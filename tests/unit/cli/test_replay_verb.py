"""`syncmodel replay`: each file on its own target, or plainly on another one."""

import importlib
import json
import shlex
import sys
from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.cli import main, replay
from syncmodel.corpus import Expected, Reproduction, save, usual
from syncmodel.engine.history import Verdict
from syncmodel.engine.replay import Judgement, Replayed
from syncmodel.engine.run import Result
from syncmodel.report.again import again
from syncmodel.steps import Burst, Create, Delete, Resync
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

SIMULATED = registry.get("simulated")
STEPS = (Create("n1", "cases", "c1", (("title", "t1"),)), Delete("n2", "cases", "c1"))
RUN = Reproduction("A case goes", usual(SUPERTEST, 2), STEPS, system=SIMULATED)
PASSED = "As expected: the file says that it must pass; it passed."
#: Other targets, in a module that lies where the command is called.
MODULE = """\
from hypothesis.stateful import invariant
from syncmodel import ClusterMachine, refused
from syncmodel.model.columns import Token
from syncmodel.model.schema import Schema, Table
from syncmodel.reference.simulated import SimulatedCluster

class Store(SimulatedCluster):
    title = "a store of mine"

class Refuses(SimulatedCluster):
    async def write(self, node, write):
        return refused("never")

class Machine(ClusterMachine):
    @invariant()
    def few(self):
        pass

class Broken(ClusterMachine):
    target = Store

    @invariant()
    def never(self):
        assert not any(view and view.rows for view in self.views.values())

class Notes(SimulatedCluster):
    schema = Schema(Table("notes", Token("text")))
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mystore", raising=False)
    (tmp_path / "mystore.py").write_text(MODULE)
    return tmp_path


def test_a_file_is_performed_on_its_own_target(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(here, RUN)
    assert main(["replay", "--record", "run.jsonl", str(path)]) == 0
    told = capsys.readouterr().out
    assert PASSED in told
    assert "performed on" not in told
    header = json.loads(Path("run.jsonl").read_text().splitlines()[0])
    assert header["target"] == "simulated"


def test_another_target_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(here, evolve(RUN, target="embedded"))
    assert main(["replay", "--target", "simulated", str(path)]) == 0
    told = capsys.readouterr().out
    assert f"{path}\nA run of embedded, performed on simulated.\n\nA case goes\n" in told
    assert PASSED in told


def test_a_target_of_mine_by_the_command_that_is_printed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = evolve(RUN, target="mystore:Store")
    path = save(here, mine)
    assert main(["replay", str(path)]) == 2
    refused = capsys.readouterr().err
    assert "is a run of mystore:Store, which is not registered" in refused
    command = refused.strip().rpartition("If you trust that code: ")[2]
    assert command == again(mine, path)
    assert main(shlex.split(command)[1:]) == 0
    told = capsys.readouterr().out
    assert PASSED in told
    assert "performed on" not in told


def test_other_tables_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(here, RUN)
    assert main(["replay", "--target", "mystore:Notes", str(path)]) == 2
    assert "is a run of simulated, whose tables or generations are" in capsys.readouterr().err
    # Of a target that is not registered nobody knows the tables: its steps mean nothing here.
    unknown = save(here, evolve(RUN, target="mystore:Store"))
    assert main(["replay", "--target", "mystore:Notes", str(unknown)]) == 2
    assert "step 1 (create): it can't be taken here" in capsys.readouterr().err


def test_a_record_is_about_one_target(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(save(here, evolve(RUN, target=name))) for name in ("embedded", "simulated")]
    assert main(["replay", "--record", "run.jsonl", *files]) == 2
    told = capsys.readouterr().err
    assert "A record is about one target, and these files name embedded and simulated" in told
    assert not Path("run.jsonl").exists()


def test_an_unknown_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--target", "nope", "file"]) == 2
    said = capsys.readouterr().err
    assert "There is no target 'nope'; there are: " in said
    assert "embedded" in said
    assert "simulated" in said


BACK = Expected(("resurrected", "cases"))
DELETED = (STEPS[0], Burst((Resync("n2"), Delete("n1", "cases", "c1"))))
BUG = "tombstone-lost-on-resync"


def test_a_check_passes_where_every_file_behaves_as_it_says(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diverges = save(here, evolve(RUN, steps=DELETED, expected=BACK, bug=BUG), "bug.json")
    files = [str(save(here, RUN)), str(diverges)]
    assert main(["replay", "--check", *files]) == 0
    assert capsys.readouterr().out.endswith("\nChecked 2 files: all as expected.\n")
    assert main(["replay", *files]) == 1
    assert main(["replay", "--check", "--no-bug", str(diverges)]) == 0
    assert capsys.readouterr().out.endswith("\nChecked 1 file: it is as expected.\n")


def test_a_check_fails_where_a_file_behaves_otherwise(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(save(here, RUN)), str(save(here, evolve(RUN, expected=BACK), "no.json"))]
    assert main(["replay", "--check", *files]) == 4
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == ("Checked 2 files: 1 as expected, 1 otherwise, and nothing can be said of 0.")
    found = save(here, evolve(RUN, steps=DELETED, bug=BUG), "found.json")
    assert main(["replay", "--check", str(found)]) == 4


@pytest.mark.parametrize("verdict", [Verdict.INVALID, Verdict.UNKNOWN])
def test_a_check_says_where_nothing_can_be_said(
    verdict: Verdict,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from syncmodel.engine.history import Ended

    def unclear(*_: object) -> object:
        seen = Replayed(RUN.expected, Judgement.UNKNOWN, (Result(verdict),))
        return seen, [Ended(2, verdict)]

    monkeypatch.setattr(replay, "_replayed", unclear)
    assert main(["replay", "--check", str(save(here, RUN))]) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith("0 as expected, 0 otherwise, and nothing can be said of 1.")


def test_the_printed_command_names_all_that_is_mine(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = here / "my suite"
    folder.mkdir()
    (folder / "elsewhere.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(folder))
    importlib.import_module("elsewhere")
    mine = evolve(
        RUN,
        target="elsewhere:Store",
        found={"machine": "elsewhere:Machine; x"},
        expected=Expected(("invariant", "mine")),
    )
    assert again(mine, Path("-f'.json")) == (
        "PYTHONPATH='my suite' syncmodel replay --target elsewhere:Store "
        "--machine 'elsewhere:Machine; x' './-f'\"'\"'.json'"
    )


def test_every_verb_prints_a_command_that_works(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ("--target", "mystore:Refuses", "--corpus", "found here")
    searched = ("--sequences", "3", "--steps", "5", "--seed", "2", "--record", "run.jsonl")
    plain = evolve(RUN, target="mystore:Refuses", expected=Expected(("wrongly refused", "cases")))
    file = str(save(here, plain))
    for argv in (
        ("explore", *own, *searched),
        ("explore", *own, *searched, "--machine", "mystore:Machine"),
        ("explore", "--machine", "mystore:Broken", *own[2:], *searched[:-2]),
        ("minimize", *own, "run.jsonl"),
        ("minimize", *own, "--machine", "mystore:Machine", file),
        ("check", "--target", "mystore:Refuses", "--corpus", "found here", "--writes", "1"),
    ):
        assert main(argv) == 1
        told = capsys.readouterr().out
        command = told.partition("See it again: ")[2].partition("\n")[0]
        name, verb, *rest = shlex.split(command)
        assert (name, verb) == ("syncmodel", "replay"), told
        # Only where it brings what the run needs.
        assert ("--machine" in rest) is ("mystore:Broken" in argv)
        assert main([verb, "--check", *rest]) == 0
        assert "Checked 1 file: it is as expected." in capsys.readouterr().out


def test_a_record_takes_no_saved_runs_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    save(tmp_path, RUN, file.name)
    text = file.read_bytes()
    link = tmp_path / "link.jsonl"
    link.symlink_to(file)
    replay = ["replay", "--target", "simulated", str(file), "--record"]
    for record in (file, link):
        assert main([*replay, str(record)]) == 2
        assert "let the record be another file" in capsys.readouterr().err
    other = tmp_path / "other.json"
    other.write_bytes(text)
    assert main([*replay, str(other)]) == 2
    assert "is not a record" in capsys.readouterr().err
    assert file.read_bytes() == other.read_bytes() == text
    for _ in range(2):
        assert main([*replay, str(tmp_path / "run.jsonl")]) == 0


def test_a_typo_in_an_option_is_told_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["explore", "--sequnces", "3"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "do you mean --sequences? (see `syncmodel explore --help`)" in said
