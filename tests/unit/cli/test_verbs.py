"""The command line: what each verb does and says, on the simulated target, and its exit codes."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from syncmodel.cli import VERBS, main
from syncmodel.cli.options import SHARED, ops_of
from syncmodel.cli.parsing import Parser, add_options
from syncmodel.corpus import load
from syncmodel.errors import UsageError
from syncmodel.reference.node.bugs import all_bugs
from syncmodel.targets import registry
from syncmodel.targets.registry import registered

BUG = "tie-by-arrival"
FAILING = ("--bug", BUG, "--sequences", "300")
SIMULATED = ("--target", "simulated")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Failures are saved in a folder of the test's; the way signals are answered is put back."""
    import signal

    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def explore(*more: str) -> int:
    return main(["explore", *SIMULATED, "--seed", "1", *more])


def one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


def test_explore_on_a_correct_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--sequences", "3") == 0
    said = capsys.readouterr()
    assert said.out.startswith("No divergence: ")
    assert "Exploring 3 nodes" in said.err


def test_what_is_found_can_be_replayed_and_minimised(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(*FAILING, "--no-minimize", "--record", "run.jsonl") == 1
    assert "Not shortened" in capsys.readouterr().out
    (long,) = Path("found").glob("*.json")

    assert main(["replay", *SIMULATED, str(long)]) == 1
    assert f"with {BUG} planted" in capsys.readouterr().out
    assert main(["replay", *SIMULATED, "--no-bug", str(long)]) == 0
    assert "As expected: the file says that it must pass; it passed." in capsys.readouterr().out

    assert main(["minimize", *SIMULATED, "--corpus", "short", "run.jsonl"]) == 1
    (said,) = re.findall(r"^Saved as (.*)$", capsys.readouterr().out, re.MULTILINE)
    short = Path(said)
    assert len(load(short, registered).steps) < len(load(long, registered).steps)
    assert load(short, registered).bug == BUG

    assert main(["minimize", *SIMULATED, "--corpus", "again", str(long)]) == 1
    assert f"Saved as again/{short.name}\n" in capsys.readouterr().out


def test_nothing_to_minimise(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--sequences", "2", "--record", "run.jsonl") == 0
    capsys.readouterr()
    assert main(["minimize", *SIMULATED, "run.jsonl"]) == 2
    words = "There is nothing to shorten in run.jsonl: no run of it failed."
    assert capsys.readouterr().err == f"syncmodel minimize: {words}\n"


def test_the_same_seed_explores_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        explore("--sequences", "4", "--record", name)
    entries = [[json.loads(line) for line in Path(name).read_text().splitlines()] for name in "ab"]
    first, second = ([entry["step"] for entry in each if "step" in entry] for each in entries)
    assert first == second
    assert len(first) > 20


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"syncmodel {version('syncmodel')}\n"


def test_a_version_that_is_not_installed_has_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncmodel.cli.parsing.PACKAGE", "syncmodel-that-nobody-installed")
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert "not installed" in capsys.readouterr().out


def test_the_bugs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bugs"]) == 0
    out = capsys.readouterr().out
    for bug in all_bugs():
        assert f"{bug.name}  ({bug.family})" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explore", "--bug", "nope"], "There is no bug 'nope'; there are: "),
        (["explore", "--faults", "network,x"], "There are no faults 'x'; there are: clocks, "),
        (["explore", "--corpus", "file"], "file is not a directory"),
        (["explore", "--record", "no/such"], "can't be written: No such file or directory"),
        (["replay", "nothing"], "The file nothing can't be read: No such file or directory"),
        (["replay", "."], "can't be read: Is a directory"),
        (["replay", "file"], "file is not valid JSON"),
        (["replay", "--bug", "nope", "file"], "There is no bug 'nope'"),
        (["minimize", "file"], "file is not valid JSON"),
        (["node", "--bug", "nope"], "There is no bug 'nope'"),
    ],
)
def test_one_sentence_and_two(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    assert main(arguments) == 2
    said = capsys.readouterr().err.removeprefix("Exploring")
    assert words in said
    assert one_sentence(said)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: VERB"),
        (["dance"], "invalid choice: 'dance'"),
        (["explore", "--bogus"], "unrecognized arguments: --bogus"),
        (["explore", "--seq", "3"], "unrecognized arguments: --seq 3"),
        (["explore", "--nodes", "1"], "'1' is not a whole number from 2 to 32"),
        (["explore", "--steps", "many"], "'many' is not a whole number from 1 to 500"),
        (["replay"], "the following arguments are required: FILE"),
        (["node", "--port", "0"], "'0' is not a whole number from 1 to 65535"),
    ],
)
def test_what_cannot_be_parsed(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert one_sentence(said)


@pytest.mark.parametrize("verb", [verb.NAME for verb in VERBS])
def test_every_verb_has_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert not stopped.value.code
    assert f"examples:\n  syncmodel {verb}" in capsys.readouterr().out.replace(
        "syncmodel explore --no-minimize", "syncmodel minimize"
    )


def test_a_reader_that_went_away_is_no_error() -> None:
    command = [sys.executable, "-m", "syncmodel", "bugs"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_progress_and_results_do_not_mix() -> None:
    command = [sys.executable, "-m", "syncmodel", "explore", *SIMULATED, "--sequences", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("No divergence")
    assert done.stderr.startswith("Exploring")


# --- options -----------------------------------------------------------------------------------


def test_a_target_that_there_is_not_names_those_of_the_registry(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explore", "--target", "moon"]) == 2
    said = capsys.readouterr().err
    assert "There is no target 'moon'" in said
    assert [name for name in registry.names() if name not in said] == []


def test_every_option_says_what_it_is_for() -> None:
    parser = Parser(prog="x")
    add_options(parser, SHARED)
    shown = argparse.ArgumentParser.format_help(parser)
    for option in SHARED:
        assert option.flag in shown
        assert option.told["help"]


def test_faults_choose_the_steps() -> None:
    writes = ops_of("none")
    assert {"create", "burst", "refused"} <= writes
    assert not {"partition", "crash", "resync", "rollback"} & writes
    assert ops_of("network, sync") - writes == {"partition", "cut", "mend", "heal", "resync"}
    assert "restart" in ops_of("deployment")
    assert ops_of("all") > ops_of("network,sync,lifecycle")
    with pytest.raises(UsageError, match="there are: clocks, deployment, disks, hanging"):
        ops_of("")


@pytest.mark.parametrize(
    "faults",
    [
        *("none", "network", "sync", "deployment", "lifecycle"),
        *("standstill", "clocks", "hanging", "slowness"),
    ],
)
def test_a_search_works_with_every_kind_of_faults_alone(faults: str) -> None:
    assert explore("--sequences", "2", "--nodes", "2", "--faults", faults) == 0


def test_a_folder_that_can_not_be_copied_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")])

    monkeypatch.setattr(shutil, "copytree", full)
    assert main(["init", str(tmp_path / "suite")]) == 2
    assert "can't be written: [Errno 28] No space left on device: 'b'." in capsys.readouterr().err
