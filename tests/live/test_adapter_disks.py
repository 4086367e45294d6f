"""Disks of an adapter's servers that are filled: what honest servers may do, and what not."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from notes_servers import NOTES, running

from syncmodel.adapter import Processes, Refused, Unknown
from syncmodel.cli import main
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.errors import FaultError, UsageError
from syncmodel.faults.proxy_links import ProxyLinks
from syncmodel.faults.small_disk import SmallDisk, may_be_made
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Link, fully_connected
from syncmodel.steps import Create, Cut, Pause, Resume, Set
from syncmodel.steps.base import Pauses
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


def sent_at_once(node: str, peer: str, how: str) -> type[Processes]:
    """Servers of which the peer has heard of a row before the node answers that it is created."""

    class Sent(Filled):
        def create(self, at: str, row: Any, columns: Any) -> Any:
            stored = super().create(at, row, columns)
            until_s = time.monotonic() + 0.2
            while at == node and time.monotonic() < until_s:
                if self.position(peer).get(node) == self.position(node).get(node):
                    break
            return stored

    Sent.how = how
    return Sent


@ROOT
@pytest.mark.parametrize("killed", [False, True])
def test_a_server_that_has_what_its_peers_sent_it_meanwhile_passes(killed: bool) -> None:
    result = performed(sent_at_once("n1", "n2", "careful"), FullDisk("n2", killed))
    assert result.verdict is Verdict.PASS, (result.divergences, result.reason)


@ROOT
def test_a_server_that_drops_what_its_peers_sent_it_meanwhile_is_found() -> None:
    result = performed(sent_at_once("n1", "n2", "drops"), FullDisk("n2", killed=False))
    (found,) = result.divergences
    assert (found.kind, found.node) == (Kind.CONTROL_PLANE, "n2")
    assert found.shown == "lacks a row that n1 accepted as the disk of n2 was full"


class Late(Filled):
    """What was written while a disk was full their `rows` show after a while."""

    looks = 0

    def rows(self, node: str, prefix: str) -> Any:
        if not prefix.startswith("full"):
            return super().rows(node, prefix)
        self.looks += 1
        return super().rows(node, prefix) if self.looks > 6 else []


@ROOT
def test_a_server_of_a_quorum_that_was_told_of_a_row_shows_it_once_all_is_at_rest() -> None:
    class Told(Filled):
        """A server that was killed hears of what it said by others."""

        guarantees = Guarantees(quorum=True, rollback_keeps_log=True)
        rested = False

        def rows(self, node: str, prefix: str) -> Any:
            return super().rows(node, prefix) if self.rested else []

        def position(self, node: str) -> Any:
            self.rested = True
            return super().position(node)

        async def fill_disk(self, node: str, *, killed: bool) -> Any:
            self.rested = False
            return await Processes.fill_disk(self, node, killed=killed)

    there = Create("n1", "notes", "n1", (("title", "t1"),))
    result = performed(Told, there, FullDisk("n1", killed=True))
    assert result.verdict is Verdict.PASS, (result.divergences, result.reason)


@ROOT
def test_a_server_that_shows_rows_late_and_says_so_loses_nothing() -> None:
    class Quiet(Late):
        quiet_s = 0.05
        position = Processes.position

    there = Create("n1", "notes", "n1", (("title", "t1"),))
    result = performed(Quiet, there, FullDisk("n1", killed=False))
    assert result.verdict is Verdict.PASS, (result.divergences, result.reason)


@ROOT
def test_a_link_that_the_tester_can_not_cut_is_no_fault_of_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def leaks(_: object) -> None:
        raise FaultError("A link that is cut is not.")

    monkeypatch.setattr(ProxyLinks, "check", leaks)
    result = performed(Filled, Cut("n1", "n2"), FullDisk("n1", killed=True))
    assert result.verdict is Verdict.INVALID
    assert "A link that is cut is not" in str(result.reason)


@ROOT
@pytest.mark.parametrize("killed", [False, True])
def test_a_peer_that_stands_still_is_not_told_of_links_until_it_goes_on(killed: bool) -> None:
    class Told(Filled, Pauses):
        """Each server is told that it is to dial again."""

        told: ClassVar[list[Link]] = []

        def mended(self, links: Any) -> None:
            for _, node in links:
                self.ask(node, "position")
            self.told.extend(links)

    steps = (Pause("n2"), FullDisk("n1", killed), Resume("n2"))
    result = performed(Told, *steps)
    assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
    assert ("n1", "n2") in Told.told


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


@ROOT
def test_who_is_told_to_end_while_a_disk_is_filled_ends_and_leaves_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        adapter, loop = Filled(2), asyncio.get_running_loop()
        fill, free = SmallDisk.fill, SmallDisk.free
        freed, filled = threading.Event(), threading.Event()

        def ended_meanwhile(disk: SmallDisk) -> None:
            loop.call_soon_threadsafe(filling.cancel)
            freed.wait(0.5)
            fill(disk)
            filled.set()

        def frees(disk: SmallDisk) -> None:
            free(disk)
            freed.set()

        monkeypatch.setattr(SmallDisk, "fill", ended_meanwhile)
        monkeypatch.setattr(SmallDisk, "free", frees)
        try:
            await adapter.begin(NET)
            filling = asyncio.create_task(adapter.fill_disk("n1", killed=False))
            with pytest.raises(asyncio.CancelledError):
                await filling
            assert await asyncio.to_thread(filled.wait, 5)
            assert SmallDisk(adapter.home("n1").parent).room()
        finally:
            await adapter.close()

    asyncio.run(test())


def test_only_a_small_disk_of_its_own_is_filled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no small disk of its own"):
        SmallDisk(tmp_path).fill()
    assert not list(tmp_path.iterdir())


@ROOT
def test_a_disk_that_is_too_large_to_be_filled_is_told_before_servers_start() -> None:
    class Large(Filled):
        disk_bytes = 2 << 30

    with pytest.raises(UsageError, match="`disk_bytes` is at most"):
        asyncio.run(Large(2).begin(NET))


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
