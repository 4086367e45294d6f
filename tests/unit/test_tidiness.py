"""Style is a test: what the house asks of every file, held against every file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    p for p in (ROOT / "src" / "syncmodel").rglob("*.py") if "strategies" not in p.parts
)
SOURCES += sorted((ROOT / "strategies").rglob("*.py"))
OURS = [
    *SOURCES,
    *sorted((ROOT / "stateful").rglob("*.py")),
    *sorted((ROOT / "tests").rglob("*.py")),
]
#: Lines of a source file, and of a file of tests, which may go through a long list of cases.
LONGEST_LINES, LONGEST_TESTS_LINES = 500, 700
#: Pacing a retry is allowed here, with a reason beside it; waiting for something never is.
PACED = {
    "adapter/servers.py",  # a system that is not ours tells nobody when it is ready
    "adapter/rest.py",  # or has changed
    "adapter/keeper.py",  # what other keepers end may write until then
    "inventory/booting.py",  # a host tells nobody that it has booted
    "inventory/checkup.py",  # nor that a cut ended by itself
    "inventory/host.py",  # nor does one that was started by a command
    "inventory/rest.py",  # and one that lacks sync.status
    "reference/machines/isolated.py",  # sshd does not say that it listens
    "providers/setup.py",  # a machine tells nobody that it has booted
    "providers/renting.py",  # a provider tells nobody when it is done
    "targets/parted.py",  # no node says when a connection has ended
    "transport/clients.py",
    "transport/ssh.py",
    "targets/deploying.py",
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sleeps(tree: ast.AST) -> Iterator[int]:
    """Lines that sleep; `sleep(0)` only lets others run."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            waits = [ast.unparse(one) for one in node.args] != ["0"]
            if node.func.attr == "sleep" and isinstance(owner, ast.Name) and waits:
                yield node.lineno


# One test each, and not one for each file: to collect thousands takes longer than to look at them.


@pytest.mark.slow
def test_a_module_says_what_lives_in_it() -> None:
    assert not [name(path) for path in SOURCES if not ast.get_docstring(parsed(path))]


def test_files_stay_small_and_finished() -> None:
    unfinished = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error\\(\\)"))
    found = {}
    for path in OURS:
        text = path.read_text(encoding="utf-8")
        limit = LONGEST_TESTS_LINES if path.is_relative_to(ROOT / "tests") else LONGEST_LINES
        if (lines := len(text.splitlines())) > limit:
            found[name(path)] = f"{lines} lines"
        if left := re.search(rf"\b({unfinished})\b", text):
            found[name(path)] = left[0]
    assert not found


def test_nothing_is_slept_for() -> None:
    found = {
        name(path).removeprefix("src/syncmodel/"): list(sleeps(parsed(path))) for path in SOURCES
    }
    assert not {path: lines for path, lines in found.items() if lines and path not in PACED}


def test_strategies_are_one_package_by_a_link() -> None:
    link = ROOT / "src" / "syncmodel" / "strategies"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "strategies"


def test_a_step_is_pure_but_for_perform() -> None:
    """The pure layers import nothing that reads a clock, draws numbers, or talks to a system."""
    forbidden = {"time", "random", "asyncio", "socket", "subprocess", "os", "httpx", "asyncssh"}
    for layer in ("model", "steps", "checker", "nostr"):
        for path in (ROOT / "src" / "syncmodel" / layer).rglob("*.py"):
            imported = {
                (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
                for node in ast.walk(parsed(path))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            # The checker takes its clock and meter as arguments; these are their defaults.
            allowed = {"time", "resource", "os"} if layer == "checker" else {"secrets"}
            tops = {name.partition(".")[0] for name in imported}
            assert not (tops & forbidden) - allowed, path


def test_no_merge_was_left_half_done() -> None:
    """In any text that git knows, or would: whatever stands between two branches' marks."""
    endings = {".py", ".md", ".toml", ".json", ".js", ".css", ".html", ".yml", ".txt", ""}
    skipped = {".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    mark = re.compile(r"^(<{7,}|>{7,}) ", re.MULTILINE)
    left = [
        str(path.relative_to(ROOT))
        for folder in (ROOT, *(one for one in ROOT.iterdir() if one.is_dir()))
        if folder.name not in skipped
        for path in (folder.glob("*") if folder == ROOT else folder.rglob("*"))
        if path.is_file() and path.suffix in endings and skipped.isdisjoint(path.parts)
        if mark.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not left


def test_no_python_that_we_start_looks_for_modules_in_the_current_folder() -> None:
    """`python -m` does, if it is not told otherwise (`safe_path.COMMAND`, or -I for a file)."""
    starts = re.compile(r"sys\.executable[\"']?,\s*[\"']-(m|c)\b")
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if starts.search(path.read_text(encoding="utf-8"))
    ]
    assert not found
