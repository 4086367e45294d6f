"""The plugin as a user's pytest has it: options, fixtures, and what a failure looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: It starts many processes.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
EXPLORE = ROOT / "stateful" / "test_explore.py"


def pytest_run(*arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += ["--syncmodel-target", "simulated"]
    return subprocess.run(
        [*command, f"--syncmodel-corpus={where / 'found'}", "--rootdir", str(ROOT), *arguments],
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


@pytest.mark.long
def test_the_same_seed_generates_the_same_sequences(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b", "other"):
        seed = "7" if name != "other" else "8"
        record = tmp_path / name
        more = (
            f"--hypothesis-seed={seed}",
            "--syncmodel-sequences=4",
            f"--syncmodel-record={record}",
            str(EXPLORE),
        )
        assert pytest_run(*more, where=tmp_path).returncode == 0
        found.append(steps_of(record))
    record = tmp_path / "command line"
    command = [sys.executable, "-m", "syncmodel", "explore", "--target", "simulated", "--seed", "7"]
    subprocess.run([*command, "--sequences", "4", "--record", str(record)], check=True)
    assert found[0] == found[1] == steps_of(record)
    assert found[0] != found[2]


def test_a_failure_is_a_story_and_a_file(tmp_path: Path) -> None:
    bug = ("--syncmodel-bug=tie-by-arrival", "--syncmodel-sequences=300")
    more = (*bug, "--hypothesis-seed=1", str(EXPLORE))
    done = pytest_run(*more, where=tmp_path)
    assert done.returncode == 1
    files = list((tmp_path / "found").glob("*.json"))
    assert files
    assert all(f"Saved as {file}" in done.stdout for file in files)
    (page,) = (tmp_path / "found").glob("*.html")
    assert f"Look at it: {page}" in done.stdout
    assert "  1. " in done.stdout
    assert "Traceback" not in done.stdout
    assert ".py:" not in done.stdout.split("FAILURES")[1].split("short test summary")[0]


@pytest.mark.long
def test_a_pass_says_what_was_seen(tmp_path: Path) -> None:
    pages = f"--syncmodel-report={tmp_path / 'pages'}"
    asked = ("--syncmodel-sequences=3", pages, "--hypothesis-seed=1")
    done = pytest_run(*asked, str(EXPLORE), where=tmp_path)
    assert done.returncode == 0
    assert "= syncmodel =" in done.stdout
    assert f"Look at it: {tmp_path / 'pages' / 'index.html'}" in done.stdout
    assert (tmp_path / "pages" / "junit.xml").is_file()
    assert "No divergence: " in done.stdout


def test_wrong_options_are_refused_before_anything_runs(tmp_path: Path) -> None:
    for option, words in (
        ("--syncmodel-bug=nope", "There is no bug 'nope'; there are: "),
        ("--syncmodel-faults=x", "There are no faults 'x'; there are: "),
        ("--syncmodel-nodes=1", "'1' is not a whole number from 2 to 32"),
    ):
        done = pytest_run(option, str(EXPLORE), where=tmp_path)
        assert done.returncode == 4
        assert words in done.stderr


MINE = """\
import pytest
from hypothesis import event, seed, settings
from hypothesis.stateful import invariant, rule
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.registry import TargetKind
"""


def suite(folder: Path, text: str) -> str:
    """A test file of somebody's."""
    file = folder / "test_mine.py"
    file.write_text(MINE + text)
    return str(file)


