"""The model never alarms on a correct system, and sees a broken one.

SYNCMODEL_RESTS says how many rests the contract's own guarantees must survive (default 4,000); each
other value alone survives a sixth of that, every two of them together a hundredth.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import count
from pathlib import Path
from zlib import crc32

import pytest
from correct_system import CorrectSystem
from mutants import MUTANTS, OutOfOrder, UpdateNotLater
from random_runs import random_run
from schemas import CONTRACT, VALUES, Case, alone, pairs

from syncmodel.model.guarantees import Guarantees
from syncmodel.targets.wire import DROPPING, SUPERTEST

RESTS = int(os.environ.get("SYNCMODEL_RESTS", "4000"))
ALONE, PAIRS = alone(), pairs()
PAGE = Path(__file__).parents[3] / "docs" / "guarantees.md"
SOMETIMES = (
    "conflicts",
    "one of several",
    "unknown shown",
    "landed late",
    "stale shown",
    "hidden rows",
    "logs lost",
    "race ok",
    "race refused",
    "unknown columns came back",
    "came while it stood still",
    "reads",
    "restores that lost rows",
    "restores that brought rows back",
)
#: What must have happened under a value by itself, beside conflicts and unknown writes that showed.
HAPPENS = {
    "multi-value": ("uncovered leaves",),
    "multi-value in one table": ("uncovered leaves",),
    "sums": ("sums of concurrent increments",),
    "upserts": ("upserts that replaced",),
    "readers": ("read_only",),
    "quorum": ("no_quorum", "silent without a quorum"),
    "session reads": ("older reads",),
    "any reads": ("older reads",),
    "cascade": ("cascades", "hidden rows"),
    "restrict": ("referenced", "hidden rows"),
    "cascade then restrict": ("cascades", "referenced"),
    "restrict then cascade": ("cascades", "referenced"),
    "cascade then hide": ("cascades", "hidden rows"),
    "hide then cascade": ("cascades", "hidden rows"),
}
#: Enough for each mutant; the slowest needs about a third of it.
SEQUENCES = 300


def survive(case: Case, rests: int, first: int = 0) -> Counter[str]:
    """Random runs until there were so many rests; fails with the run that alarmed."""
    schema, guarantees = case
    sometimes: Counter[str] = Counter()
    for seed in count(first):
        if sometimes["rests"] >= rests:
            return sometimes
        failure = random_run(seed, guarantees, sometimes, schema=schema)
        if failure is not None:
            words = "\n".join(map(str, failure.steps))
            pytest.fail(f"seed {seed} alarmed falsely: {failure.error}\n{words}")
    raise AssertionError


def test_no_false_alarm_under_the_contract() -> None:
    sometimes = survive((SUPERTEST, CONTRACT), RESTS, first=3000)
    assert not [name for name in SOMETIMES if not sometimes[name]], sometimes


def test_no_false_alarm_where_a_version_drops_a_column() -> None:
    sometimes = survive((DROPPING, CONTRACT), RESTS // 6, first=9000)
    assert sometimes["unknown columns came back"] > 10


@pytest.mark.long
@pytest.mark.verdicts
@pytest.mark.parametrize("name", ALONE)
def test_no_false_alarm_under_other_guarantees(name: str) -> None:
    schema, guarantees = ALONE[name]
    sometimes = survive((schema, guarantees), RESTS // 6)
    happens = ("conflicts", "unknown shown", *HAPPENS.get(name, ()))
    assert not [one for one in happens if not sometimes[one]], sometimes
    assert bool(sometimes["logs lost"]) is not guarantees.rollback_keeps_log


@pytest.mark.long
@pytest.mark.parametrize("name", PAIRS)
def test_no_false_alarm_under_two_guarantees_at_once(name: str) -> None:
    # Each from seeds of its own: then they tell more together.
    survive(PAIRS[name], RESTS // 100, first=crc32(name.encode()))


# It takes some 150 sequences; test_prefix has its short siblings.
@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant",
    [pytest.param(m, marks=[pytest.mark.long] if m is OutOfOrder else []) for m in MUTANTS],
)
def test_a_broken_system_is_seen_and_named(mutant: type[CorrectSystem]) -> None:
    broken, found = MUTANTS[mutant], Counter[str]()
    for seed in range(SEQUENCES):
        failure = random_run(
            seed, broken.guarantees, Counter(), mutant, schema=broken.schema, inside=False
        )
        if failure is not None:
            found.update(failure.kinds)
        if found[broken.kind.value]:
            return
    pytest.fail(f"not seen as {broken.kind.value} in {SEQUENCES} runs, but as {dict(found)}")


def test_every_value_has_a_mutant_and_the_page_says_which() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "; `" in line]
    tested = [re.findall(r"`([^`]+)`", row.rpartition("|")[0].rpartition("|")[2]) for row in rows]
    named = {name for names in tested for name in names}
    mutants = {mutant.__name__ for mutant in MUTANTS}
    values = {*ALONE, "SUPERTEST"} - named
    assert all("table" in name or "then" in name for name in values), values
    assert named - {*ALONE, "SUPERTEST"} <= mutants
    assert all(mutants.intersection(names) for names in tested)


def test_a_promise_that_was_not_made_is_not_held_against_a_system() -> None:
    wallclock, sometimes = Guarantees(**VALUES["wallclock"]), Counter[str]()
    failures = [
        random_run(seed, wallclock, sometimes, UpdateNotLater, inside=False) for seed in range(40)
    ]
    assert failures == [None] * 40
    assert any(
        random_run(seed, CONTRACT, sometimes, UpdateNotLater, inside=False) for seed in range(40)
    )
