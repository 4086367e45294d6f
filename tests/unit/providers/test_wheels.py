"""Which packages a host gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncmodel.providers.wheels import installed


def test_of_a_package_that_is_there_twice_it_is_the_one_that_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, version in (("first", "2.0"), ("second", "1.0")):
        info = tmp_path / place / f"some_thing-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: Some_Thing\nVersion: {version}\n"
        )
    for place in ("second", "first"):
        monkeypatch.syspath_prepend(str(tmp_path / place))
    found = installed()
    assert found["some-thing"] == "2.0"
    assert "hypothesis" in found
    assert "syncmodel" not in found
