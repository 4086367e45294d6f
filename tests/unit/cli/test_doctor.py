"""What the doctor says of this computer is what a search then meets."""

from __future__ import annotations

import resource
import shutil
from types import SimpleNamespace

import pytest

from syncmodel.campaign.campaign import ROOM_BYTES
from syncmodel.cli import main
from syncmodel.errors import InvalidRunError
from syncmodel.machine.wanted import NODES
from syncmodel.reference import needs


@pytest.mark.parametrize(
    ("free", "code", "said"),
    [
        (ROOM_BYTES - 1, 3, "missing   disk: the work folder "),
        (ROOM_BYTES, 0, "degraded  disk: 4 MiB are free in "),
        (2**40, 0, "ok        disk: 1,048,576 MiB are free in "),
    ],
)
def test_a_work_folder_without_room_is_missing_as_a_search_has_it(
    free: int,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert main(["doctor"]) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("more", [0, -1])
def test_open_files_suffice_for_the_doctor_where_they_do_for_a_search(
    more: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enough = next(n for n in range(1, 1000) if _suffice(n, monkeypatch))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (enough + more, enough))
    main(["doctor"])
    health = "missing   " if more else "ok        "
    assert f"{health}target embedded" in capsys.readouterr().out


def _suffice(allowed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    try:
        needs.open_files(NODES)
    except InvalidRunError:
        return False
    return True
