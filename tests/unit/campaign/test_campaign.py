"""A search from beginning to end, and every way in which it ends early. On the simulated target."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.corpus import load
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Ended, Entry, Verdict
from syncmodel.engine.pool import KEPT, Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.errors import BootError, SyncModelError, UsageError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.net import Net
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink import sharpen
from syncmodel.shrink.minimize import Progress
from syncmodel.targets.registry import registered

EXPLORE = searching(ClusterMachine)
BUG = "tombstone-lost-on-resync"
FEW = Settings(sequences=5, steps=15, seed=1)
ENOUGH = Settings(sequences=300, steps=30, seed=1)


def pool_of(target: type[SimulatedCluster]) -> Pool:
    return Pool(evolve(SIMULATED, name="broken", make=target))


def search(folder: Path, settings: Settings = ENOUGH, bugs: Sequence[str] = (BUG,)) -> Report:
    with Pool("simulated") as pool:
        return Campaign(pool, settings, folder, EXPLORE, bugs=bugs).run()


def test_a_correct_system_passes(tmp_path: Path) -> None:
    report = search(tmp_path, FEW, ())
    assert report.exit_code == 0
    assert report.found is None
    assert report.tally.verdicts.keys() == {Verdict.PASS}
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_bug_is_found_shortened_confirmed_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How far the search goes for what is shorter still is not what this is about.
    monkeypatch.setattr(sharpen, "MOMENTS", 200)
    report = search(tmp_path)
    assert report.exit_code == 1
    assert report.found is not None
    assert report.found.file is not None
    saved = load(report.found.file, registered)
    assert (saved.bug, saved.confirmed.failed, saved.confirmed.runs) == (BUG, 3, 3)
    assert len(saved.steps) < report.found.length_before
    assert saved.found["seed"] == 1
    assert report.found.counterexample.divergences[0].key == saved.expected.divergence


@pytest.mark.long
def test_which_of_several_bugs_it_was(tmp_path: Path) -> None:
    """Also what the further search made of it needs no other one."""
    several = ("rollback-leaves-table", "own-stamps-only", BUG)
    for seed in (1, 2, 3):
        report = search(tmp_path, evolve(ENOUGH, seed=seed), bugs=several)
        assert report.found is not None
        file = report.found.reproduction
        assert file.bug in several
        with Pool("simulated") as pool:
            target = pool.target(len(file.nodes), (file.bug,))
            replayed = pool.driver.run(replay(target, file))
        assert replayed.judgement is Judgement.AS_EXPECTED


@pytest.mark.long
def test_hypothesis_shrinks_where_it_is_asked_to(tmp_path: Path) -> None:
    # In a process of its own: Hypothesis draws constants of the modules that are loaded, and beside
    # a whole test suite its shrinker can take minutes.
    asked = "--backend hypothesis --faults sync --sequences 300 --steps 15 --seed 4"
    options = f"explore --target simulated --bug own-writes-tie {asked}".split()
    command = [sys.executable, "-P", "-m", "syncmodel", *options, "--corpus", str(tmp_path)]
    assert subprocess.run(command, check=False, timeout=120, capture_output=True).returncode == 1
    (file,) = tmp_path.glob("*.json")
    saved = load(file, registered)
    assert len(saved.steps) <= 6
    assert saved.confirmed.failed == 3


@pytest.mark.parametrize("where", ["exploring", "minimising", "searching further"])
def test_ctrl_c_keeps_what_was_found(tmp_path: Path, where: str) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.further == (where == "searching further"):
            raise KeyboardInterrupt

    def interrupt_once_failed(entry: Entry) -> None:
        if isinstance(entry, Ended) and entry.verdict is Verdict.DIVERGED:
            raise KeyboardInterrupt

    with Pool("simulated") as pool:
        campaign = Campaign(pool, ENOUGH, tmp_path, EXPLORE, bugs=(BUG,))
        if where == "exploring":
            campaign.observe = interrupt_once_failed
        else:
            campaign.minimizing = interrupt
        report = campaign.run()
    assert report.interrupted
    assert report.exit_code == 130
    if where != "exploring":
        assert report.found is not None
        assert report.found.file is not None
        saved = load(report.found.file, registered)
        assert saved.steps
        assert saved.confirmed.failed == (3 if where == "searching further" else 0)


@pytest.mark.long
def test_what_cannot_be_saved_is_still_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = search(tmp_path / "file" / "folder")
    assert report.exit_code == 1
    assert report.found is not None
    assert report.found.file is None
    assert "can't be written" in report.found.unsaved


def test_a_file_in_place_of_the_folder_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a directory"):
        search(tmp_path / "file")


BOOTING = ", while making the nodes ready for a run."


class NeverBoots(SimulatedCluster):
    async def begin(self, net: Net) -> None:
        raise BootError("Machine n1 did not come up.")


class NoRoom(SimulatedCluster):
    async def begin(self, net: Net) -> None:
        raise OSError(28, "No space left on device", "/work-folder")


class CantDoThat(SimulatedCluster):
    async def begin(self, net: Net) -> None:
        raise UsageError("Local machines must be booted from the main thread.")


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        (NeverBoots, 3, "3 runs in a row said nothing of the system. Machine n1 did not come up."),
        (NoRoom, 3, "The tester can't go on: No space left on device (/work-folder)" + BOOTING),
        (CantDoThat, 2, "Local machines must be booted from the main thread."),
    ],
)
def test_a_tester_that_cannot_go_on_says_why_and_stops(
    tmp_path: Path, target: type[SimulatedCluster], code: int, words: str
) -> None:
    with pool_of(target) as pool:
        report = Campaign(pool, ENOUGH, tmp_path, EXPLORE).run()
    assert report.exit_code == code
    assert str(report.halted) == words
    assert report.tally.sequences <= 3


def test_an_observer_that_fails_ends_the_search(tmp_path: Path) -> None:
    def fail(_: Entry) -> None:
        raise SyncModelError("no room for the record")

    with Pool("simulated") as pool:
        campaign = Campaign(pool, FEW, tmp_path, EXPLORE)
        campaign.observe = fail
        report = campaign.run()
    assert str(report.halted) == "no room for the record"


def test_a_pool_closes_what_it_made_even_if_one_fails() -> None:
    closed = []

    class Counted(SimulatedCluster):
        async def close(self) -> None:
            closed.append(len(self.nodes))
            if len(self.nodes) == 3:
                raise OSError("stuck")

    pool = pool_of(Counted)
    for count in (2, 3, 4):
        pool.target(count)
    with pytest.raises(OSError, match="stuck"):
        pool.close()
    assert closed == [2, 3, 4]


def test_a_pool_keeps_few_targets_and_gives_the_same_again() -> None:
    with Pool(SIMULATED) as pool:
        first = pool.target(2)
        assert pool.target(2) is first
        for count in range(3, 3 + KEPT):
            pool.target(count)
        assert pool.target(2) is not first
