"""What a person reads, word for word."""

import asyncio
import io
import os
from pathlib import Path

import pytest
from attrs import evolve
from rich.console import Console

from syncmodel.campaign.campaign import Report
from syncmodel.campaign.triage import Found
from syncmodel.corpus import Confirmed, Expected, Reproduction
from syncmodel.engine.findings import Findings, Settings
from syncmodel.engine.history import Began, Ended, Entry
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import SyncModelError
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.story import found_story, story
from syncmodel.report.terminal import Unbreakable, Watch, progress_line, summary
from syncmodel.shrink.minimize import Minimized, Progress
from syncmodel.steps import Burst, CreateCase, DeleteCase, Resync
from syncmodel.steps.scope import Scope

ONLY_RESYNCS = Settings(scope=Scope(ops=frozenset({"resync"})), seed=7)
STEPS = (CreateCase("n1", "c1", "t1"), Burst((Resync("n2"), DeleteCase("n1", "c1"))))
RESURRECTED = Reproduction(
    title="resurrected case: a deleted row is back",
    nodes={"n1": 2, "n2": 3},
    steps=STEPS,
    expected=Expected(("resurrected", "cases")),
    confirmed=Confirmed(2, 3),
)
TEXT = """\
resurrected case: a deleted row is back

Nodes n1 with plugin version 1 (generation 2); n2 with plugin version 2 (generation 3):
  1. n1 creates case c1 with title t1
  2. in a burst, without coming to rest in between:
       - n2 resyncs in full
       - n1 deletes case c1

Resurrected: case c1 on n2
  expected: deleted
  shown:    title t1, counter 0
What each node showed at the last rest:
  n1  no rows
  n2  case c1 (title t1, counter 0)"""


@pytest.fixture(scope="module")
def ended() -> Ended:
    seen: list[Entry] = []
    target = SimulatedCluster(2, ["tombstone-lost-on-resync"])
    asyncio.run(run(target, fully_connected(2), STEPS, observe=seen.append))
    assert isinstance(seen[-1], Ended)
    return seen[-1]


def test_a_story(ended: Ended) -> None:
    assert story(RESURRECTED, ended) == TEXT
    assert story(RESURRECTED) == TEXT[: TEXT.index("\n\nResurrected")]


def found(ended: Ended, file: Path | None = Path("found/a.json")) -> Found:
    minimized = Minimized(
        steps=STEPS,
        net=fully_connected(2),
        divergences=ended.divergences,
        key=("resurrected", "cases"),
        executions=20,
        live_steps=67,
        failed=2,
        runs=3,
    )
    return Found(RESURRECTED, ended, 19, minimized, file, "" if file else "No room to save it.")


def test_a_failure_that_did_not_come_back_is_no_certain_one(ended: Ended) -> None:
    never = evolve(RESURRECTED, confirmed=Confirmed(0, 10))
    told = found_story(evolve(found(ended), reproduction=never))
    assert (
        "\n\nIt did not come back in 10 runs: perhaps it takes luck, or what earlier sequences "
        "left on the nodes.\n"
    ) in told


def test_a_failure_as_it_is_reported(ended: Ended) -> None:
    assert found_story(found(ended)).removeprefix(TEXT) == (
        "\n\nRun again, it failed sometimes (2 of 3 runs).\n"
        "Shortened from 19 to 3 steps in 20 runs (67 steps performed).\n"
        "Saved as found/a.json\n"
        "See it again: syncmodel replay found/a.json"
    )
    assert found_story(found(ended, file=None)).endswith("No room to save it.")


def tally() -> Tally:
    counted = Tally(sequences=1_200, steps=34, rests=56)
    counted.seen.update({Sometimes.PARTITIONS: 3, Sometimes.CONFLICTS: 1})
    return counted


def test_the_line_of_progress() -> None:
    line = "sequences 1,200, steps 34; partitions 3, conflicts 1, resyncs 0, rollbacks 0; 1:05 min"
    assert progress_line(tally(), 65.2) == line


def test_the_summary_of_a_pass_says_what_never_happened() -> None:
    assert summary(Report(tally()), 5, ONLY_RESYNCS) == (
        "No divergence: 1,200 sequences, 34 steps, 56 comparisons in 5 s, seed 7.\n"
        "Seen: partitions 3, conflicts 1.\n"
        "Never happened, so nothing is said of it: resyncs that sent rows, hidden events, "
        "refusals of contested requests, unknown outcomes."
    )


def test_no_summary_calls_a_doubt_a_pass() -> None:
    report = Report(tally(), Findings(invalid=["n1 is gone"], unknown=["busy", "busy"]))
    assert report.exit_code == 3
    text = summary(report, 5, Settings())
    assert "1 invalid (the tester could not do its part), which is no pass. The first: n1" in text
    assert "2 unknown (not settled in time), which is no pass. The first: busy" in text
    interrupted = summary(Report(tally(), interrupted=True), 5, Settings())
    assert interrupted.startswith("No divergence so far, interrupted:")
    halted = summary(Report(tally(), halted=SyncModelError()), 5, Settings())
    assert halted.startswith("No divergence so far:")


def test_exit_codes(ended: Ended) -> None:
    assert Report(tally()).exit_code == 0
    assert Report(tally(), found=found(ended)).exit_code == 1
    assert Report(tally(), found=found(ended), interrupted=True).exit_code == 130
    assert Report(tally(), Findings(unknown=["busy"])).exit_code == 3


def test_progress_is_lines_where_nobody_watches_and_no_flood() -> None:
    out = io.StringIO()
    with Watch(tally(), Console(file=out)) as watch:
        for number in range(100):
            watch(Began(number, fully_connected(2)))
            watch.minimizing(Progress(number, 1, 7, 2))
    assert out.getvalue() == "found a failure, shortening it: 7 steps left after 0 runs\n"


def test_a_reader_that_went_away_changes_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as pipe:
        out = Unbreakable(file=pipe)
        out.print("nobody hears this")
        out.print("nor this")
        assert out.quiet
