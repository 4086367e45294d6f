"""What is done at once, in another form: tried on the target itself."""

import asyncio
from contextlib import suppress
from random import Random

from supertest import create_case, delete_case, fully_connected

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import Result
from syncmodel.engine.script import Script
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.values import Row
from syncmodel.shrink.chances import Chances
from syncmodel.shrink.forms import forms, reformed, shape
from syncmodel.shrink.odds import Odds
from syncmodel.steps import Burst, Concurrently, Crash, Step

NET = fully_connected(2)
FIRST, SECOND, THIRD = (create_case("n1", f"c{i}", f"t{i}") for i in (1, 2, 3))
LOST = Divergence(Kind.MISSING, "n1", Row("cases", "c1"), "t1", "nothing")
PAIR = (FIRST, SECOND)


def made(*steps: Step) -> Script:
    return Script(NET, steps)


def test_each_form_stands_for_the_others() -> None:
    three = [made(Concurrently(PAIR)), made(Burst(PAIR)), made(*PAIR)]
    assert list(forms(three[0])) == three[1:]
    assert list(forms(three[1])) == [three[0], three[2]]
    assert list(forms(three[2])) == []
    assert shape(three[0]) != shape(three[1]) != shape(three[2])


def test_what_is_impossible_at_once_is_no_form() -> None:
    """A node is killed once, and what depends on a step before comes after it."""
    twice = made(Burst((FIRST, delete_case("n1", "c1"))))
    assert list(forms(twice)) == [made(FIRST, delete_case("n1", "c1"))]
    killed = made(Burst((Crash("n1"), create_case("n2", "c1", "t1"))))
    assert len(list(forms(killed))) == 2


def candidates(best: Counterexample) -> list[Script]:
    """Those of the pass, where none of them fails."""
    tried, asked = list[Script](), reformed(best)
    with suppress(StopIteration):
        tried.append(next(asked))
        while True:
            tried.append(asked.send(best))
    return tried


def test_a_step_less_in_another_form_is_tried() -> None:
    best = Counterexample(made(Burst((FIRST, SECOND, THIRD))), LOST.key, (LOST,))
    tried = candidates(best)
    assert made(Concurrently((FIRST, SECOND))) in tried
    assert made(Concurrently((SECOND, THIRD))) in tried
    assert made(FIRST, SECOND) in tried
    assert candidates(Counterexample(made(*PAIR), LOST.key, (LOST,))) == []


def chances(often: dict[type[Step], float], odds: Odds) -> Chances:
    """Runs that fail so often in each form; made up."""
    coin = Random(3)

    async def run(script: Script, *, alone: bool = False) -> Result:
        assert alone
        if coin.random() < often.get(type(script.steps[0]), 0.0):
            return Result(Verdict.DIVERGED, script.steps, (LOST,))
        return Result(Verdict.PASS, script.steps)

    return Chances(LOST.key, run, odds=odds)


def test_the_form_that_fails_more_often_is_taken() -> None:
    known = chances({Concurrently: 0.95, Burst: 0.2}, Odds(3, 15))
    found = asyncio.run(known.surer(made(Burst(PAIR))))
    assert found is not None
    assert found[0] == made(Concurrently(PAIR))
    assert known.odds.share > 0.5


def test_a_form_that_fails_as_often_is_left_alone() -> None:
    known = chances({Concurrently: 0.2, Burst: 0.2}, Odds(3, 15))
    assert asyncio.run(known.surer(made(Burst(PAIR)))) is None
    assert known.odds == Odds(3, 15)
    always = chances({Concurrently: 1.0}, Odds(2, 2))
    assert asyncio.run(always.surer(made(Burst(PAIR)))) is None
