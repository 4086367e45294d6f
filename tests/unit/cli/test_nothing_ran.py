"""Where nothing ran, one sentence says why, and nothing else is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncmodel.campaign.campaign import ROOM_BYTES, Campaign, watching
from syncmodel.cli import main
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Began, Ended, Verdict, nobody
from syncmodel.engine.pool import Pool
from syncmodel.engine.tally import Tally
from syncmodel.errors import BootError, InvalidRunError, UsageError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.machine.testcase import Around, SearchCase
from syncmodel.machine.wanted import Wanted
from syncmodel.model.net import fully_connected
from syncmodel.reference import space_needs
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.terminal import summary
from syncmodel.targets.wire import SUPERTEST

NFT = "nft: apt-get install nftables"
FEW = Settings(sequences=5, steps=15, seed=1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=ROOM_BYTES - 1))


@pytest.mark.parametrize("more", [(), ("--jobs", "2"), ("--statistics",)], ids=" ".join)
def test_a_target_that_can_not_run_is_one_sentence(
    more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(space_needs, "lacking", lambda: (NFT,))
    assert main(["explore", "--target", "namespaces", *more]) == 2
    said = capsys.readouterr()
    assert said.err == f"syncmodel explore: Machines in namespaces need {NFT}.\n"
    assert not said.out


def test_a_full_work_folder_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_room(monkeypatch)
    assert main(["explore", "--target", "embedded"]) == 3
    said = capsys.readouterr()
    assert said.err.startswith("syncmodel explore: The work folder ")
    assert said.err.count("\n") == 1
    assert not said.out


class Refuses(SimulatedCluster):
    """No run begins on it."""

    async def begin(self, net: object) -> None:
        raise UsageError("It can't run here.")


class NeverBoots(SimulatedCluster):
    """Each run is invalid."""

    async def begin(self, net: object) -> None:
        raise BootError("Machine n1 did not come up.")


def test_a_run_that_never_began_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--target", f"{__name__}:Refuses", "--sequences", "5"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[1:] == ["syncmodel explore: It can't run here."]
    assert not said.out


def test_runs_that_compare_nothing_are_no_verdict(tmp_path: Path) -> None:
    with Pool(f"{__name__}:NeverBoots") as pool:
        report = Campaign(pool, FEW, tmp_path, searching(ClusterMachine)).run()
    assert not report.nothing_ran
    assert summary(report, 5, FEW).startswith("No verdict: 3 sequences, 0 steps, 0 comparisons ")


def test_a_run_without_room_does_not_begin_and_one_that_ended_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_room(monkeypatch)
    tally = Tally()
    see = watching(tally, True, nobody)
    with pytest.raises(InvalidRunError, match=r"^The work folder .* is full"):
        see(Began(1, fully_connected(SUPERTEST, 2)))
    assert not tally.sequences
    with pytest.raises(InvalidRunError):
        see(Ended(0, Verdict.PASS))
    assert tally.verdicts[Verdict.PASS] == 1


def test_a_suite_fails_by_that_sentence_alone() -> None:
    said: list[str] = []
    around = Around(
        wanted=Wanted(target=f"{__name__}:Refuses"),
        say=said.append,
        failure=lambda story, _: AssertionError(story),
    )
    case = type("Case", (ClusterMachine.TestCase,), {"around": around})("search")
    assert isinstance(case, SearchCase)
    with pytest.raises(AssertionError) as failed:
        case.search()
    assert str(failed.value) == "It can't run here."
    assert not said
