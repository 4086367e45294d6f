"""The wheel that users install has everything, also what is only there by a link."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

#: It starts many processes.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LINK = Path("src/syncmodel/strategies")


def wheel(folder: Path) -> set[str]:
    """The names in a wheel that is built from a checkout."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "out"), "."]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=240)
    (built,) = (folder / "out").glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What git has of this tree, links as links."""
    listed = subprocess.run(
        ["git", "ls-files", "src", "strategies", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    return tmp_path


def test_the_wheel_is_whole(checkout: Path) -> None:
    names = wheel(checkout)
    for path in (checkout / "strategies").glob("*.py"):
        assert f"syncmodel/strategies/{path.name}" in names
    assert {"syncmodel/py.typed", "syncmodel/reference/node/bugs/shortest.json"} <= names
    sources = {
        str(path.relative_to(checkout / "src"))
        for path in (checkout / "src").rglob("*.py")
        if "strategies" not in path.parts
    }
    assert sources <= names
    for folder in ("adapter/templates", "report/page/assets"):
        there = (checkout / "src/syncmodel" / folder).rglob("*")
        written = {str(p.relative_to(checkout / "src")) for p in there if p.is_file()}
        assert written
        assert written <= names


def test_a_checkout_without_links_is_not_whole(checkout: Path) -> None:
    """What git writes where links are off: a file that holds the link's text."""
    (checkout / LINK).unlink()
    (checkout / LINK).write_text("../../strategies")
    assert not any(name.startswith("syncmodel/strategies/") for name in wheel(checkout))
