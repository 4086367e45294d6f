"""What nodes say of a failure: one folder beside its file, made once it is confirmed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import evolve
from seen_runs import planted

from syncmodel.campaign.evidence import ABOUT, artefacts
from syncmodel.campaign.keeping import Origin
from syncmodel.campaign.triage import Finding, Triage
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.errors import InvalidRunError
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.beside import RECORD, STORY
from syncmodel.report.judged import judged
from syncmodel.report.page.moments import seen_failure
from syncmodel.report.page.writing import found_page
from syncmodel.report.story import story
from syncmodel.shrink.minimize import NO_SEARCH
from syncmodel.targets import registry
from syncmodel.targets.base import Diagnosed, Target
from syncmodel.targets.wire import SUPERTEST

BUG = "tombstone-lost-on-resync"


class Telling(SimulatedCluster, Diagnosed):
    """Nodes that say what they show; how often they were asked is counted."""

    asked: ClassVar[list[Path]] = []
    fails: ClassVar[bool] = False

    async def artefacts(self, folder: Path) -> None:
        self.asked.append(folder)
        if self.fails:
            raise InvalidRunError("The SSH connection to n2 broke.")
        for node in self.nodes:
            (folder / node).mkdir()
            (folder / node / "rows.json").write_text(f"{await self.read(node)}")


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> type[Telling]:
    monkeypatch.setattr(Telling, "asked", [])
    return Telling


def found_by(
    target: type[Target], folder: Path, *, gathers: bool = True, confirmed: bool = True
) -> Finding:
    """A failure that was just found on such a target, confirmed and saved."""
    kind = evolve(registry.get("simulated"), make=target, abilities=target)
    one = planted()[BUG].reproduction
    with Pool(kind) as pool:
        once = run(pool.target(2, [BUG]), one.net, one.steps, one.guarantees)
        failing = Counterexample.of(one.net, pool.driver.run(once), bugs=[BUG])
        triage = Triage(pool, Origin(folder), failing, gathers=gathers)
        if confirmed:
            triage.minimize(lambda _: None, NO_SEARCH)
        return triage.save()


def test_it_is_asked_once_and_after_the_run_that_is_shown(
    tmp_path: Path, telling: type[Telling]
) -> None:
    finding = found_by(telling, tmp_path)
    assert finding.file is not None
    assert len(telling.asked) == 1
    folder = finding.file.with_suffix(".artefacts")
    assert finding.evidence.folder == folder
    assert json.loads((folder / ABOUT).read_text())["of"] == finding.file.name
    views = finding.counterexample.views
    assert views is not None
    for node, view in views.items():
        assert (folder / node / "rows.json").read_text() == str(view)
    run = seen_failure(finding.counterexample)
    assert run is not None
    assert set(finding.evidence.happened) == set(range(len(run.moments)))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [finding.file.name, folder.name]
    )


def test_the_page_links_to_every_file_and_shows_the_messages(
    tmp_path: Path, telling: type[Telling]
) -> None:
    finding = found_by(telling, tmp_path / "found")
    found_page(finding, tmp_path / "pages")
    (page,) = (tmp_path / "pages").glob("*.html")
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page.read_text(), re.S)[0])
    links = {fact[0]: fact[1:] for fact in data["facts"] if fact[0].startswith("artefacts of")}
    about = ["artefacts of the run", *(f"artefacts of n{number}" for number in (1, 2))]
    assert list(links) == about
    named = [words for each in links.values() for words in each[::2]]
    assert named == ["record.jsonl", "story.txt", "rows.json", "rows.json"]
    for each in links.values():
        assert all((page.parent / link).is_file() for link in each[1::2])
    happened = [moment["happened"] for moment in data["runs"][0]["moments"]]
    assert any(one[3] == "row" for moment in happened for one in moment)


def test_the_folder_of_a_failure_on_the_simulator_says_what_diverged_by_itself(
    tmp_path: Path,
) -> None:
    finding = found_by(SimulatedCluster, tmp_path / "found")
    found_page(finding, tmp_path / "pages")
    assert finding.evidence.folder is not None
    folder = finding.evidence.folder.rename(tmp_path / "kept")
    shutil.rmtree(tmp_path / "found")
    one = next(judged(folder / RECORD, registry.registered))
    assert one.keys == {finding.counterexample.key}
    assert (one.as_recorded, one.derived) == (True, True)
    assert one.found == finding.counterexample.divergences
    told = (folder / STORY).read_text()
    assert told == f"{story(finding.reproduction, finding.counterexample)}\n"
    header = json.loads((folder / RECORD).read_text().splitlines()[0])
    assert (header["target"], header["bugs"]) == ("simulated", [BUG])
    views = finding.counterexample.views
    assert views is not None
    for node, view in views.items():
        rows = json.loads((folder / node / "rows.json").read_text())["rows"]
        assert view is not None
        assert rows == {str(row): dict(value.cells) for row, value in view.rows}
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 100_000


def test_a_record_that_cannot_be_written_is_told_on_the_page(
    tmp_path: Path, telling: type[Telling], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InvalidRunError("The disk is full.")

    finding = found_by(telling, tmp_path / "found")
    monkeypatch.setattr("syncmodel.report.beside.Recorder", full)
    found_page(finding, tmp_path / "pages")
    (page,) = (tmp_path / "pages").glob("*.html")
    assert "not all: The disk is full." in page.read_text()


def test_it_is_not_asked_where_nobody_looks_or_nothing_is_confirmed(
    tmp_path: Path, telling: type[Telling]
) -> None:
    for gathers, confirmed in ((False, True), (True, False)):
        finding = found_by(telling, tmp_path, gathers=gathers, confirmed=confirmed)
        assert telling.asked == []
        assert list(tmp_path.iterdir()) == [finding.file]


def test_what_cannot_be_had_is_told_and_leaves_nothing(
    tmp_path: Path, telling: type[Telling], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "fails", True)
    finding = found_by(telling, tmp_path)
    assert finding.evidence.lacking == "The SSH connection to n2 broke."
    found_page(finding, tmp_path / "pages")
    (page,) = (tmp_path / "pages").glob("*.html")
    assert "none: The SSH connection to n2 broke." in page.read_text()
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ""}


def test_nodes_that_break_when_it_is_performed_once_more_change_nothing(
    tmp_path: Path, telling: type[Telling], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError("no such thing")

    finding = found_by(telling, tmp_path, gathers=False)
    monkeypatch.setattr("syncmodel.campaign.evidence.performed", gone)
    again = found_by(telling, tmp_path)
    assert again.reproduction == finding.reproduction
    assert again.evidence.lacking


def test_an_older_folder_of_ours_is_replaced_and_no_other(
    tmp_path: Path, telling: type[Telling]
) -> None:
    target, file = telling(2), tmp_path / "run.json"
    Straight().run(target.begin(fully_connected(SUPERTEST, 2)))
    first = artefacts(target, Straight(), file)
    assert first.folder is not None
    (first.folder / "n9").mkdir()
    assert artefacts(target, Straight(), file).folder == first.folder
    assert sorted(path.name for path in first.folder.iterdir()) == [ABOUT, "n1", "n2"]
    (first.folder / ABOUT).write_text("{}")
    assert "is no folder of ours" in artefacts(target, Straight(), file).lacking
    assert (first.folder / ABOUT).read_text() == "{}"
    assert list(tmp_path.iterdir()) == [first.folder]
