"""What workers find is kept at once by the process that asked, whatever becomes of them."""

from __future__ import annotations

from multiprocessing import Pipe, Value
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest

from syncmodel.campaign.campaign import Place
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Failure, Findings, Settings, Undecided
from syncmodel.engine.history import Verdict, nobody
from syncmodel.engine.script import Script
from syncmodel.engine.tally import Tally
from syncmodel.machine.jobs import NOBODY, Jobs, Said
from syncmodel.machine.wanted import Wanted
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Create
from syncmodel.targets.wire import SUPERTEST

SCRIPT = Script(fully_connected(SUPERTEST, 2), (Create("n1", "cases", "c1", (("title", "t"),)),))


def failure(number: int) -> Failure:
    return Failure(number, Counterexample(SCRIPT, ("missing", "cases")))


def heard(*said: list[Said]) -> tuple[list[Any], Jobs]:
    """What is kept of workers that say this and are killed then."""
    kept: list[Any] = []
    place = Place(
        lambda: SimulatedCluster(2),
        Straight(),
        Settings(),
        nobody,
        Findings(),
        Tally(),
        keep=kept.append,
    )
    jobs = Jobs("m:M", None, Wanted(), len(said))
    killed: Any = SimpleNamespace(join=lambda _: None, exitcode=-9)
    workers: dict[Connection, Any] = {}
    for each in said:
        ours, theirs = Pipe(duplex=False)
        for one in each:
            theirs.send(one)
        theirs.close()
        workers[ours] = killed
    jobs._listen(place, workers, Value("q", NOBODY))
    return kept, jobs


@pytest.mark.parametrize(("numbers", "kept"), [((3, 5), [3]), ((5, 3), [5, 3])])
def test_the_failure_with_the_lowest_number_is_kept_last(
    numbers: tuple[int, int], kept: list[int]
) -> None:
    """One worker is heard after the other, in the order of their pipes."""
    found, jobs = heard(*([Said(Tally(), kept=failure(number))] for number in numbers))
    assert [one.number for one in found] == kept
    failures = [part.findings.failure for part in jobs._parts.values() if part.findings]
    assert {one.number for one in failures if one} == set(numbers)


def test_a_run_that_says_nothing_is_kept_too() -> None:
    run = Undecided(Verdict.UNKNOWN, "busy", SCRIPT)
    found, _ = heard([Said(Tally(), kept=run), Said(Tally())])
    assert found == [run]
