"""The plugin as a user's pytest has it: options, fixtures, and what a failure looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
EXPLORE = ROOT / "stateful" / "test_explore.py"


def pytest_run(*arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--target", "simulated"]
    return subprocess.run(
        [*command, f"--corpus={where / 'found'}", "--rootdir", str(ROOT), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def steps_of(record: Path) -> list[object]:
    entries = [json.loads(line) for line in record.read_text().splitlines()[1:]]
    return [
        entry.get("step", entry.get("nodes"))
        for entry in entries
        if entry["entry"] in ("began", "step")
    ]


def test_it_costs_next_to_nothing_to_load() -> None:
    heavy = "{'hypothesis', 'asyncssh', 'networkx', 'httpx', 'rich', 'cattrs', 'starlette'}"
    code = f"import sys, syncmodel.pytest_plugin; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_same_seed_generates_the_same_sequences(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b", "other"):
        seed = "7" if name != "other" else "8"
        record = tmp_path / name
        more = (f"--hypothesis-seed={seed}", "--sequences=4", f"--record={record}", str(EXPLORE))
        assert pytest_run(*more, where=tmp_path).returncode == 0
        found.append(steps_of(record))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_a_failure_is_a_story_and_a_file(tmp_path: Path) -> None:
    bug = ("--bug=tombstone-lost-on-resync", "--sequences=300")
    more = (*bug, "--hypothesis-seed=1", str(EXPLORE))
    done = pytest_run(*more, where=tmp_path)
    assert done.returncode == 1
    files = list((tmp_path / "found").iterdir())
    assert files
    assert all(f"Saved as {file}" in done.stdout for file in files)
    assert "  1. " in done.stdout
    assert "Traceback" not in done.stdout
    assert ".py:" not in done.stdout.split("FAILURES")[1].split("short test summary")[0]


def test_a_pass_says_what_was_seen(tmp_path: Path) -> None:
    done = pytest_run("--sequences=3", "--hypothesis-seed=1", str(EXPLORE), where=tmp_path)
    assert done.returncode == 0
    assert "= syncmodel =" in done.stdout
    assert "No divergence: " in done.stdout


def test_wrong_options_are_refused_before_anything_runs(tmp_path: Path) -> None:
    for option, words in (
        ("--bug=nope", "There is no bug 'nope'; there are: "),
        ("--faults=x", "There are no faults 'x'; there are: "),
        ("--nodes=1", "'1' is not a whole number from 2 to 32"),
    ):
        done = pytest_run(option, str(EXPLORE), where=tmp_path)
        assert done.returncode == 4
        assert words in done.stderr


def test_a_target_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        """\
import pytest
from syncmodel.targets.registry import TargetKind
from syncmodel.reference.simulated import SimulatedCluster

made = []

class Mine(SimulatedCluster):
    async def close(self):
        made.remove(self)

def make(count, bugs):
    made.append(Mine(count, bugs))
    return made[-1]

@pytest.fixture(scope="session")
def syncmodel_kind():
    yield TargetKind("mine", "a system of one's own", make, waits=False)
    assert not made, "left open"

def test_mine(syncmodel_explore, syncmodel_target, syncmodel_driver):
    assert syncmodel_explore().tally.rests
    assert made == [syncmodel_target]
"""
    )
    done = pytest_run("--sequences=3", str(tmp_path / "test_mine.py"), where=tmp_path)
    assert done.returncode == 0, done.stdout
