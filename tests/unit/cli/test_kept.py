"""What the verbs say and keep where something ends them, on the simulated target."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncmodel.campaign import campaign
from syncmodel.cli import main
from syncmodel.corpus import load
from syncmodel.report import terminal
from syncmodel.shrink.minimize import Progress
from syncmodel.targets.registry import registered

BUG = "tie-by-arrival"
SEARCH = ("--target", "simulated", "--bug", BUG, "--sequences", "300", "--seed", "1")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of the test's; how signals are answered, and the path, are put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, answer in before.items():
        signal.signal(number, answer)


@pytest.fixture
def record(capsys: pytest.CaptureFixture[str]) -> Path:
    """The record of a run that failed, and nothing in the folder of what was found."""
    path = Path("run.jsonl")
    assert main(["explore", *SEARCH, "--no-minimize", "--record", str(path)]) == 1
    for file in Path("found").glob("*.json"):
        file.unlink()
    capsys.readouterr()
    return path


@pytest.mark.long
@pytest.mark.parametrize("error", [KeyboardInterrupt(), IndexError("a mistake")])
def test_what_ends_minimize_leaves_the_shortest_so_far(
    record: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    lengths: list[int] = []

    def end(_: Any, progress: Progress) -> None:
        lengths.append(progress.length)
        if progress.length < lengths[0]:
            raise error

    monkeypatch.setattr(terminal.Watch, "minimizing", end)
    ctrl_c = isinstance(error, KeyboardInterrupt)
    assert main(["minimize", str(record)]) == (130 if ctrl_c else 1)
    (file,) = Path("found").glob("*.json")
    said = capsys.readouterr()
    assert f"Saved as {file}" in said.out
    assert ctrl_c or "IndexError: a mistake" in said.err
    assert "Traceback" not in said.err
    assert load(file, registered).steps


@pytest.mark.parametrize("broken", ["telling", "closing"])
def test_what_cannot_be_told_or_closed_does_not_hide_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise RuntimeError("a mistake")

    if broken == "telling":
        monkeypatch.setattr(terminal, "summary", fail)
    else:
        monkeypatch.setattr("syncmodel.engine.pool.Pool.close", fail)
    assert main(["explore", *SEARCH, "--no-minimize"]) == 1
    (file,) = Path("found").glob("*.json")
    said = capsys.readouterr().err
    assert "RuntimeError: a mistake" in said
    assert f"What was found is in {file}." in said


def test_a_mistake_in_a_target_is_one_sentence_on_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mine_mistaken.py").write_text(
        "from syncmodel.reference.simulated import SimulatedCluster\n"
        "class Mine(SimulatedCluster):\n"
        "    async def write(self, node, write):\n"
        "        return {}['x']\n"
    )
    for jobs in "12":
        code = main(["explore", "--target", "mine_mistaken:Mine", "--jobs", jobs])
        said = capsys.readouterr().err
        assert code == 3, jobs
        assert "Traceback" not in said
        assert "While performing step " in said
        assert "KeyError: 'x' (mine_mistaken.py, line 4, in write)." in said


def test_what_the_campaign_calls_an_end_is_always_one_of_ours() -> None:
    for error in (IndexError("a"), OSError(28, "b"), KeyError(), RuntimeError("two\nlines")):
        told = campaign.halted_by(error)
        assert told.exit_code == 3
        assert told.__cause__ is error
        assert "\n" not in str(told)
