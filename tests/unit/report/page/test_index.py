"""Many runs at a glance, for people and for build servers; and the course of a search."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saved_runs import CORPUS
from seen_runs import planted

from syncmodel.cli import main
from syncmodel.engine.history import Verdict
from syncmodel.engine.tally import Tally
from syncmodel.report.page.course import MOST_POINTS, Course
from syncmodel.report.page.junit import Case, junit


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(path: Path) -> Any:
    return json.loads((path / "report.json").read_text())


def test_a_folder_has_an_index_and_a_page_for_each(here: Path) -> None:
    saved = here / "found"
    saved.mkdir()
    bugs = ("tombstone-lost-on-resync", "not-passed-on", "reads-own-copy")
    for bug in bugs:
        file = planted()[bug].file
        (saved / file.name).write_bytes(file.read_bytes())
    (saved / "no-run.json").write_text("{}")
    assert main(["report", "found"]) == 0
    pages = saved / "report"
    found = report(pages)
    runs = {one["name"]: one for one in found["runs"]}
    assert len(runs) == 4
    assert runs["no-run"]["verdict"] == "invalid"
    for bug in bugs:
        run = runs[planted()[bug].file.stem]
        assert (run["verdict"], run["bug"]) == ("diverged", bug)
        assert (pages / run["page"]).is_file()
        assert (pages / run["file"]).resolve() == saved / f"{run['name']}.json"
    assert found["coverage"]["sequences"] == 3
    suite = ET.parse(pages / "junit.xml").getroot()[0]
    counted = {name: suite.get(name) for name in ("tests", "failures", "errors")}
    assert counted == {"tests": "4", "failures": "3", "errors": "1"}
    # Its own JSON is no saved run: the folder is read again just the same.
    assert main(["report", "found"]) == 0
    assert report(pages) == found


def test_a_search_has_its_course_and_what_never_happened(here: Path) -> None:
    asked = ["--target", "simulated", "--sequences", "5", "--seed", "1", "--no-scenes"]
    assert main(["explore", *asked, "--report", "seen"]) == 0
    found = report(here / "seen")
    assert found["coverage"]["sequences"] == 5
    assert found["course"][-1][1] == 5
    assert found["course"][-1][5] > 1
    assert (here / "seen" / "index.html").is_file()


def test_nothing_is_written_unless_there_is_something_to_show(here: Path) -> None:
    asked = ["--target", "simulated", "--sequences", "2", "--seed", "1", "--no-scenes"]
    assert main(["explore", *asked]) == 0
    assert list(here.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_failure_has_a_page_beside_its_file(here: Path, jobs: str) -> None:
    asked = ["--target", "simulated", "--bug", "tie-by-arrival", "--seed", "1", "--no-minimize"]
    assert main(["explore", *asked, "--jobs", jobs]) == 1
    (page,) = (here / "found").glob("*.html")
    assert page.with_suffix(".json").is_file()
    assert "which breaks the rule that" in page.read_text()


def test_no_page_is_written_where_none_is_wanted(here: Path) -> None:
    asked = ["--target", "simulated", "--bug", "tie-by-arrival", "--seed", "1", "--no-minimize"]
    assert main(["explore", *asked, "--no-report"]) == 1
    assert not [*(here / "found").glob("*.html")]


@pytest.mark.parametrize("verb", [["explore"], ["minimize", "run.json"]])
def test_pages_are_wanted_or_not(
    here: Path, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    assert main([*verb, "--report", "pages", "--no-report"]) == 2
    assert "leave one out" in capsys.readouterr().err


def test_what_is_no_page_of_ours_stays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = planted()["not-passed-on"].file
    (here / "run.json").write_bytes(file.read_bytes())
    (here / "run.html").write_text("mine")
    assert main(["report", "run.json"]) == 3
    assert (here / "run.html").read_text() == "mine"
    assert "run.html is no page of ours, so it is left as it is." in capsys.readouterr().out


@pytest.mark.parametrize("taken", ["run.html", "index.html", "report.json"])
def test_a_page_that_can_not_be_written_is_no_success(
    here: Path, capsys: pytest.CaptureFixture[str], taken: str
) -> None:
    saved = here / "found"
    saved.mkdir()
    (saved / "run.json").write_bytes(planted()["not-passed-on"].file.read_bytes())
    (saved / "report" / taken).mkdir(parents=True)
    assert main(["report", "found"]) == 3
    if taken != "run.html":
        assert taken in capsys.readouterr().out


def test_an_invariant_needs_its_machine(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = json.loads(planted()["not-passed-on"].file.read_text())
    saved["expected"]["divergence"] = {"name": "invariant", "table": "mine"}
    (here / "run.json").write_text(json.dumps(saved))
    assert main(["report", "run.json"]) == 2
    assert "name it with --machine" in capsys.readouterr().err
    assert not (here / "run.html").exists()


@pytest.mark.parametrize(
    "asked",
    [
        ["report", "found", "-o", "found"],
        ["replay", "found/run.json", "--report", "found"],
        ["explore", "--report", "found", "--sequences", "1", "--target", "simulated"],
    ],
)
def test_pages_do_not_go_among_saved_runs(
    here: Path, capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    (here / "found").mkdir()
    (here / "found" / "run.json").write_bytes(planted()["not-passed-on"].file.read_bytes())
    assert main(asked) == 2
    assert "let the report go to another folder" in capsys.readouterr().err
    assert len([*(here / "found").iterdir()]) == 1


def test_what_is_replayed_is_shown(here: Path) -> None:
    file = planted()["not-passed-on"].file
    asked = ["replay", str(file), "--target", "simulated", "--report", "seen"]
    assert main(asked) == 1
    (run,) = report(here / "seen")["runs"]
    assert run["verdict"] == "diverged"
    assert (here / "seen" / f"{file.stem}.html").is_file()
    assert CORPUS / file.name == file


@given(st.text(), st.text())
def test_any_text_is_in_a_junit_file(name: str, headline: str) -> None:
    cases = [Case(name, verdict, headline, headline) for verdict in Verdict]
    root = ET.fromstring(junit(name, cases))
    assert len(root[0]) == len(Verdict)


def test_a_long_course_keeps_few_points() -> None:
    now = [0.0]
    course = Course(Tally(), lambda: now[0])
    for second in range(10_000):
        now[0] = float(second)
        course.look()
    points = course.whole()
    assert len(points) <= MOST_POINTS + 1
    assert points[0][0] == 0
    assert points[-1][0] == 9_999
