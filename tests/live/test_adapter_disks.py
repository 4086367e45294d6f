"""Disks of an adapter's servers that are filled: what honest servers may do, and what not."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from notes_servers import NOTES, running

from syncmodel.adapter import Processes, Refused, Unknown
from syncmodel.cli import main
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.errors import UsageError
from syncmodel.faults.small_disk import SmallDisk, may_be_made
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.steps import Create, Cut, Set
from syncmodel.steps.disks import FillsDisks, FullDisk
from syncmodel.targets.registry import kind_of

#: It starts many processes.
pytestmark = pytest.mark.slow

SERVER = Path(__file__).with_name("toy_disks.py")
NET = fully_connected(NOTES.schema, 2)
ROOT = pytest.mark.skipif(not may_be_made(), reason="only root can have small disks")


class Filled(NOTES, FillsDisks):  # type: ignore[misc, valid-type]
    """Notes, on small disks."""

    how = "careful"
    disk_bytes = 4 << 20

    def argv(self, node: str) -> Sequence[object]:
        python, _, *rest = super().argv(node)
        return [python, SERVER, self.how, *rest]

    def ask(self, node: str, path: str, **asked: object) -> Any:
        try:
            return super().ask(node, path, **asked)
        except ValueError as error:
            raise Unknown(str(error)) from None


class Ends(Filled):
    """They end where they can't keep a note."""

    how = "ends"


class Careless(Filled):
    """They say that they have what they could not keep."""

    how = "careless"


def performed(kind: type[Processes], *steps: Any) -> Any:
    """The result of these steps on fresh servers, of which nothing is left."""

    async def all_of_it() -> tuple[Any, str]:
        adapter = kind(2)
        try:
            await adapter.begin(NET)
            folder = str(adapter.home("n1").parent.parent)
            return await run(adapter, NET, steps, kind.guarantees), folder
        finally:
            await adapter.close()

    result, folder = asyncio.run(all_of_it())
    assert not running(folder)
    assert not Path(folder).exists()
    assert folder not in Path("/proc/self/mountinfo").read_text()
    return result


@ROOT
@pytest.mark.parametrize("kind", [Filled, Ends])
@pytest.mark.parametrize("killed", [False, True])
def test_an_honest_server_loses_nothing_and_may_end(kind: type[Processes], killed: bool) -> None:
    steps = (
        Create("n1", "notes", "n1", (("title", "t1"),)),
        FullDisk("n1", killed),
        Set("n1", "notes", "n1", "title", "t2"),
        FullDisk("n2", killed),
        Set("n2", "notes", "n1", "title", "t3"),
    )
    result = performed(kind, *steps)
    assert result.verdict is Verdict.PASS, (result.divergences, result.reason)


@ROOT
def test_a_server_that_says_it_has_what_it_could_not_keep_is_found() -> None:
    # The other one would give it back what it lost.
    result = performed(Careless, Cut("n1", "n2"), FullDisk("n1", killed=True))
    (found,) = result.divergences
    assert (found.kind, found.node) == (Kind.CONTROL_PLANE, "n1")
    assert found.shown == "accepted a row where its disk was full, and has it no more"


@ROOT
def test_a_server_that_refuses_for_sure_what_it_keeps_is_found() -> None:
    class Wrong(Filled):
        """They say that nothing happened, and it did."""

        def create(self, node: str, row: Any, columns: Any) -> Any:
            stored = super().create(node, row, columns)
            if row.name.startswith("full"):
                raise Refused("exists")
            return stored

    # What is there already has a page of the disk, and some room left in it.
    there = Create("n1", "notes", "n1", (("title", "t1"),))
    result = performed(Wrong, there, FullDisk("n1", killed=False))
    (found,) = result.divergences
    assert found.shown == "refused a row as its disk was full, and has it all the same"


@ROOT
def test_a_server_that_does_not_come_back_is_found() -> None:
    class Gone(Ends):
        """They start once."""

        filled: frozenset[str] = frozenset()

        def argv(self, node: str) -> Sequence[object]:
            if node in self.filled:
                return [sys.executable, "-c", "raise SystemExit(3)"]
            return super().argv(node)

        async def fill_disk(self, node: str, *, killed: bool) -> Any:
            self.filled |= {node}
            return await Processes.fill_disk(self, node, killed=killed)

    result = performed(Gone, FullDisk("n2", killed=False))
    (found,) = result.divergences
    assert found.node == "n2"
    assert "does not go on once there is room" in found.shown
    assert "ended with code 3" in found.shown


@ROOT
def test_a_disk_that_is_not_full_makes_the_run_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallDisk, "fill", lambda _: None)
    result = performed(Filled, FullDisk("n1", killed=False))
    assert result.verdict is Verdict.INVALID
    assert "The disk of n1 was filled, and has room" in str(result.reason)


def test_only_a_small_disk_of_its_own_is_filled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no small disk of its own"):
        SmallDisk(tmp_path).fill()
    assert not list(tmp_path.iterdir())


def test_who_has_not_said_so_has_no_such_disk() -> None:
    async def test() -> None:
        adapter = NOTES(2)
        try:
            await adapter.begin(NET)
            with pytest.raises(UsageError, match="let the adapter inherit FillsDisks"):
                await adapter.fill_disk("n1", killed=False)
        finally:
            await adapter.close()

    asyncio.run(test())


def test_without_root_disks_are_as_they_are_and_are_not_filled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert kind_of(Filled).takes(FullDisk) is may_be_made()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    may_be_made.cache_clear()
    try:
        kind = kind_of(Filled)
        assert not kind.takes(FullDisk)
        assert kind.takes(Create)
        assert kind.lacking({"full_disk"}) == {"FillsDisks": ("full_disk",)}
    finally:
        monkeypatch.undo()
        may_be_made.cache_clear()


@ROOT
def test_full_disks_are_drawn_for_who_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["--sequences", "6", "--seed", "3", "--faults", "disks", "--statistics"]
    code = main(["explore", "--target", f"{__name__}:Filled", "--nodes", "2", *asked])
    assert code == 0
    assert re.search(r"full_disk +│ +\d", capsys.readouterr().out)
