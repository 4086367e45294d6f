"""What a newcomer mistypes or overlooks is one sentence, before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncmodel.cli import main
from syncmodel.corpus import Expected, Reproduction, save, usual
from syncmodel.steps import Create
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

STORE = """\
from syncmodel import ClusterMachine, CutsLinks, Target
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.wire import SUPERTEST

class {name}(Target, CutsLinks):
    schema, waits = SUPERTEST, False

    def __init__(self, count=3, bugs=()):
        super().__init__(count, bugs)
        self.inner = SimulatedCluster(count)

    cut = property(lambda self: self.inner.cut)

    async def begin(self, net): await self.inner.begin(net)
    async def write(self, node, write): return await self.inner.write(node, write)
    async def read(self, node): return await self.inner.read(node)
    async def set_cut(self, cut): await self.inner.set_cut(cut)
    async def settle(self, net, **told): return await self.inner.settle(net, **told)

class NoPartitions(ClusterMachine):
    target, partition, crash = {name}, None, None
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_of(target: str, machine: str) -> Path:
    """A saved run of that target, found by that machine."""
    saved = Reproduction(
        "x",
        usual(SUPERTEST, 1),
        (Create("n1", "cases", "c1", (("title", "t1"),)),),
        expected=Expected(("missing", "cases")),
        system=registry.get("simulated"),
        found={"machine": machine},
    )
    path = save(Path(), saved, "run.json")
    path.write_text(path.read_text().replace('"simulated"', f'"{target}"'))
    return path


@pytest.mark.parametrize(
    "option", ["--target", "--faults", "--machine", "--bug", "--record", "--corpus"]
)
def test_an_empty_option_is_not_taken_for_none(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["explore", option, ""])
    said = capsys.readouterr().err
    assert f"{option}: nothing is named" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "verb", [["replay"], ["minimize"], ["explore", "--target", "simulated", "--record"]]
)
def test_a_named_pipe_is_no_file(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert main([*verb, "pipe"]) == 2
    assert "pipe is a pipe, and no file: name a file." in capsys.readouterr().err


def test_a_pipe_of_the_shell_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"{}")
    os.close(theirs)
    try:
        assert main(["replay", f"/dev/fd/{ours}"]) == 2
    finally:
        os.close(ours)
    assert "`version`" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["explore", "--target", "simulated"], ["check"]])
def test_where_nothing_can_be_saved_nothing_is_begun(
    verb: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, "--corpus", "/proc/no/such"]) == 2
    said = capsys.readouterr()
    assert "Nothing can be saved in /proc/no/such" in said.err
    assert "Exploring" not in said.err
    assert not said.out


def test_a_corpus_that_can_be_written_in_is_left_as_it_was(here: Path) -> None:
    few = ["--sequences", "1", "--steps", "1", "--seed", "1"]
    assert main(["explore", "--target", "simulated", *few, "--corpus", "deep/er"]) == 0
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("verb", ["replay", "minimize"])
def test_one_hint_names_target_and_machine(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_of("mystore:Store", "mystore:Machine")
    assert main([verb, "run.json"]) == 2
    command = f"syncmodel {verb} --target mystore:Store --machine mystore:Machine run.json"
    assert command in capsys.readouterr().err


def test_what_a_file_says_of_its_machine_is_not_quoted_blindly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_of("mystore:Store", "x; rm -r")
    assert main(["replay", "run.json"]) == 2
    assert "rm -r" not in capsys.readouterr().err


def test_steps_that_the_target_lacks_an_ability_for_are_told_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "cuts_only.py").write_text(STORE.format(name="Cuts"))
    few = ["--sequences", "2", "--steps", "5", "--seed", "1"]
    assert main(["explore", "--target", "cuts_only:Cuts", *few]) == 0
    said = capsys.readouterr().out
    assert said.count("Never drawn") == 1
    assert (
        "Never drawn, as the target lacks the ability: backup, restore (PutsBack); clock "
        "(SetsClocks); crash, restart (Stops); disable, uninstall (Uninstalls); distrust, trust "
        "(Trusts); drift (DriftsClocks); faulty_rollback, faulty_rollout (DeploysAmidFaults); "
        "full_disk (FillsDisks); "
        "hang (HangsLinks); impair (ImpairsLinks); join, leave, reactivate (HasMembers); misuse "
        "(Misuses); pause, resume (Pauses); purge (Purges); read (Reads); reboot, select (Boots); "
        "resync (Resyncs); "
        "rollback, rollout (Deploys); slow (SlowsLinks); slow_disk (SlowsDisks); spoil (Spoils).\n"
    ) in said
    # What was not asked for is not missed.
    assert main(["explore", "--machine", "cuts_only:NoPartitions", *few]) == 0
    assert "reboot, select (Boots); restart (Stops); resync" in capsys.readouterr().out
    none = ["--faults", "none"]
    assert main(["explore", "--target", "cuts_only:Cuts", *few, *none]) == 0
    assert "ability: read (Reads).\n" in capsys.readouterr().out
    assert main(["explore", "--target", "simulated", *few]) == 0
    assert "Never drawn" not in capsys.readouterr().out


def helped(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_help_names_defaults_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("minimize", "replay"):
        said = helped(verb, capsys)
        assert "default: where the file says" in said
        assert "exit codes: 1" in said
        assert "embedded (real processes of this computer; the default)" not in said
    assert "any: no bound" in helped("check", capsys)
