"""The explained survivors of mutation testing: each is of a line that there is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
EXPLAINED = ROOT / "tests" / "unit" / "model" / "survivors.txt"


def test_an_explanation_is_of_a_line_that_there_is_and_of_no_other() -> None:
    tool = (ROOT / "bench" / "mutations.py").read_text(encoding="utf-8")
    explained = EXPLAINED.read_text(encoding="utf-8").splitlines()
    lines = [line for line in explained if line and not line.startswith("#")]
    assert len(lines) > 20
    names = [line.rpartition(" | ")[0] for line in lines]
    assert sorted(set(names)) == sorted(names), "explained twice"
    for line in lines:
        file, operator, rest = line.split(" | ", 2)
        text, _, why = rest.rpartition(" | ")
        source = (ROOT / "src" / "syncmodel" / file).read_text(encoding="utf-8")
        assert text in map(str.strip, source.splitlines()), line
        assert f'"{operator}"' in tool, line
        assert why, line
