"""What machines in namespaces lack here is said before anything starts, with what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncmodel.cli import doctor
from syncmodel.errors import UsageError
from syncmodel.inventory.checks import Health
from syncmodel.reference import space_needs
from syncmodel.reference.kinds import NAMESPACES, TUN
from syncmodel.reference.machines import inside, spaces, sshd
from syncmodel.steps.base import Pauses, SlowsLinks


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """It is asked once in a process."""
    space_needs.lacking.cache_clear()
    yield
    space_needs.lacking.cache_clear()


def be(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_each_program_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 0)
    monkeypatch.setattr(spaces, "may_set_groups", lambda: True)
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name != "ip" else name)
    told = space_needs.lacking()
    assert "sshd: apt-get install openssh-server" in told
    assert "nft: apt-get install nftables" in told
    with pytest.raises(UsageError, match="Machines in namespaces need sshd: apt-get install"):
        NAMESPACES.make(3, ())
    (line,) = [one for one in doctor._here() if one.about == "target namespaces"]
    assert (line.health, "nftables" in line.told) == (Health.MISSING, True)


@pytest.mark.parametrize(("user", "how"), [(0, "--privileged"), (1000, "be root (sudo)")])
def test_a_kernel_that_refuses_says_so_itself(
    monkeypatch: pytest.MonkeyPatch, user: int, how: str
) -> None:
    be(monkeypatch, user)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/sh")
    (told,) = space_needs.lacking()
    assert told.startswith("namespaces, veth and nftables (")
    assert told.endswith(f"{how}, or take --target embedded")


def test_a_program_that_can_not_be_started_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    junk = tmp_path / "unshare"
    junk.write_bytes(b"\x7fELF")
    junk.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(junk))
    (told,) = space_needs._of_kernel()
    assert "Exec format error" in told


def test_an_sshd_that_does_not_start_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 0)
    monkeypatch.setattr(spaces, "may_set_groups", lambda: True)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/sh")
    monkeypatch.setattr(space_needs, "_of_kernel", list)
    monkeypatch.setattr(sshd, "refusal", lambda *_: "no such library")
    (told,) = space_needs.lacking()
    assert told.startswith("an sshd that starts (")
    assert told.endswith(" says: no such library): apt-get install --reinstall openssh-server")
    monkeypatch.setattr(sshd, "refusal", lambda *_: "")
    space_needs.lacking.cache_clear()
    assert not space_needs.lacking()


@pytest.mark.skipif(not spaces.may_set_groups(), reason="there is no sshd without root")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho no such library >&2\nexit 127\n", "no such library"),
        ("#!/bin/sh\n", "it ended with code 0"),
        ("", "it ended with code 0"),
        ("#!/no/such/interpreter\n", "not found"),
    ],
)
def test_an_sshd_is_tried_and_says_itself_what_is_wrong(
    text: str, said: str, tmp_path: Path
) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or space_needs._of_kernel():
        pytest.skip("there are no namespaces here")
    server = tmp_path / "sshd"
    server.write_text(text)
    server.chmod(0o755)
    assert said in sshd.refusal(str(server), unshare)
    real = inside.program("sshd")
    assert real is None or not sshd.refusal(real, unshare)


def test_without_root_there_is_no_sshd_and_need_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 1000)
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name == "sshd" else "/bin/true")
    monkeypatch.setattr(space_needs, "can_destroy", lambda: False)
    assert not space_needs.lacking()
    assert "OpenSSH, which needs root" in space_needs.goes_without()[-1]


def test_another_system_is_no_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert space_needs.lacking() == ("Linux: take --target embedded",)


def test_what_a_kernel_lacks_is_not_drawn_and_told() -> None:
    told = any(str(TUN) in one for one in space_needs.goes_without())
    assert told is not issubclass(NAMESPACES.abilities, SlowsLinks)
    assert issubclass(NAMESPACES.abilities, Pauses)
