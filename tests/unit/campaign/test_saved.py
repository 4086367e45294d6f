"""What a search finds is on disk as soon as it is found, and whatever goes wrong afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncmodel.campaign import keeping
from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.campaign.keeping import UNDECIDED_LIMIT, Doubts, Kept, Origin
from syncmodel.corpus import Reproduction, load, save
from syncmodel.engine.findings import Settings, Undecided
from syncmodel.engine.history import Ended, Entry, Verdict
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.script import Script
from syncmodel.errors import InvalidRunError, SyncModelError
from syncmodel.interrupts import of_ctrl_c
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.story import found_story
from syncmodel.report.terminal import summary
from syncmodel.shrink.minimize import Progress
from syncmodel.steps import Create
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.registry import registered
from syncmodel.targets.wire import SUPERTEST

BUG = "tie-by-arrival"
SEARCH = Settings(sequences=300, steps=30, seed=2)
FEW = Settings(sequences=4, steps=6, seed=1)


def campaign_of(
    folder: Path, search: Settings = SEARCH, target: Any = SimulatedCluster, *bugs: str
) -> tuple[Pool, Campaign]:
    pool = Pool(evolve(SIMULATED, make=target))
    return pool, Campaign(pool, search, folder, searching(ClusterMachine), bugs=bugs)


def searched(folder: Path, search: Settings, target: Any, *bugs: str) -> Report:
    pool, campaign = campaign_of(folder, search, target, *bugs)
    with pool:
        return campaign.run()


def replayed(file: Path) -> Judgement:
    run = load(file, registered)
    with Pool("simulated") as pool:
        target = pool.target(len(run.nodes), (run.bug,) if run.bug else ())
        return pool.driver.run(replay(target, run)).judgement


# --- at once, and shorter and shorter ------------------------------------------------------------


@pytest.mark.slow
def test_what_fails_is_on_disk_before_anything_is_tried_with_it(tmp_path: Path) -> None:
    """And then there is always one file, which has the shortest so far."""
    pool, campaign = campaign_of(tmp_path, SEARCH, SimulatedCluster, BUG)
    lengths = []

    def look(progress: Progress) -> None:
        (file,) = tmp_path.iterdir()
        if not progress.further:
            lengths.append(progress.length)
            assert len(load(file, registered).steps) <= progress.length

    campaign.minimizing = look
    with pool:
        report = campaign.run()
    assert len(set(lengths)) > 1
    assert report.found is not None
    assert [report.found.file] == list(tmp_path.iterdir())
    assert report.found.counterexample.length <= lengths[-1]


def test_a_file_that_was_there_before_stays(tmp_path: Path) -> None:
    long, short = (run_of(count) for count in (3, 1))
    before = save(tmp_path, long)
    kept = Kept(tmp_path)
    kept.put(long)
    kept.put(run_of(2))
    kept.put(short)
    assert kept.file is not None
    assert set(tmp_path.iterdir()) == {before, kept.file}


def run_of(count: int) -> Reproduction:
    steps = tuple(Create("n1", "cases", f"c{i}", (("title", f"t{i}"),)) for i in range(count))
    return Reproduction("x", {"n1": 2, "n2": 2}, steps, system=SIMULATED)


@pytest.mark.long
@pytest.mark.parametrize("error", [SyncModelError("no space"), TypeError("no JSON")])
def test_what_cannot_be_saved_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """As on a full disk."""
    pool, campaign = campaign_of(tmp_path, SEARCH, SimulatedCluster, BUG)
    saved: list[Path] = []

    def full(folder: Path, reproduction: Reproduction, name: str) -> Path:
        if saved:
            raise error
        saved.append(save(folder, reproduction, name))
        return saved[0]

    monkeypatch.setattr(keeping, "save", full)
    with pool:
        found = campaign.run().found
    assert found is not None
    assert [found.file] == saved == list(tmp_path.iterdir())
    assert str(error) in found.unsaved
    assert f"Saved before, longer, as {found.file}" in found_story(found)
    assert replayed(saved[0]) is Judgement.AS_EXPECTED


def test_what_breaks_when_it_has_just_failed_does_not_hide_it(tmp_path: Path) -> None:
    """The record, or whoever else observes."""
    pool, campaign = campaign_of(tmp_path, SEARCH, SimulatedCluster, BUG)

    def observe(entry: Entry) -> None:
        if isinstance(entry, Ended) and entry.verdict is Verdict.DIVERGED:
            raise InvalidRunError("The record can't be written on.")

    campaign.observe = observe
    with pool:
        report = campaign.run()
    assert report.exit_code == 1
    assert str(report.halted) == "The record can't be written on."
    assert report.found is not None
    assert report.found.file is not None
    assert replayed(report.found.file) is Judgement.AS_EXPECTED


@pytest.mark.slow
@pytest.mark.parametrize("where", ["shortening", "searching further"])
@pytest.mark.parametrize("error", [IndexError("a mistake of ours"), OSError(28, "No space left")])
def test_whatever_is_raised_afterwards_what_was_found_is_told(
    tmp_path: Path, where: str, error: Exception
) -> None:
    pool, campaign = campaign_of(tmp_path, SEARCH, SimulatedCluster, BUG)

    def fail(progress: Progress) -> None:
        if progress.further == (where == "searching further"):
            raise error

    campaign.minimizing = fail
    with pool:
        report = campaign.run()
    assert report.exit_code == 1
    assert error.args[-1] in str(report.halted)
    assert "\n" not in str(report.halted)
    assert report.found is not None
    assert report.found.file is not None
    assert f"Saved as {report.found.file}" in summary(report, 1, SEARCH)
    assert replayed(report.found.file) is Judgement.AS_EXPECTED


def test_an_interrupt_is_found_behind_errors_that_lead_back_to_each_other() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__context__ = second, first
    assert not of_ctrl_c(first)
    second.__context__ = KeyboardInterrupt()
    assert of_ctrl_c(first)


# --- before any step -----------------------------------------------------------------------------


class Strange(SimulatedCluster):
    """Some nodes show a row that nobody wrote, as a cluster that was used before."""

    who: Callable[[tuple[str, ...]], tuple[str, ...]]
    from_rest: int

    async def begin(self, net: Net) -> None:
        self.rests = 0
        await super().begin(net)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        found = await super().settle(net, control=control, limit_s=limit_s)
        self.rests += 1
        if isinstance(found, Unsettled) or self.rests <= self.from_rest:
            return found
        old = View.of(SUPERTEST, {"cases": [("old", {"title": "x", "counter": 0})]})
        views = {
            node: old if node in self.who(self.nodes) else v for node, v in found.views.items()
        }
        return replace(found, views=views)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    who=st.sampled_from([slice(1), slice(1, 2), slice(-1, None), slice(None)]),
    seed=st.integers(0, 1000),
    nodes=st.integers(2, 4),
    twin=st.sampled_from(["simulated", None]),
)
def test_a_divergence_before_the_first_step_is_a_finding_like_any_other(
    who: slice, seed: int, nodes: int, twin: str | None
) -> None:
    target = type("Target", (Strange,), {"who": lambda _, n: n[who], "from_rest": 0})
    kind = evolve(SIMULATED, make=target, twin=twin)
    with tempfile.TemporaryDirectory() as folder, Pool(kind) as pool:
        asked = Settings(sequences=3, steps=5, seed=seed, nodes=nodes)
        report = Campaign(pool, asked, Path(folder), searching(ClusterMachine)).run()
        assert (report.exit_code, report.halted) == (1, None)
        assert report.found is not None
        assert report.found.file is not None
        saved = load(report.found.file, registered)
        assert (saved.steps, saved.confirmed.failed) == ((), 3)
        assert "Shown before any step." in summary(report, 1, asked)
        again = pool.driver.run(replay(pool.target(len(saved.nodes)), saved))
        assert again.judgement is Judgement.AS_EXPECTED


def test_what_shows_sooner_when_it_is_run_again_is_shortened_to_that(tmp_path: Path) -> None:
    class Later(Strange):
        runs = 0

        @property
        def from_rest(self) -> int:  # type: ignore[override]
            return 4 if self.runs < 2 else 0

        async def begin(self, net: Net) -> None:
            Later.runs += 1
            await super().begin(net)

        def who(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
            return nodes

    # A sequence that has no rows by then: what is missing would not be so before it.
    report = searched(tmp_path, evolve(FEW, seed=2), Later)
    assert (report.exit_code, report.halted) == (1, None)
    assert report.found is not None
    assert report.found.length_before > report.found.counterexample.length == 0


# --- runs that say nothing -----------------------------------------------------------------------


class Slow(SimulatedCluster):
    """The second rest comes late in every run."""

    async def begin(self, net: Net) -> None:
        self.rests = 0
        await super().begin(net)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        self.rests += 1
        if self.rests == 3:
            return Unsettled(f"n{len(net.nodes)} has not processed n1's log")
        return await super().settle(net, control=control, limit_s=limit_s)


class Outage(SimulatedCluster):
    """The way to a machine breaks in the middle of every other run."""

    async def write(self, node: str, write: Write) -> Outcome:
        raise InvalidRunError(f"The SSH connection to {node} broke.")


@pytest.mark.parametrize(("target", "verdict"), [(Slow, "unknown"), (Outage, "invalid")])
def test_a_run_that_says_nothing_is_saved_once_for_each_kind(
    tmp_path: Path, target: type[SimulatedCluster], verdict: str
) -> None:
    report = searched(tmp_path, FEW, target)
    assert report.exit_code == 3
    assert len(getattr(report.findings, verdict)) > 1
    (file,) = tmp_path.iterdir()
    assert [one.file for one in report.doubtful] == [file]
    assert str(file) in summary(report, 1, FEW)
    saved = load(file, registered)
    assert saved.found["verdict"] == verdict
    assert saved.title.startswith(f"{verdict}: ")
    with Pool(evolve(SIMULATED, make=target)) as pool:
        again = pool.driver.run(replay(pool.target(3), saved))
    assert again.judgement is Judgement.UNKNOWN
    assert again.results[-1].verdict.value == verdict
    assert replayed(file) is Judgement.AS_EXPECTED


def test_one_that_cannot_be_saved_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise SyncModelError("There is no space.")

    monkeypatch.setattr(keeping, "save", full)
    report = searched(tmp_path, FEW, Slow)
    assert (report.exit_code, report.findings.sequences) == (3, FEW.sequences)
    assert summary(report, 1, FEW).endswith("\nThere is no space.")


def test_only_so_many_of_them_are_saved(tmp_path: Path) -> None:
    doubts = Doubts(Origin(tmp_path), SIMULATED, SIMULATED.guarantees)
    for number in range(3 * UNDECIDED_LIMIT):
        script = Script(fully_connected(SUPERTEST, 2), run_of(number).steps)
        doubts.put(Undecided(Verdict.UNKNOWN, "reason " + "x" * number, script))
    assert {one.file for one in doubts.saved} == set(tmp_path.iterdir())
    assert len(doubts.saved) == UNDECIDED_LIMIT


def test_a_file_that_somebody_has_edited_stays_as_it_is(tmp_path: Path) -> None:
    run = Reproduction(
        "A case",
        {"n1": 2, "n2": 2},
        (Create("n1", "cases", "c1", (("title", "t1"),)),),
        system=SIMULATED,
    )
    Kept(tmp_path).put(run)
    (first,) = tmp_path.iterdir()
    Kept(tmp_path).put(evolve(run, title="The same, told otherwise", found={"seed": 2}))
    assert len(list(tmp_path.iterdir())) == 2
    for edited in ('{"pins": "mine"}', "{ no JSON"):
        first.write_text(edited)
        kept = Kept(tmp_path)
        kept.put(run)
        assert first.read_text() == edited
        assert kept.file is not None
        assert kept.file.name == f"{first.stem}-2.json"
        kept.file.unlink()
