"""A run in plain words, word for word; and nothing in it that a terminal would obey."""

import asyncio
import shlex
from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.corpus import Confirmed, Expected, Reproduction
from syncmodel.engine.history import Ended, Entry, Verdict
from syncmodel.engine.run import run
from syncmodel.model.columns import Token
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted, compound, refused, unknown
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.again import again
from syncmodel.report.story import story
from syncmodel.report.terminal import complain, say
from syncmodel.steps import (
    Burst,
    Concurrently,
    Create,
    Delete,
    Heal,
    Read,
    Resync,
    Rollback,
    Rollout,
    Set,
)
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

KIND = registry.get("simulated")
NET = fully_connected(SUPERTEST, 2)
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Burst((Resync("n2"), Delete("n1", "cases", "c1"))),
)
RESURRECTED = Reproduction(
    title="resurrected case: a deleted row is back",
    nodes={"n1": 2, "n2": 3},
    steps=STEPS,
    expected=Expected(("resurrected", "cases")),
    confirmed=Confirmed(2, 3),
    system=KIND,
)
TEXT = """\
resurrected case: a deleted row is back

Nodes n1 in generation 2 (plugin version 1); n2 in generation 3 (plugin version 2):
  1. n1 creates cases/c1 with title t1
  2. in a burst, without coming to rest in between:
       - n2 resyncs in full
       - n1 deletes cases/c1

Resurrected: cases/c1 on n2
  expected: deleted
  shown:    title t1, counter 0
What each node showed at the last rest:
  n1  no rows
  n2  cases/c1 (title t1, counter 0)"""


@pytest.fixture(scope="module")
def ended() -> Ended:
    seen: list[Entry] = []
    target = SimulatedCluster(2, ["tombstone-lost-on-resync"])
    asyncio.run(run(target, NET, STEPS, observe=seen.append))
    assert isinstance(seen[-1], Ended)
    return seen[-1]


def test_a_story(ended: Ended) -> None:
    assert story(RESURRECTED, ended) == TEXT
    assert story(RESURRECTED) == TEXT[: TEXT.index("\n\nResurrected")]


def test_a_deployment_says_which_generation_that_is() -> None:
    steps = (Rollback(("n1",), 1), Burst((Rollout(("n1",), 3), Resync("n2"))))
    lines = story(evolve(RESURRECTED, nodes={"n1": 2, "n2": 2}, steps=steps)).splitlines()
    assert lines[2:] == [
        "Nodes n1, n2, all in generation 2 (plugin version 1):",
        "  1. n1: rollback to generation 1 (no plugin)",
        "  2. in a burst, without coming to rest in between:",
        "       - n1: rollout to generation 3 (plugin version 2)",
        "       - n2 resyncs in full",
    ]


READ = (*STEPS[:1], Burst((Set("n2", "cases", "c1", "title", "t2"), Read("n2", "cases", "c1"))))
ANSWERED = """\
Read your writes: cases/c1 on n2
  expected: title t2, counter 0
  shown:    title t1, counter 0
What was answered:
  n2 reads cases/c1: cases/c1 (title t1, counter 0)
At the rest before that answer the nodes showed, as they may:
  n1  cases/c1 (title t1, counter 0)
  n2  cases/c1 (title t1, counter 0)"""
AT_ONCE = """\
What was answered:
  n1 creates cases/c1 with title t1: refused: exists
  n2 reads all cases: no answer (timeout)"""


def test_where_an_answer_is_wrong_it_is_shown_and_no_node_is_blamed() -> None:
    seen: list[Entry] = []
    target = SimulatedCluster(2, ["own-write-unread"])
    asyncio.run(run(target, NET, READ, observe=seen.append))
    assert isinstance(seen[-1], Ended)
    assert story(evolve(RESURRECTED, steps=READ), seen[-1]).endswith(ANSWERED)


def test_of_steps_at_the_same_time_each_answer_is_shown() -> None:
    together = Concurrently((STEPS[0], Read("n2", "cases"), Heal()))
    answers = compound((refused("exists"), unknown("timeout"), accepted()))
    with pytest.raises(DivergenceFound) as found:
        together.expect(initial(NET).belief, answers)
    ended = Ended(1, Verdict.DIVERGED, found.value.divergences, "", None)
    assert story(evolve(RESURRECTED, steps=(together,)), ended).endswith(AT_ONCE)


NOTES = Schema(Table("notes", Token("text")))


def test_where_there_is_one_generation_it_is_not_mentioned() -> None:
    system = evolve(KIND, name="notes", schema=NOTES)
    run = Reproduction("x", {"n1": 1, "n2": 1}, (), system=system)
    assert story(run) == "x\n\nNodes n1, n2:"


BAD = "\x1b[31m\u202e\x00\r\n"


def test_nothing_is_printed_raw(capsys: pytest.CaptureFixture[str]) -> None:
    roles = (Generation("old"), Generation(f"new{BAD}", {"app": 1}))
    schema = Schema(Table("notes", Token("text")), generations=roles)
    system = evolve(KIND, name="notes", schema=schema)
    note = Create("n1", "notes", BAD, (("text", BAD * 9_000),))
    run = Reproduction(f"title {BAD}", {"n1": 2}, (note,), system=system)
    wrong = Divergence(Kind.WRONGLY_REFUSED, "n1", Row("notes", BAD), "accepted", f"refused: {BAD}")
    view = View(((Row("notes", BAD), Value((("text", BAD),))),))
    ended = Ended(1, Verdict.DIVERGED, (wrong,), f"because {BAD}", {"n1": view})
    text = story(run, ended)
    assert all(line.isprintable() for line in text.split("\n"))
    assert len(text.splitlines()) == 4 + 1 + 3 + 1 + 2
    assert len(text) < 1_000
    say(f"{text}\nraw {BAD}")
    complain(f"raw {BAD}")
    printed = capsys.readouterr()
    assert printed.out == text + "\nraw \\u001b[31m\\u202e\\u0000\\r\n\n"
    assert printed.err == "syncmodel: raw \\u001b[31m\\u202e\\u0000\\r\n\n"


def test_the_command_that_shows_it_again() -> None:
    assert again(RESURRECTED, Path("found/a.json")) == "syncmodel replay found/a.json"
    mine = evolve(RESURRECTED, target="my store:Store")
    words = shlex.split(again(mine, Path("my files/a.json")))
    assert words == ["syncmodel", "replay", "--target", "my store:Store", "my files/a.json"]
