"""What a person reads of a search, word for word."""

import asyncio
import io
import os
import re
import threading
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from syncmodel.campaign.campaign import Report
from syncmodel.campaign.triage import Finding
from syncmodel.corpus import Confirmed, Expected, Reproduction
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.findings import Findings, Settings
from syncmodel.engine.history import Began, Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import SyncModelError
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.progress import left, progress_line, shortening_line
from syncmodel.report.story import found_story, story
from syncmodel.report.terminal import Unbreakable, Watch, summary
from syncmodel.shrink.minimize import Effort, Progress
from syncmodel.steps import Burst, Concurrently, Create, Delete, Resync
from syncmodel.steps.scope import Scope
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

KIND = registry.get("simulated")
NET = fully_connected(SUPERTEST, 2)
SCOPE = Scope.of(SUPERTEST, {"resync"})
ONLY_RESYNCS = Settings(scope=SCOPE, seed=7)
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Burst((Resync("n2"), Delete("n1", "cases", "c1"))),
)
RESURRECTED = Reproduction(
    title="resurrected case: a deleted row is back",
    nodes={"n1": 2, "n2": 2},
    steps=STEPS,
    expected=Expected(("resurrected", "cases")),
    confirmed=Confirmed(2, 3),
    system=KIND,
)


@pytest.fixture(scope="module")
def ended() -> Counterexample:
    target = SimulatedCluster(2, ["tombstone-lost-on-resync"])
    return Counterexample.of(NET, asyncio.run(run(target, NET, STEPS)))


def found(ended: Counterexample, file: Path | None = Path("found/a.json")) -> Finding:
    effort = Effort(executions=20, steps=67)
    return Finding(ended, RESURRECTED, 19, effort, file, "" if file else "No room to save it.")


def test_steps_inside_of_steps_are_all_told() -> None:
    inner = Concurrently((Resync("n2"), Delete("n1", "cases", "c1")))
    told = story(evolve(RESURRECTED, steps=(STEPS[0], Burst((inner, Resync("n1"))))))
    assert told.endswith(
        "  2. in a burst, without coming to rest in between:\n"
        "       - at the same time:\n"
        "           - n2 resyncs in full\n"
        "           - n1 deletes cases/c1\n"
        "       - n1 resyncs in full"
    )


def test_a_failure_that_did_not_come_back_is_no_certain_one(ended: Counterexample) -> None:
    never = evolve(RESURRECTED, confirmed=Confirmed(0, 10))
    told = found_story(evolve(found(ended), reproduction=never))
    assert (
        "\n\nIt did not come back in 10 runs: perhaps it takes luck, or what earlier sequences "
        "left on the nodes.\n"
    ) in told


def test_a_failure_as_it_is_reported(ended: Counterexample) -> None:
    assert found_story(found(ended)).removeprefix(story(RESURRECTED, ended)) == (
        "\n\nRun again, it failed sometimes (2 of 3 runs).\n"
        "Shortened from 19 to 3 steps in 20 runs (67 steps performed).\n"
        "Saved as found/a.json\n"
        "See it again: syncmodel replay found/a.json"
    )
    assert found_story(found(ended, file=None)).endswith("No room to save it.")


def tally() -> Tally:
    counted = Tally(sequences=1_200, steps=34, rests=56, net=NET)
    counted.verdicts[Verdict.PASS] = 1_200
    counted.seen.update({Sometimes.PARTITIONS: 3, Sometimes.CONFLICTS: 1})
    return counted


def test_the_line_of_progress() -> None:
    line = "sequences 1,200, steps 34; partitions 3, conflicts 1; 1:05 min"
    assert progress_line(tally(), 65.2) == line


def test_the_summary_of_a_pass_says_what_never_happened() -> None:
    assert summary(Report(tally()), 5, ONLY_RESYNCS) == (
        "No divergence: 1,200 sequences, 34 steps, 56 comparisons in 5 s, seed 7.\n"
        "Seen: partitions 3, conflicts 1.\n"
        "Never came up in this search, so untested: resyncs that sent rows, hidden rows, "
        "refusals of contested requests, unknown outcomes."
    )


def test_what_cannot_happen_is_not_missed() -> None:
    text = summary(Report(tally()), 5, ONLY_RESYNCS, waits=False)
    assert text.endswith("hidden rows, refusals of contested requests.")


def test_where_nothing_was_judged_there_is_no_verdict() -> None:
    unknown = Tally(sequences=40, steps=40, verdicts=Counter({Verdict.UNKNOWN: 40}))
    report = Report(unknown, Findings(unknown=["busy"] * 40))
    assert summary(report, 5, Settings()).startswith("No verdict: 40 sequences, ")
    late = Report(Tally(), Findings(out_of_time=True))
    assert summary(late, 5, Settings()).startswith("Nothing was tried: 0 sequences, ")


