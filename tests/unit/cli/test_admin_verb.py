"""`syncmodel admin`: what it can't ask is one sentence. What it asks is in `tests/live`."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncmodel.cli import main


@pytest.mark.parametrize("params", ["{", "[]", "3", '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_parameters_are_one_object(
    params: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["admin", "n1", "cluster_status", params, "--inventory", str(tmp_path / "no.toml")]
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert said.count("PARAMS") == 1
    assert said.count("\n") == 1


def test_an_inventory_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "no.toml"
    assert main(["admin", "n1", "cluster_status", "--inventory", str(missing)]) == 2
    assert str(missing) in capsys.readouterr().err
