"""syncmodel where the extra `reference` is not installed: each test is a process that lacks it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from syncmodel.reference.needs import MODULES

HIDDEN = f"import sys; sys.modules.update(dict.fromkeys({MODULES!r}))\n"
COMMAND = "from syncmodel.cli import main; sys.exit(main(sys.argv[1:]))\n"
#: Imports every module, and prints those that need what is hidden.
IMPORTS = """
from importlib import import_module
from pkgutil import walk_packages
import syncmodel
for info in walk_packages(syncmodel.__path__, "syncmodel.", onerror=lambda name: None):
    if info.name == "syncmodel.__main__":
        continue
    try:
        import_module(info.name)
    except ImportError as error:
        if (error.name or "").split(".")[0] in MODULES:
            print(info.name)
"""
SIMULATED = """
import asyncio
from syncmodel.engine.run import run
from syncmodel.model.net import fully_connected
from syncmodel.steps import Create
from syncmodel.targets import registry
kind = registry.get("simulated")
step = Create("n1", "cases", "c1", (("title", "t1"),))
print(asyncio.run(run(kind.make(2, ()), fully_connected(kind.schema, 2), [step])).verdict.name)
"""
EMBEDDED = """
from syncmodel.errors import UsageError
from syncmodel.targets import registry
kind = registry.get("embedded")
try:
    kind.make(3, ())
except UsageError as error:
    print(error)
"""
#: Between what one program prints and what the next one does.
MARK = "----"
WORDS = (
    "Real nodes (the embedded target, `syncmodel node`) need httptools, starlette, uvicorn, uvloop,"
    " websockets, which are not installed: pip install 'syncmodel[reference]'. The simulated target"
    " does without."
)


def hidden(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program's end, in a process that has none of the extra's modules."""
    return subprocess.run(
        [sys.executable, "-c", HIDDEN + program, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What three programs print, one after the other in one process that lacks them all."""
    programs = (SIMULATED, EMBEDDED, f"MODULES = {MODULES!r}\n{IMPORTS}")
    found = hidden(f"print({MARK!r})\n".join(programs))
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout.split(f"{MARK}\n")


@pytest.mark.slow
def test_only_the_nodes_own_processes_import_it(said: list[str]) -> None:
    node = {"admin", "dialler", "elsewhere", "openapi", "plugin_api", "protocol", "relay", "server"}
    expected = {f"syncmodel.reference.node.{name}" for name in node | {"surface", "websocket"}}
    expected |= {f"syncmodel.reference.machines.{name}_process" for name in ("machine", "host")}
    assert set(said[2].split()) == expected


def test_help_is_there() -> None:
    found = hidden(COMMAND, "--help")
    assert (found.returncode, found.stderr) == (0, "")
    assert "explore" in found.stdout


def test_the_simulated_target_runs(said: list[str]) -> None:
    assert said[0] == "PASS\n"


def test_the_embedded_target_says_what_is_missing(said: list[str]) -> None:
    assert said[1] == f"{WORDS}\n"


def test_a_node_by_itself_says_what_is_missing() -> None:
    found = hidden(COMMAND, "node")
    assert (found.returncode, found.stderr) == (2, f"syncmodel node: {WORDS}\n")


@pytest.mark.slow
def test_one_that_is_missing_is_named() -> None:
    found = hidden("del sys.modules['uvicorn'], sys.modules['uvloop']\n" + EMBEDDED)
    assert "need httptools, starlette, websockets, which are not" in found.stdout
