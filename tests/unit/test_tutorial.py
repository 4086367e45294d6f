"""The tutorial: its suite is short, and what the page says is what the tool prints."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

#: It starts many processes.
pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")
LOOK = "        for key, theirs in other.rows.items():\n"
FIX = "        self.clock = max(self.clock, other.clock)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the reader's: the two files, and no settings of this project."""
    for file in (DOCS / "tutorial").glob("*.py"):
        shutil.copy(file, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, command: Sequence[str], code: int) -> str:
    python = [sys.executable, "-m", *command]
    done = subprocess.run(
        python, cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def search(folder: Path, code: int, *options: str) -> str:
    pytest_here = ["pytest", "-q", "-p", "no:cacheprovider", "test_store.py", *options]
    return run(folder, [*pytest_here, "--hypothesis-seed=6"], code)


def blocks(language: str) -> list[list[str]]:
    """The page's blocks in a language ("": what is printed), without their empty lines."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [[line for line in text.splitlines() if line] for of, text in fenced if of == language]


def printed(number: int) -> list[str]:
    return [without_times(line) for line in blocks("")[number]]


def without_times(text: str) -> str:
    return re.sub(r" in [\d.,]+ (ms|s|min)\b", " in TIME", text)


def test_adapter_and_suite_are_sixty_lines_at_most() -> None:
    assert len((DOCS / "tutorial" / "test_store.py").read_text().splitlines()) <= 60


def test_what_the_page_quotes_is_in_the_files() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (DOCS / "tutorial").glob("*.py"))
    quoted = [
        line
        for block in blocks("python")
        for line in block
        if line.strip() not in {FIX.strip(), "..."}
    ]
    assert len(quoted) > 15
    assert [line for line in quoted if line not in code.splitlines()] == []


def test_the_bug_is_found_shown_mended_and_gone(folder: Path) -> None:
    found = without_times(search(folder, 1))
    assert [line for line in printed(0) if line not in found.splitlines()] == []

    (file,) = (folder / "found").glob("*.json")
    replay = ["syncmodel", "replay", "--target", "test_store:Shop", str(file)]
    assert "As expected" in run(folder, replay, 1)
    walked = run(folder, [*replay, "--step"], 1)
    assert [line for line in printed(1) if line not in walked.splitlines()] == []

    store = folder / "store.py"
    store.write_text(store.read_text().replace(LOOK, FIX + LOOK))
    assert printed(2)[0] in run(folder, replay, 0)
    passed = search(folder, 0, "--syncmodel-sequences=20")
    assert "No divergence: 20 sequences" in passed
    assert "conflicts" in passed
