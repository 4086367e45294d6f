"""Replay: what a file expects against what its runs end in."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from attrs import evolve

from syncmodel.corpus import PASSES, Confirmed, Expected, Reproduction, usual
from syncmodel.engine import replay as replay_module
from syncmodel.engine.history import Entry, Performed, Verdict
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import Result
from syncmodel.errors import UsageError
from syncmodel.model.columns import Token
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Crash, Create, Restart, Set
from syncmodel.targets import registry
from syncmodel.targets.base import SEEDS, Target
from syncmodel.targets.wire import SUPERTEST

KIND = registry.get("simulated")
STEPS = (Create("n1", "cases", "c1", (("title", "t1"),)), Set("n2", "cases", "c1", "title", "t2"))
ROW = Row("cases", "c1")
P = Result(Verdict.PASS, STEPS)
D = Result(Verdict.DIVERGED, STEPS, (Divergence(Kind.STALE, "n1", ROW, "t2", "t1"),))
O = Result(Verdict.DIVERGED, STEPS, (Divergence(Kind.MISSING, "n1", ROW, "t2", "nothing"),))  # noqa: E741
U = Result(Verdict.UNKNOWN, STEPS, reason="busy")
I = Result(Verdict.INVALID, STEPS, reason="no SSH")  # noqa: E741
STALE = Expected(("stale", "cases"))
ONCE, TWICE, THRICE = Confirmed(), Confirmed(1, 2), Confirmed(1, 3)
YES, NO, UNCLEAR = Judgement.AS_EXPECTED, Judgement.OTHERWISE, Judgement.UNKNOWN


class Live:
    """All that a made-up run needs of a target that has but one network."""

    nodes = ("n1", "n2")
    schema = SUPERTEST


@pytest.mark.parametrize(
    ("expected", "confirmed", "results", "found"),
    [
        (PASSES, ONCE, [P], (YES, 1)),
        (PASSES, ONCE, [D], (NO, 1)),
        (PASSES, ONCE, [U], (UNCLEAR, 1)),
        (PASSES, ONCE, [I], (UNCLEAR, 1)),
        (PASSES, TWICE, [P, P], (YES, 2)),
        (PASSES, TWICE, [P, D], (NO, 2)),
        (PASSES, TWICE, [U, P], (UNCLEAR, 2)),
        (STALE, ONCE, [D], (YES, 1)),
        (STALE, Confirmed(3, 3), [P, D], (NO, 1)),
        (STALE, ONCE, [O], (NO, 1)),
        (STALE, ONCE, [I], (UNCLEAR, 1)),
        (STALE, THRICE, [P, D, P], (YES, 2)),
        (STALE, THRICE, [P, P, P], (NO, 3)),
        (STALE, THRICE, [P, U, P], (UNCLEAR, 3)),
        (STALE, THRICE, [O, P, D], (YES, 3)),
    ],
)
def test_judgements(
    expected: Expected,
    confirmed: Confirmed,
    results: Sequence[Result],
    found: tuple[Judgement, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter(results)

    async def run(*_arguments: object, alone: bool, **_more: object) -> Result:
        assert alone == (expected.divergence is not None)
        return next(left)

    monkeypatch.setattr(replay_module, "run", run)
    file = Reproduction(
        title="x",
        nodes=usual(SUPERTEST, 2),
        steps=STEPS,
        system=KIND,
        expected=expected,
        confirmed=confirmed,
    )
    replayed = asyncio.run(replay(cast(Target, Live()), file))
    assert (replayed.judgement, len(replayed.results)) == found
    assert str(expected) in replayed.reason


def test_a_real_run_is_observed_and_says_what_it_saw() -> None:
    entries = list[Entry]()
    file = Reproduction(title="x", nodes=usual(SUPERTEST, 2), steps=STEPS, system=KIND)
    found = asyncio.run(replay(SimulatedCluster(3), file, entries.append))
    assert found.judgement is YES
    assert found.reason == "as expected: expected pass; seen: pass"
    assert [entry.step for entry in entries if isinstance(entry, Performed)] == list(STEPS)


class Heard(SimulatedCluster):
    """Notes on which networks runs are made."""

    def __init__(self, count: int, bugs: Sequence[str] = ()) -> None:
        self.networks: list[int | None] = []
        super().__init__(count, bugs)

    def on_network(self, number: int | None) -> None:
        self.networks.append(number)
        super().on_network(number)


@pytest.mark.parametrize(
    ("found", "confirmed", "networks"),
    [
        ({}, Confirmed(3, 3), [None]),
        ({"network": 7}, Confirmed(3, 3), [7]),
        ({"network": 7}, TWICE, [7]),
        ({}, TWICE, list(SEEDS)),
    ],
)
def test_on_the_simulator_the_file_says_on_which_network(
    found: dict[str, int], confirmed: Confirmed, networks: list[int | None]
) -> None:
    file = Reproduction(
        title="x",
        nodes=usual(SUPERTEST, 2),
        steps=STEPS,
        system=KIND,
        expected=STALE,
        found=found,
        confirmed=confirmed,
    )
    target = Heard(2)
    assert asyncio.run(replay(target, file)).judgement is NO
    assert target.networks[1:] == networks


def test_a_network_on_which_it_fails_is_enough() -> None:
    steps = (Burst((Create("n1", "cases", "c1", (("title", "t1"),)), Crash("n2"))), Restart("n2"))
    expected, sometimes = Expected(("missing", "cases")), Confirmed(2, 3)
    file = Reproduction("x", usual(SUPERTEST, 2), steps, expected, confirmed=sometimes, system=KIND)
    target = Heard(2, ["cursor-before-rows"])
    replayed = asyncio.run(replay(target, file))
    assert replayed.judgement is YES
    assert 1 < len(replayed.results) < len(SEEDS)


def test_too_few_nodes() -> None:
    file = Reproduction(title="x", nodes=usual(SUPERTEST, 3), steps=STEPS, system=KIND)
    with pytest.raises(UsageError, match="needs 3 nodes"):
        asyncio.run(replay(SimulatedCluster(2), file))


def test_other_tables() -> None:
    notes = evolve(KIND, name="notes", schema=Schema(Table("notes", Token("text"))))
    file = Reproduction(title="x", nodes={"n1": 1}, steps=(), system=notes)
    with pytest.raises(UsageError, match="of the target 'notes' can't be performed on Simulated"):
        asyncio.run(replay(SimulatedCluster(2), file))
