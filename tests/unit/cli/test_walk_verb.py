"""`syncmodel replay --step`, `--until`, `--messages`, `--hold`: the listing, what is refused."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.cli import main, walk
from syncmodel.cli.walk import until_enter
from syncmodel.corpus import Confirmed, Expected, Reproduction, save, usual
from syncmodel.steps import Burst, Create, Delete, Resync, Set
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

SIMULATED = registry.get("simulated")
CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
STEPS = (CREATE, Set("n2", "cases", "c1", "title", "t2"))
RUN = Reproduction("A case is changed", usual(SUPERTEST, 2), STEPS, system=SIMULATED)
DELETED = (CREATE, Burst((Resync("n2"), Delete("n1", "cases", "c1"))))
BACK = Expected(("resurrected", "cases"))
FAILS = evolve(
    RUN, steps=DELETED, expected=BACK, bug="tombstone-lost-on-resync", confirmed=Confirmed(3, 3)
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    assert main(["replay", *words]) == code
    out, err = capsys.readouterr()
    return err if code == 2 else out


def test_a_pipe_gets_every_step(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, 1, "--step", str(save(here, FAILS)))
    assert "with tombstone-lost-on-resync planted\n\nA case is changed\n" in out
    places = ["Before the first of 2 steps", "Step 1 of 2: ", "Step 2 of 2: ", "! Resurrected: "]
    assert sorted(places, key=out.index) == places
    assert out.endswith("\nAs expected: the file says that it must diverge: resurrected (cases).\n")


def test_until_stops_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, 0, "--until", "1", str(save(here, FAILS)))
    assert "Step 1 of 2: " in out
    assert "Step 2 of 2: " not in out
    assert out.endswith("\nStopped after step 1 of 2.\n")


def test_the_simulator_tells_its_messages(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, 0, "--until", "1", "--messages", str(save(here, RUN)))
    assert "n2 hears from n1: cases/c1 (title t1, counter 0, severity normal)" in out
    assert "\n    * n2  cases/c1 (title t1, counter 0)\n" in out
    assert "hears from" not in told(capsys, 0, "--until", "1", str(save(here, RUN)))


def test_a_run_that_needs_luck_is_shown_where_it_has_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = (CREATE, Burst((Set("n1", "cases", "c1", "title", "t2"), Delete("n2", "cases", "c1"))))
    lucky = evolve(RUN, steps=steps, confirmed=Confirmed(1, 3), expected=Expected(("stale", "")))
    out = told(capsys, 0, "--step", str(save(here, lucky)))
    # On none of them: the last one is shown, and how many there were.
    assert "\nOtherwise: the file says that it must diverge: stale, in run 21.\n" in out


def test_what_can_t_be_done_is_said_before_anything_is(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(save(here, RUN))
    err = told(capsys, 2, "--until", "3", file)
    assert "has 2 steps: --until takes 0 to 2." in err
    assert "name one file" in told(capsys, 2, "--step", file, file)
    assert "--check judges whole runs" in told(capsys, 2, "--step", "--check", file)
    err = told(capsys, 2, "--hold", file)
    assert "SimulatedCluster has no nodes that could be reached from outside" in err
    assert "--step" in err
    err = told(capsys, 2, "--messages", "--target", "embedded", file)
    assert "EmbeddedCluster can't tell its messages" in err
    assert "--target simulated" in err
    monkeypatch.setattr(walk, "_is_terminal", lambda: True)
    monkeypatch.setitem(sys.modules, "textual", None)
    err = told(capsys, 2, "--step", file)
    assert "pip install 'syncmodel[terminal]'" in err


def test_a_walk_is_recorded_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, 0, "--step", "--record", "run.jsonl", str(save(here, RUN)))
    assert Path("run.jsonl").read_text().count('"entry": "rest"') == 3


@pytest.mark.parametrize("written", [b"\n", b"more\nand more", b""], ids=["Enter", "words", "end"])
def test_nodes_are_held_until_enter_or_the_end_of_input(written: bytes) -> None:
    async def held() -> list[bool]:
        read, write = os.pipe()
        try:
            waiting = asyncio.create_task(until_enter(read))
            await asyncio.sleep(0)
            seen = [waiting.done()]
            os.write(write, b"not yet")
            for _ in range(3):
                await asyncio.sleep(0)
            seen.append(waiting.done())
            os.write(write, written)
            os.close(write)
            await asyncio.wait_for(waiting, 10)
            return seen
        finally:
            os.close(read)

    assert asyncio.run(held()) == [False, False]


def test_a_file_as_input_holds_nothing(here: Path) -> None:
    (here / "input").write_text("")
    with (here / "input").open() as file:
        asyncio.run(asyncio.wait_for(until_enter(file.fileno()), 10))