def suite_run(*arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    """pytest in somebody's folder."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_target_of_ones_own(tmp_path: Path) -> None:
    file = suite(
        tmp_path,
        """
made = []

class Mine(SimulatedCluster):
    async def close(self):
        made.remove(self)

def make(count, bugs):
    made.append(Mine(count, bugs))
    return made[-1]

@pytest.fixture(scope="session")
def syncmodel_kind():
    yield TargetKind("mine", "a system of one's own", make, Mine.schema, Mine, waits=False)
    assert not made, "left open"

TestMine = ClusterMachine.TestCase

def test_mine(syncmodel_target, syncmodel_driver):
    assert made == [syncmodel_target]
""",
    )
    done = suite_run("--syncmodel-sequences=3", file, where=tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_machine_of_ones_own_is_a_test_of_hypothesis(tmp_path: Path) -> None:
    """Statistics, events, a seed, settings and its target: all as its class says."""
    file = suite(
        tmp_path,
        """
class Target(SimulatedCluster):
    waits = False

@seed(9)
class Mine(ClusterMachine):
    target = Target
    nodes = 2
    weights = {"look": 100}

    @rule()
    def look(self):
        event("looked")

TestMine = Mine.TestCase
TestMine.settings = settings(TestMine.settings, max_examples=4, stateful_step_count=6)
""",
    )
    done = suite_run("--hypothesis-show-statistics", "-m", "hypothesis", file, where=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "test_mine.py::TestMine::runTest:" in done.stdout
    assert "- 4 passing, 0 failing, and 1 invalid test cases" in done.stdout
    assert ", looked" in done.stdout
    assert "No divergence: 4 sequences, " in done.stdout
    assert "seed 9." in done.stdout


@pytest.mark.long
def test_what_fails_has_hypothesis_notes(tmp_path: Path) -> None:
    file = suite(
        tmp_path,
        """
class Mine(ClusterMachine):
    @invariant()
    def nothing_is_there(self):
        assert not any(view and view.table('cases') for view in self.views.values())

TestMine = Mine.TestCase
""",
    )
    done = pytest_run("--hypothesis-seed=1", file, where=tmp_path)
    assert done.returncode == 1
    assert "invariant nothing_is_there: a property" in done.stdout
    assert "Failing test case: <state machine>" in done.stdout
    assert "step=Create(node=" in done.stdout
    assert "state.teardown()" in done.stdout


@pytest.mark.long
def test_options_are_values_of_the_ini_file_too(tmp_path: Path) -> None:
    file = suite(tmp_path, "TestMine = ClusterMachine.TestCase\n")
    ini = tmp_path / "pytest.ini"
    text = "[pytest]\nsyncmodel_target = simulated\nsyncmodel_sequences = 2\nsyncmodel_steps = "
    ini.write_text(text + "4\n")
    done = suite_run("--syncmodel-sequences=3", file, where=tmp_path)
    assert "No divergence: 3 sequences, 12 steps, " in done.stdout
    ini.write_text(text + "many\n")
    done = suite_run(file, where=tmp_path)
    assert done.returncode == 4
    assert "syncmodel_steps in the ini file: 'many' is not a whole number" in done.stderr


@pytest.mark.long
def test_each_worker_of_xdist_has_its_share(tmp_path: Path) -> None:
    """A test for each; all together they are the sequences of one process."""
    record = tmp_path / "run.jsonl"
    more = ("--syncmodel-sequences=5", "--hypothesis-seed=7", f"--syncmodel-record={record}")
    assert pytest_run(*more, str(EXPLORE), where=tmp_path).returncode == 0
    done = pytest_run("-n", "2", *more, str(EXPLORE), where=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    runs: dict[int, list[object]] = {}
    for part in (tmp_path / "run.1-of-2.jsonl", tmp_path / "run.2-of-2.jsonl"):
        for line in part.read_text().splitlines()[1:]:
            entry = json.loads(line)
            if entry["entry"] in ("began", "step"):
                runs.setdefault(entry["run"], []).append(entry.get("step", entry.get("nodes")))
    assert [step for number in sorted(runs) for step in runs[number]] == steps_of(record)


@pytest.mark.long
def test_the_time_for_a_search_can_be_bounded(tmp_path: Path) -> None:
    bounded = ("--syncmodel-max-time=1", "--syncmodel-sequences=100000")
    done = pytest_run(*bounded, str(EXPLORE), where=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "of 100,000 had begun" in done.stdout


NASTY = """\
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.reference.simulated import SimulatedCluster

class Nasty(SimulatedCluster):
    async def settle(self, net, *, control, limit_s):
        said = "\\x1b[31m\\u202e\\x9b1m\\x85\\r" + "x" * 9_000
        raise DivergenceFound((Divergence(Kind.STALE, said, None, said, said),))
"""


def test_nothing_that_a_node_says_is_printed_raw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nasty.py").write_text(NASTY)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{tmp_path}")
    more = ("--syncmodel-target=nasty:Nasty", "--syncmodel-sequences=1", str(EXPLORE))
    done = pytest_run(*more, where=tmp_path)
    assert done.returncode == 1
    assert "characters more)" in done.stdout
    assert all(line.isprintable() for line in (done.stdout + done.stderr).split("\n"))
