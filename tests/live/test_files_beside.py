"""Files of the current folder that are called like modules are never executed, by no verb."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncmodel.corpus import Expected, Reproduction, save, usual
from syncmodel.steps import Burst, Create, Delete, Resync
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow

LIMIT_S = 120
SCRIPT = ("-c", "import sys; sys.path.pop(0); from syncmodel.cli import main; sys.exit(main())")
MARKS = "import os\nos.close(os.open({!r}, os.O_CREAT | os.O_WRONLY))\n"
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Burst((Resync("n2"), Delete("n1", "cases", "c1"))),
)
FEW = ["--sequences", "1", "--steps", "3", "--seed", "1"]
VERBS = {
    "explore on live nodes": ["explore", *FEW, "--record", "run.jsonl"],
    "explore by two processes": ["explore", "--target", "simulated", "--jobs", "2", *FEW],
    "check": ["check", "--jobs", "2", "--max-states", "50"],
    "replay": ["replay", "--check", "run.json"],
    "minimize": ["minimize", "run.json"],
    "bugs": ["bugs"],
}


def names() -> set[str]:
    """Every module of the standard library, and every top-level one that is installed.

    Not those of other systems: what is nowhere else is found in a folder that is searched last.
    """
    installed = {name.partition(".")[0] for name in importlib.metadata.packages_distributions()}
    there = {name for name in sys.stdlib_module_names if importlib.util.find_spec(name)}
    return {name for name in there | installed if name.isidentifier()}


def before_us() -> set[str]:
    """What `python -m` imports before it looks for the module, so that nobody can be in time."""
    told = [sys.executable, "-P", "-c", "import runpy, sys; print(*sys.modules)"]
    said = subprocess.run(told, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    return {name.partition(".")[0] for name in said.stdout.split()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder full of traps, with a run to replay; no trap may have been executed in the end."""
    marks = tmp_path / "executed"
    here = tmp_path / "here"
    marks.mkdir()
    run = Reproduction(
        "x",
        usual(SUPERTEST, 2),
        STEPS,
        bug="tombstone-lost-on-resync",
        expected=Expected(("resurrected", "cases")),
        system=registry.get("simulated"),
    )
    save(here, run, "run.json")
    for name in names():
        (here / f"{name}.py").write_text(MARKS.format(str(marks / name)))
    monkeypatch.chdir(here)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    yield here
    assert sorted(mark.name for mark in marks.iterdir()) == []


def environment() -> dict[str, str]:
    ours = str(Path(__file__).parents[2] / "src")
    return {**os.environ, "PYTHONPATH": ours, "HYPOTHESIS_STORAGE_DIRECTORY": "none"}


def call(how: tuple[str, ...], verb: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *how, *verb],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


#: Of these the module itself, below, does the same.
LONG = ("explore by two processes", "bugs")


@pytest.mark.long
@pytest.mark.parametrize(
    "verb",
    [pytest.param(one, marks=[pytest.mark.long] if one in LONG else []) for one in VERBS],
)
def test_the_script_executes_no_file_beside_it(folder: Path, verb: str) -> None:
    with call(SCRIPT, VERBS[verb]) as process:
        said, _ = process.communicate(timeout=LIMIT_S)
    assert b"Traceback" not in said, said.decode()


def test_a_node_executes_no_file_beside_it(folder: Path) -> None:
    with call(SCRIPT, ["node", "--port", "4793"]) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
    assert b"Node n1 runs on" in first


@pytest.mark.parametrize("verb", ["explore by two processes", "replay", "bugs"])
def test_the_module_executes_no_file_beside_it(folder: Path, verb: str) -> None:
    for name in before_us() | {"syncmodel"}:
        (folder / f"{name}.py").unlink(missing_ok=True)
    with call(("-m", "syncmodel"), VERBS[verb]) as process:
        said, _ = process.communicate(timeout=LIMIT_S)
    assert b"Traceback" not in said, said.decode()


STORE = """\
import json, sys, colorsys
from syncmodel import ClusterMachine
from syncmodel.reference.simulated import SimulatedCluster
class Store(SimulatedCluster):
    title = "mine"
class Mine(ClusterMachine):
    target = Store
"""


@pytest.mark.long
@pytest.mark.parametrize("which", [("--target", "mystore:Store"), ("--machine", "mystore:Mine")])
def test_workers_search_for_a_module_of_the_user_last(folder: Path, which: tuple[str, ...]) -> None:
    (folder / "mystore.py").write_text(STORE)
    with call(SCRIPT, ["explore", *which, "--jobs", "2", *FEW]) as process:
        said, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said.decode()


def test_a_module_that_an_option_names_is_searched_last(folder: Path) -> None:
    (folder / "mystore.py").write_text(STORE)
    with call(SCRIPT, ["replay", "--target", "mystore:Store", "run.json"]) as process:
        said, _ = process.communicate(timeout=LIMIT_S)
    assert b"performed on mystore:Store" in said
