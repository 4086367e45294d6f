"""Messages on a page: where each began and ended, few enough, and short enough."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import evolve, field, frozen
from seen_runs import drawn, planted

from syncmodel.cli import main
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.following import Following
from syncmodel.engine.history import Entry, Verdict, all_of
from syncmodel.engine.session import Result
from syncmodel.machine.search import searched
from syncmodel.model.guarantees import Guarantees
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.page.filling import run_page
from syncmodel.report.page.happenings import CHARACTERS, MOST, happenings
from syncmodel.report.page.moments import SeenRun, seen
from syncmodel.report.page.writing import data
from syncmodel.targets.inside import Carried, Message

BUG = "tombstone-lost-on-resync"


@frozen
class Said:
    """A moment."""

    number: int
    words: str = "n2 hears from n1"
    message: Message | None = Message("n1", "n2", Carried.ROW, 0)
    under_way: int = 0
    views: Mapping[str, None] = field(factory=dict)


def followed(nodes: int, steps: int) -> SeenRun:
    target, history = SimulatedCluster(nodes), list[Entry]()
    follows = Following(target)
    settings = Settings(nodes=nodes, sequences=1, steps=steps, seed=1)
    searched(target, Straight(), settings, all_of(history.append, follows))
    run = seen(Result(Verdict.PASS, history=tuple(history)), Guarantees())
    assert run is not None
    return evolve(run, happened=follows.happened)


def test_where_a_message_was_sent_is_counted_from_its_own_step() -> None:
    run = drawn(1, 2, 2)
    there = {1: (Said(7), Said(8, message=Message("n2", "n1", Carried.QUESTION, 5)))}
    found = happenings(evolve(run, happened=there))
    assert found == [
        None,
        [["n2 hears from n1", 0, 1, "row", -7], ["n2 hears from n1", 1, 0, "question", -2]],
        None,
    ]


def test_what_nobody_noted_is_no_step_without_messages() -> None:
    run = drawn(1, 2, 2)
    assert happenings(run) == [None] * 3
    assert "happened" not in data("", [], {"": run})["runs"][0]["moments"][1]
    assert happenings(evolve(run, happened={1: ()})) == [None, [], None]


def test_too_many_are_left_out_from_the_beginning_on() -> None:
    run = drawn(1, 2, 2)
    there = {step: (Said(0),) * (MOST // 2) for step in range(3)}
    found = happenings(evolve(run, happened=there))
    assert [one is None for one in found] == [True, False, False]


def test_a_strange_name_or_a_long_text_is_no_trouble() -> None:
    odd = Said(0, "x\n" * MOST, Message("n1", "n9", Carried.ROW, 0))
    (_, there, _) = happenings(evolve(drawn(1, 2, 2), happened={1: (odd,)}))
    assert there is not None
    ((words, *rest),) = there
    assert len(words) <= CHARACTERS + 3
    assert "\n" not in words
    assert rest == [-1, -1, "", 0]


def test_sixty_steps_on_five_nodes_are_small_with_their_messages_too() -> None:
    run = followed(5, 60)
    began = time.process_time()
    page = run_page(data("a run", [], {"The run": run}), "a run")
    assert time.process_time() - began < 0.5
    assert sum(map(len, run.happened.values())) > 500
    assert len(page) < 1_000_000


@pytest.mark.parametrize("verb", [["report", "-o"], ["replay", "--report"]])
def test_a_run_on_the_simulator_has_its_messages(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = planted()[BUG].file
    main([verb[0], str(file), "--target", "simulated", verb[1], "pages"])
    page = (tmp_path / "pages" / f"{file.stem}.html").read_text()
    (found,) = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.S)[0])["runs"]
    last = found["moments"][-1]["happened"]
    rows = [(words[:19], *ends) for words, *ends, what, _ in last if what == "row"]
    assert rows == [("n2 hears from n1: c", 0, 1), ("n1 hears from n2: c", 1, 0)]
