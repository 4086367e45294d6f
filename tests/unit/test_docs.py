"""What the docs show is run: examples, names of files, and the table of rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.scenes import SCENES
from syncmodel.reference.node.bugs import all_bugs
from syncmodel.reference.node.bugs.base import FAMILIES

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def test_the_example_of_the_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})


def test_the_machine_of_the_docs_is_searched_with(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "machine.md").read_text(), re.S
    )
    (tmp_path / "test_mine.py").write_text(example)
    mine = ["explore", "--machine", "test_mine:MyMachine", "--sequences", "5", "--seed", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "syncmodel", *mine],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "No divergence: 5 sequences, 150 steps" in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    pattern = r"`((?:docs|tests|src|bench|stateful|strategies|corpus)/[\w./-]+\.(?:md|py|json))`"
    for name in re.findall(pattern, page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or name.endswith("vacuum.py"), f"{page.name} names {name}"


def test_every_rule_is_pinned_by_something_that_exists() -> None:
    text = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
    pins = re.findall(r"`(test_\w+|corpus): ([^`]+)`", text.partition("## 9.")[2])
    assert len(pins) > 30
    for where, what in pins:
        if where == "corpus":
            assert list((ROOT / "corpus").glob(f"{what}*.json")), what
        else:
            (module,) = (ROOT / "tests").rglob(f"{where}.py")
            assert what in module.read_text(encoding="utf-8"), f"{where}: {what}"


def test_the_pages_count_the_planted_bugs() -> None:
    count = len(all_bugs())
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"with {count} bugs to plant" in readme
    assert f"the first 34 of the {count} planted bugs" in readme
    changes = " ".join((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())
    assert f"{count} planted bugs of twenty-three families" in changes
    assert len(FAMILIES) == 23
    for page in (readme, changes):
        assert not set(re.findall(r"(\d+) (?:planted )?bugs", page)) - {str(count), "31"}


def row(scene: Scene) -> str:
    """The scene as the table has it; what may not happen is left empty."""
    limits = scene.limits
    counted = ["writes", "cuts", "crashes", "restarts", "rollbacks"]
    counted += ["faulty", "resyncs", "reads", "timeouts", "pauses", "clocks", "hangs"]
    counted += ["takeouts", "reboots", "leaves", "distrusts", "backups", "restores"]
    counted += ["misuses", "purges", "spoils"]
    rows = "+".join(str(limits.counts[table]) for table in limits.schema.by_name)
    cells = [scene.name, scene.about, limits.nodes, rows]
    cells += [getattr(limits, name) or "" for name in counted]
    cells += [limits.burst, f"{scene.states:,}", f"{scene.transitions:,}"]
    return f"| {' | '.join(map(str, cells))} |"


def test_the_table_of_scenes_is_what_is_searched() -> None:
    text = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (?:model|steps|messages)-.*", text, re.MULTILINE) == [*map(row, SCENES)]
