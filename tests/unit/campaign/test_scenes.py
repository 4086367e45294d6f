"""Small scenes beside a search: what fails in one is a finding like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.campaign import scenes
from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.campaign.scenes import BESIDE, look, possible
from syncmodel.cli import main
from syncmodel.corpus import load
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Pool
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.guarantees import Guarantees
from syncmodel.reference.kinds import EMBEDDED, SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.terminal import summary
from syncmodel.targets.registry import TargetKind, registered

BUG = "tombstones-dropped-on-restart"
#: So short that no sequence can fail.
SHORT = Settings(sequences=12, steps=1, seed=1)


def searched(
    kind: TargetKind,
    folder: Path,
    settings: Settings = SHORT,
    *,
    beside: bool = True,
    minimize: bool = False,
) -> Report:
    with Pool(kind) as pool:
        explore = searching(ClusterMachine)
        return Campaign(
            pool, settings, folder, explore, bugs=(BUG,), scenes=beside, minimize=minimize
        ).run()


@pytest.mark.long
def test_a_scene_finds_what_no_sequence_does_and_it_is_shortened_saved_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = searched(SIMULATED, tmp_path, minimize=True)
    assert report.exit_code == 1
    assert report.found is not None
    assert report.found.file is not None
    assert report.found.counterexample.length == 3
    assert report.found.reproduction.confirmed.always
    assert load(report.found.file, registered).bug == BUG
    told = summary(report, 1.0, SHORT)
    assert "Divergence found" in told
    assert "found in a small scene on the simulator (a node crashes amid writes)" in told
    assert main(["replay", "--check", str(report.found.file)]) == 0
    assert "resurrected" in capsys.readouterr().out


def test_what_fails_on_the_simulator_alone_is_a_finding_there(tmp_path: Path) -> None:
    """The nodes of this kind do not have the mistake that their twin has."""
    other = evolve(
        SIMULATED, name="other", make=lambda count, _bugs: SimulatedCluster(count), twin="simulated"
    )
    report = searched(other, tmp_path)
    assert report.found is not None
    assert report.found.reproduction.system.name == "simulated"
    assert report.exit_code == 1


def test_what_a_sequence_finds_comes_first(tmp_path: Path) -> None:
    report = searched(SIMULATED, tmp_path, Settings(sequences=50, seed=1))
    assert report.found is not None
    assert report.looked is None


def test_they_can_be_left_out(tmp_path: Path) -> None:
    assert searched(SIMULATED, tmp_path, beside=False).exit_code == 0
    search = ["explore", "--target", "simulated", "--sequences", "12", "--steps", "1", "--seed"]
    command = [*search, "1", "--bug", BUG, "--corpus", str(tmp_path)]
    assert main([*command, "--no-scenes"]) == 0
    assert main([*command, "--no-minimize"]) == 1


def test_only_the_kinds_of_steps_of_the_search_are_taken() -> None:
    scope = SIMULATED.scope.without("restart", "crash")
    looked = look(evolve(SHORT, scope=scope), (BUG,), waits=False)
    assert looked.failing is None


def test_a_correct_system_passes_and_the_budget_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = look(SHORT, (), waits=False)
    assert looked.failing is None
    assert 0 < looked.whole < looked.scenes == len(BESIDE)
    assert looked.situations == SHORT.sequences * scenes.A_SEQUENCE
    monkeypatch.setattr(scenes, "MOST", 100)
    assert look(Settings(sequences=10**6), (), waits=True).situations == 100


def test_they_are_for_the_nodes_and_promises_that_the_simulator_has() -> None:
    assert possible(SIMULATED, SHORT)
    assert possible(EMBEDDED, SHORT)
    assert not possible(evolve(EMBEDDED, twin=None), SHORT)
    assert not possible(SIMULATED, evolve(SHORT, guarantees=Guarantees(passes_on=False)))
    assert not possible(SIMULATED, evolve(SHORT, backend="hypothesis"))
