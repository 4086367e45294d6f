"""Replay: what a file expects against what its runs end in."""

import asyncio
from collections.abc import Sequence

import pytest

from syncmodel.corpus import PASSES, Confirmed, Expected, Reproduction, usual
from syncmodel.engine import replay as replay_module
from syncmodel.engine.history import Entry, Performed, Verdict
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import Result
from syncmodel.errors import UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.values import Row
from syncmodel.steps import CreateCase, UpdateCase
from syncmodel.targets.simulated import SimulatedCluster

STEPS = (CreateCase("n1", "c1", "t1"), UpdateCase("n2", "c1", "t2"))
ROW = Row("cases", "c1")
P = Result(Verdict.PASS, STEPS)
D = Result(Verdict.DIVERGED, STEPS, (Divergence(Kind.STALE, "n1", ROW, "t2", "t1"),))
O = Result(Verdict.DIVERGED, STEPS, (Divergence(Kind.MISSING, "n1", ROW, "t2", "nothing"),))  # noqa: E741
U = Result(Verdict.UNKNOWN, STEPS, reason="busy")
I = Result(Verdict.INVALID, STEPS, reason="no SSH")  # noqa: E741
STALE = Expected(("stale", "cases"))
ONCE, TWICE, THRICE = Confirmed(), Confirmed(1, 2), Confirmed(1, 3)
YES, NO, UNCLEAR = Judgement.AS_EXPECTED, Judgement.OTHERWISE, Judgement.UNKNOWN


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

    async def run(*_arguments: object) -> Result:
        return next(left)

    monkeypatch.setattr(replay_module, "run", run)
    file = Reproduction(
        title="x", nodes=usual(2), steps=STEPS, expected=expected, confirmed=confirmed
    )
    replayed = asyncio.run(replay(SimulatedCluster(2), file))
    assert (replayed.judgement, len(replayed.results)) == found
    assert str(expected) in replayed.reason


def test_a_real_run_is_observed_and_says_what_it_saw() -> None:
    entries = list[Entry]()
    file = Reproduction(title="x", nodes=usual(2), steps=STEPS)
    found = asyncio.run(replay(SimulatedCluster(3), file, entries.append))
    assert found.judgement is YES
    assert found.reason == "as expected: expected pass; seen: pass"
    assert [entry.step for entry in entries if isinstance(entry, Performed)] == list(STEPS)


def test_too_few_nodes() -> None:
    file = Reproduction(title="x", nodes=usual(3), steps=STEPS)
    with pytest.raises(UsageError, match="needs 3 nodes"):
        asyncio.run(replay(SimulatedCluster(2), file))
