"""The model against possible worlds: what it accepts is possible, what it rejects is not."""

from __future__ import annotations

from collections import Counter

import pytest
from histories import judged, random_history
from schemas import CONTRACT

from syncmodel.model.guarantees import Guarantees

#: How many histories each test judges, and how many the long ones.
FEW, MANY, PARTS = 250, 500, 10
#: What must be in at least one history of five.
OFTEN = ("cuts", "crashes", "lost logs", "timeouts", "simultaneous", "reads")
#: The guarantees that the oracle knows, beside the contract's own.
OTHERS = {
    "wallclock": Guarantees(rows="wallclock-lww"),
    "multi-value": Guarantees(rows="multi-value"),
    "upserts": Guarantees(upserts=True),
    "no rows answered": Guarantees(answers_rows=False),
    "not passed on": Guarantees(passes_on=False),
    "only a resync": Guarantees(heal_catches_up=False),
    "keeps log": Guarantees(rollback_keeps_log=True),
    "readers": Guarantees(readers={"n2"}),
}


def held(guarantees: Guarantees, first: int, count: int, most: int = 20_000) -> Counter[str]:
    """So many histories: no false alarm, and no history of the correct system is impossible."""
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        history = random_history(seed, guarantees, happened)
        verdict = judged(history, most)
        if verdict is None:
            happened["undecided"] += 1
            continue
        happened["impossible"] += verdict.oracle is not None
        happened["missed"] += verdict.miss
        if verdict.false_alarm:
            pytest.fail(f"seed {seed} alarmed falsely: {verdict.why}\n{history}")
        if not history.changed and verdict.oracle is not None:
            pytest.fail(f"seed {seed} is what a correct system did, but no world:\n{history}")
    return happened


def check_rates(happened: Counter[str]) -> None:
    """Each pass is a full one: what may go wrong was there often, and the oracle could say."""
    histories = happened["histories"]
    assert not [name for name in OFTEN if happened[name] * 5 < histories], happened
    assert happened["changed"] * 10 >= histories * 4
    assert happened["impossible"] * 5 >= histories
    assert happened["undecided"] * 20 <= histories


def test_the_model_and_the_oracle_agree() -> None:
    happened = held(CONTRACT, 0, FEW)
    check_rates(happened)
    assert happened["missed"] * 50 <= happened["impossible"]


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_the_model_and_the_oracle_agree_on_many(part: int) -> None:
    happened = held(CONTRACT, 10_000 + part * MANY, MANY)
    check_rates(happened)
    assert happened["missed"] * 50 <= happened["impossible"]


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_no_false_alarm_where_the_oracle_knows_the_guarantee(name: str) -> None:
    # Where no write beats what it was made knowing there are many orders: few worlds are enough.
    happened = held(OTHERS[name], 50_000, FEW, most=1_000)
    assert happened["impossible"] * 10 >= happened["histories"]
