"""Programs that run in machines in namespaces are found where those see them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from syncmodel.errors import FaultError
from syncmodel.faults import slow_disk
from syncmodel.reference import space_needs
from syncmodel.reference.machines import inside, spaces


def path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    told = os.pathsep.join(map(str, folders))
    monkeypatch.setenv("PATH", told)
    monkeypatch.setattr(inside, "PATH", told)


def program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    made = folder / name
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where machines have their own."""
    monkeypatch.setattr(inside, "OWN", frozenset({tmp_path.resolve().parts[1]}))
    return tmp_path.resolve()


def test_a_program_in_a_folder_of_machines_own_is_not_there_for_them(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = program(own, "strace")
    path(monkeypatch, own)
    assert inside.program("strace") is None
    told = slow_disk.lacking(inside.program)
    assert told == f"machines do not see {hidden}: apt-get install strace"
    program(own, "sshd")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(spaces, "may_set_groups", lambda: True)
    space_needs.lacking.cache_clear()
    try:
        assert "sshd: apt-get install openssh-server" in space_needs.lacking()
    finally:
        space_needs.lacking.cache_clear()


def test_a_link_out_of_such_a_folder_is_followed(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = shutil.which("sh", path="/usr/bin:/bin")
    assert there is not None
    (own / "strace").symlink_to(there)
    path(monkeypatch, own)
    assert inside.program("strace") == os.path.realpath(there)
    assert not slow_disk.lacking(inside.program) or os.geteuid() == 0


def test_the_next_one_that_is_seen_is_taken(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = program(own / "hidden", "sh").parent
    path(monkeypatch, hidden, Path("/usr/bin"), Path("/bin"))
    found = inside.program("sh")
    assert found is not None
    assert not Path(found).is_relative_to(hidden)


def test_a_program_beside_the_interpreter_is_seen(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = program(own / "bin", "strace")
    path(monkeypatch, made.parent)
    monkeypatch.setattr(sys, "path", [*sys.path, str(own)])
    assert inside.program("strace") == str(made)


def test_a_program_that_is_not_there_is_one_sentence() -> None:
    disk = slow_disk.SlowDisk("/no/such/strace")
    with pytest.raises(FaultError, match=r"^/no/such/strace can't be started: No such file"):
        asyncio.run(disk.slow(os.getpid(), 20))
