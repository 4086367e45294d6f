"""The adapters that ship are short: what two of them need is what everybody's has for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import syncmodel.adapters

FILES = [
    file
    for file in Path(syncmodel.adapters.__path__[0]).glob("*.py")
    if not file.name.startswith("_")
]
#: Lines of a file, imports, comments and blank ones too. Configuration is in files of its own.
MOST, MOST_OF_A_LIBRARY = 100, 40
LIBRARIES = {"loro", "yjs"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_adapter_is_short(file: Path) -> None:
    most = MOST_OF_A_LIBRARY if file.stem in LIBRARIES else MOST
    assert len(file.read_text().splitlines()) <= most


def test_there_are_adapters() -> None:
    assert len(FILES) >= 7
    assert {file.stem for file in FILES} >= LIBRARIES
