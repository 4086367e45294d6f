"""A run as it was seen: kept with what fails, by whoever ran it, and nothing is performed again."""

import pickle
from pathlib import Path

import pytest
from attrs import evolve
from seen_runs import drawn, planted

from syncmodel.campaign.campaign import Campaign
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Began, Performed, Rested, Verdict
from syncmodel.engine.pool import Pool
from syncmodel.engine.session import Result
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.guarantees import Guarantees
from syncmodel.report.page.document import document
from syncmodel.report.page.moments import seen, seen_failure
from syncmodel.report.page.writing import found_page


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    settings = Settings(nodes=3, sequences=40, steps=20, seed=1)
    with Pool("simulated") as pool:
        folder = tmp_path_factory.mktemp("found")
        searched = searching(ClusterMachine)
        campaign = Campaign(pool, settings, folder, searched, bugs=("tie-by-arrival",))
        campaign.run()
    return campaign


def test_what_is_found_and_what_is_shortest_have_each_its_own_history(found: Campaign) -> None:
    finding = found.report.found
    assert finding is not None
    assert finding.original is not None
    for each in (finding.original, finding.counterexample):
        run = seen_failure(each)
        assert run is not None
        steps = tuple(moment.step for moment in run.moments[1:])
        assert steps == each.script.steps
        assert run.divergences[0].key == each.key
    assert finding.original.length > finding.counterexample.length


def test_a_page_needs_no_target_any_more(found: Campaign) -> None:
    finding = found.report.found
    assert finding is not None
    assert finding.file is not None
    assert found_page(finding) == f"Look at it: {finding.file.with_suffix('.html')}"


def test_another_process_hands_it_on(found: Campaign) -> None:
    finding = found.report.found
    assert finding is not None
    again: Counterexample = pickle.loads(pickle.dumps(finding.counterexample))
    mine, theirs = seen_failure(finding.counterexample), seen_failure(again)
    assert mine is not None
    assert theirs is not None
    assert document(mine) == document(theirs)


def test_what_nobody_has_kept_has_no_page(found: Campaign, tmp_path: Path) -> None:
    finding = found.report.found
    assert finding is not None
    bare = evolve(finding.counterexample, history=())
    assert found_page(evolve(finding, counterexample=bare), tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_is_told(found: Campaign, tmp_path: Path) -> None:
    finding = found.report.found
    assert finding is not None
    (tmp_path / "file").write_text("")
    said = found_page(finding, tmp_path / "file" / "pages")
    assert said.startswith("The report can't be written to ")


def test_a_page_that_cannot_be_made_changes_nothing(
    found: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = found.report.found
    assert finding is not None
    monkeypatch.setattr("syncmodel.report.page.writing.document", lambda _: 1 / 0)
    assert found_page(finding).startswith("There is no report, and the finding stands.")


def test_the_last_moment_is_what_decided() -> None:
    by_answer = planted()["reads-own-copy"].run
    assert by_answer.by_answer
    assert by_answer.last.views is None
    at_rest = planted()["tombstone-lost-on-resync"].run
    assert not at_rest.by_answer
    assert at_rest.last.views is not None
    restless = planted()["no-wake-up-for-losers"].run
    assert restless.last.views is None


def test_a_run_that_broke_off_ends_with_the_step_that_was_taken() -> None:
    run = drawn(1, 3, 3)
    assert seen(Result(Verdict.INVALID), Guarantees()) is None
    history = (Began(1, run.net),)
    told = Result(Verdict.INVALID, reason="the tester broke", history=history)
    broken = seen(told, Guarantees())
    assert broken is not None
    assert [moment.index for moment in broken.moments] == [0]
    assert document(broken)["why"] == ["the tester broke"]


def test_every_rest_and_outcome_of_the_history_is_a_moment(found: Campaign) -> None:
    finding = found.report.found
    assert finding is not None
    history = finding.counterexample.history
    run = seen_failure(finding.counterexample)
    assert run is not None
    rests = [entry for entry in history if isinstance(entry, Rested)]
    done = [entry for entry in history if isinstance(entry, Performed)]
    assert [m.views for m in run.moments[: len(rests)]] == [entry.views for entry in rests]
    assert [m.outcome for m in run.moments[1:]] == [entry.outcome for entry in done]
