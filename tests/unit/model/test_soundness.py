"""The model never alarms on a correct system, and sees a broken one.

SYNCMODEL_RESTS says how many rests each system of guarantees must survive (default 10,000 for the
contract's own, a fifth of that for each other).
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import count

import pytest
from correct_system import CorrectSystem
from mutants import MUTANTS, UpdateNotLater
from random_runs import random_run

from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees

RESTS = int(os.environ.get("SYNCMODEL_RESTS", "10000"))
CONTRACT = Guarantees()
WALLCLOCK = Guarantees(policies={"cases": "wallclock-lww", "events": "wallclock-lww"})
OTHERS = {
    "not passed on": Guarantees(passes_on=False),
    "only a resync catches up": Guarantees(heal_catches_up=False),
    "only a resync catches up, not passed on": Guarantees(heal_catches_up=False, passes_on=False),
    "a rollback keeps the log": Guarantees(rollback_keeps_log=True),
    "the clock alone": WALLCLOCK,
    "the clock alone for events": Guarantees(
        policies={"cases": "causal-lww", "events": "wallclock-lww"}
    ),
}
SOMETIMES = (
    "conflicts",
    "one of several",
    "unknown shown",
    "landed late",
    "stale shown",
    "hidden events",
    "logs lost",
    "race ok",
    "race refused",
)
#: Enough for each mutant; the slowest needs about a third of it.
SEQUENCES = 300


def survive(guarantees: Guarantees, rests: int) -> Counter[str]:
    """Random runs until there were so many rests; fails with the run that alarmed."""
    sometimes: Counter[str] = Counter()
    for seed in count():
        if sometimes["rests"] >= rests:
            return sometimes
        failure = random_run(seed, guarantees, sometimes)
        if failure is not None:
            words = "\n".join(map(str, failure.steps))
            pytest.fail(f"seed {seed} alarmed falsely: {failure.error}\n{words}")
    raise AssertionError


def test_no_false_alarm_under_the_contract() -> None:
    sometimes = survive(CONTRACT, RESTS)
    assert not [name for name in SOMETIMES if not sometimes[name]], sometimes


@pytest.mark.parametrize("name", OTHERS)
def test_no_false_alarm_under_other_guarantees(name: str) -> None:
    guarantees = OTHERS[name]
    sometimes = survive(guarantees, RESTS // 5)
    assert sometimes["conflicts"]
    assert sometimes["unknown shown"]
    assert bool(sometimes["logs lost"]) is not guarantees.rollback_keeps_log


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_system_is_seen_and_named(mutant: type[CorrectSystem]) -> None:
    found: Counter[str] = Counter()
    for seed in range(SEQUENCES):
        failure = random_run(seed, CONTRACT, Counter(), mutant, inside=False)
        if failure is not None:
            found.update(failure.kinds)
        if found[MUTANTS[mutant].value]:
            return
    pytest.fail(f"not seen as {MUTANTS[mutant].value} in {SEQUENCES} runs, but as {dict(found)}")


def test_a_promise_that_was_not_made_is_not_held_against_a_system() -> None:
    sometimes: Counter[str] = Counter()
    failures = [
        random_run(seed, WALLCLOCK, sometimes, UpdateNotLater, inside=False) for seed in range(40)
    ]
    assert failures == [None] * 40
    assert any(
        random_run(seed, CONTRACT, sometimes, UpdateNotLater, inside=False) for seed in range(40)
    )


def test_a_promise_that_was_made_is() -> None:
    """Heal does not catch up, nor are rows passed on, though both were promised."""

    class OnlyResync(CorrectSystem):
        def relink(self) -> None:
            self.guarantees = Guarantees(heal_catches_up=False)
            super().relink()

    class NotPassedOn(CorrectSystem):
        def tells(self, node: str, stored: object) -> bool:
            return getattr(stored, "author", None) == node

    for broken in (OnlyResync, NotPassedOn):
        found = [random_run(seed, CONTRACT, Counter(), broken, inside=False) for seed in range(40)]
        assert Kind.MISSING.value in {kind for f in found if f for kind in f.kinds}
