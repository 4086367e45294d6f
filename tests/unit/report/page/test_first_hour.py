"""What a newcomer types first finds its bug soon: a seed is stale once other steps are drawn."""

import re
import shlex
from pathlib import Path

import pytest

from syncmodel.cli import main

ROOT = Path(__file__).parents[4]
#: On live nodes each takes about two seconds.
SOON = 8
(DEMO,) = re.findall(
    r"^DEMO_SEARCH \?= (.*) --sequences \d+$", (ROOT / "Makefile").read_text(), re.M
)
(SHOWN,) = re.findall(
    r"bin/syncmodel explore --target simulated (.*)$",
    (ROOT / "docs" / "report.md").read_text(),
    re.M,
)


@pytest.mark.parametrize("typed", sorted({f"--bug tombstone-lost-on-resync {DEMO}", SHOWN}))
def test_it_is_found_in_few_sequences(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ["--sequences", str(SOON), "--no-minimize", "--no-scenes", "--no-report"]
    assert main(["explore", "--target", "simulated", *shlex.split(typed), *few]) == 1
