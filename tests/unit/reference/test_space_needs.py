"""What machines in namespaces lack here is said before anything starts, with what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from syncmodel.cli import doctor
from syncmodel.errors import UsageError
from syncmodel.inventory.checks import Health
from syncmodel.reference import space_needs
from syncmodel.reference.kinds import NAMESPACES
from syncmodel.steps.base import Pauses, SlowsLinks


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """It is asked once in a process."""
    space_needs.lacking.cache_clear()
    yield
    space_needs.lacking.cache_clear()


def test_each_thing_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name, **_: None if name == "nft" else name)
    assert space_needs.lacking() == (
        "root: start it with sudo, or take --target embedded",
        "nft: apt-get install nftables",
    )
    with pytest.raises(UsageError, match="Machines in namespaces need root: start it with sudo"):
        NAMESPACES.make(3, ())
    (line,) = [one for one in doctor._here() if one.about == "target namespaces"]
    assert (line.health, "nftables" in line.told) == (Health.MISSING, True)


def test_a_kernel_that_refuses_says_so_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/sh")
    (told,) = space_needs.lacking()
    assert told.startswith("namespaces, veth and nftables (")
    assert told.endswith("in a container, run it --privileged")


def test_another_system_is_no_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert space_needs.lacking() == ("Linux: take --target embedded",)


def test_what_a_kernel_lacks_is_not_drawn_and_told() -> None:
    told = space_needs.goes_without()
    assert bool(told) is not issubclass(NAMESPACES.abilities, SlowsLinks)
    assert issubclass(NAMESPACES.abilities, Pauses)