def test_no_summary_calls_a_doubt_a_pass() -> None:
    report = Report(tally(), Findings(invalid=["n1 is gone"], unknown=["busy", "busy"]))
    assert report.exit_code == 3
    text = summary(report, 5, Settings(scope=SCOPE))
    assert "1 invalid (the tester could not do its part), which is no pass. The first: n1" in text
    assert "2 unknown (no rest, or no answer, in time), which is no pass. The first: busy" in text
    interrupted = summary(Report(tally(), interrupted=True), 5, Settings(scope=SCOPE))
    assert interrupted.startswith("No divergence so far, interrupted:")
    halted = summary(Report(tally(), halted=SyncModelError()), 5, Settings(scope=SCOPE))
    assert halted.startswith("No divergence so far:")


def test_exit_codes(ended: Counterexample) -> None:
    assert Report(tally()).exit_code == 0
    assert Report(tally(), found=found(ended)).exit_code == 1
    assert Report(tally(), found=found(ended), interrupted=True).exit_code == 130
    assert Report(tally(), Findings(unknown=["busy"])).exit_code == 3


def test_progress_is_lines_where_nobody_watches_and_no_flood() -> None:
    out = io.StringIO()
    with Watch(tally(), Console(file=out)) as watch:
        for number in range(100):
            watch(Began(number, NET))
            watch.minimizing(Progress(number, 1, 7, 2))
    assert out.getvalue() == "found a failure, shortening it: 7 steps left after 0 runs\n"


class Lines(io.StringIO):
    """What was printed; `more` says that there is another line."""

    def __init__(self) -> None:
        super().__init__()
        self.more = threading.Semaphore(0)

    def write(self, text: str) -> int:
        written = super().write(text)
        for _ in range(text.count("\n")):
            self.more.release()
        return written


def test_a_search_of_which_nothing_is_heard_says_that_it_goes_on() -> None:
    out = Lines()
    with Watch(tally(), Console(file=out, width=200), repeat_s=0.05) as watch:
        watch.minimizing(Progress(3, 1, 7, 2))
        for _ in range(3):
            assert out.more.acquire(timeout=60)
    first, second, *_ = out.getvalue().splitlines()
    assert first == "found a failure, shortening it: 7 steps left after 3 runs"
    assert second == f"{first} (nothing new for 0 s)"


def test_nothing_is_said_before_the_first_word_and_after_the_end() -> None:
    out = Lines()
    with Watch(tally(), Console(file=out), repeat_s=0.01):
        assert not out.more.acquire(timeout=0.1)
    before = out.getvalue()
    assert not out.more.acquire(timeout=0.05)
    assert before == out.getvalue() == ""


def test_what_else_goes_on_has_a_line_too() -> None:
    out = Lines()
    with Watch(tally(), Console(file=out, width=200), repeat_s=0.0) as watch:
        watch.doing("small scene 1 of 7 (a crash): 12 situations", 0.1)
    assert "small scene 1 of 7 (a crash): 12 situations; 0 s" in out.getvalue()


def test_the_line_of_progress_foretells_the_end() -> None:
    line = progress_line(tally(), 60.0, goal=2_400)
    assert line == (
        "sequences 1,200 of 2,400, steps 34; partitions 3, conflicts 1; 1:00 min; "
        "about 1:00 min left"
    )
    assert progress_line(tally(), 60.0, 2_400, limit_s=80.0).endswith("about 20 s left")
    # Too little is done for a guess, or nothing is left.
    assert "left" not in progress_line(tally(), 60.0, goal=200_000)
    assert "left" not in progress_line(tally(), 1.0, goal=2_400)
    assert "left" not in progress_line(tally(), 60.0, goal=1_200)


def test_the_line_of_the_minimiser_says_what_goes_on_and_how_long_at_most() -> None:
    progress = Progress(50, 100, 4, 2, share=0.25)
    line = "found a failure, shortening it: 4 steps left after 50 runs"
    assert shortening_line(progress, 10.0) == f"{line}; at most 30 s more of this"
    # Of a phase that began when a fifth was done.
    assert shortening_line(progress, 10.0, 0.2) == f"{line}; at most 2:30 min more of this"
    further = evolve(progress, further=True, share=0.0)
    assert shortening_line(further, 10.0) == (
        "found a failure, looking further on the simulator: 4 steps left after 50 runs"
    )
    assert "confirming it (run 2): 4 steps" in shortening_line(
        evolve(progress, doing="confirming it (run 2)"), 1.0
    )


@given(st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_whatever_share_is_done_the_rest_is_a_time(
    seconds: float, share: float, began: float
) -> None:
    text = left(seconds, share, began=began)
    assert not text or re.fullmatch(r"; about [\d:]+ (s|min|h) left", text)


def test_a_reader_that_went_away_changes_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as pipe:
        out = Unbreakable(file=pipe)
        out.print("nobody hears this")
        out.print("nor this")
        assert out.quiet


def test_a_reason_is_one_line() -> None:
    report = Report(tally(), Findings(invalid=["\x1b[2J\nno SSH"]))
    text = summary(report, 5, ONLY_RESYNCS)
    assert text.endswith("The first: \\u001b[2J\\nno SSH")
    out = io.StringIO()
    with Watch(tally(), Console(file=out)) as watch:
        watch.announce("\x1b[2J\u202e")
    assert out.getvalue() == "\\u001b[2J\\u202e\n"
