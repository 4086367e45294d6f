"""The model against possible worlds: what it accepts is possible, what it rejects is not."""

from __future__ import annotations

from collections import Counter

import pytest
from histories import SCHEMA, judged, random_history
from schemas import CONTRACT, C, H, N, R

from syncmodel.model.columns import OnDelete, Ref, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Generation, Schema, Table

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


def shop(*kinds: OnDelete) -> Schema:
    """Cases, events of them and notes of these, with references of these kinds."""
    of_events, of_notes = kinds
    return Schema(
        Table("cases", Token("title")),
        Table("events", Ref("case", "cases", on_delete=of_events), Token("body", fixed=True)),
        Table("notes", Ref("event", "events", on_delete=of_notes), Token("text", fixed=True)),
        generations=SCHEMA.generations,
    )


#: Rows of which the older generation lacks a column.
GROWING = Schema(
    Table("cases", Token("title"), Token("severity", default="normal", since=2)),
    Table("events", Ref("case", "cases"), Token("body", fixed=True)),
    generations=(
        Generation("none"),
        Generation("old", {"app": 1}),
        Generation("new", {"app": 2}),
    ),
)
#: Rows of which the newer generation lacks a column, and has another one behind it.
SHRINKING = Schema(
    Table(
        "cases",
        Token("title"),
        Token("severity", default="normal", until=2),
        Token("motto", default="none", since=2),
    ),
    GROWING.tables[1],
    generations=GROWING.generations,
)
#: What only the wide oracle knows.
WIDE: dict[str, tuple[Schema, Guarantees]] = {
    "by field": (SCHEMA, Guarantees(by_field=True)),
    "sums": (SCHEMA, Guarantees(by_field=True, sums=True)),
    "quorum": (SCHEMA, Guarantees(quorum=True, rollback_keeps_log=True)),
    "growing": (GROWING, CONTRACT),
    "growing by field": (GROWING, Guarantees(by_field=True)),
    "growing upserts": (GROWING, Guarantees(upserts=True)),
    "shrinking": (SHRINKING, CONTRACT),
    "shrinking by field": (SHRINKING, Guarantees(by_field=True)),
    "shrinking upserts": (SHRINKING, Guarantees(upserts=True)),
    "cascade": (shop(C, C), CONTRACT),
    "restrict": (shop(R, R), CONTRACT),
    "cascade then restrict": (shop(C, R), CONTRACT),
    "restrict then cascade": (shop(R, C), CONTRACT),
    "cascade then hide": (shop(C, H), CONTRACT),
    "hide then cascade": (shop(H, C), CONTRACT),
    "nothing": (shop(N, N), CONTRACT),
}


def held(
    guarantees: Guarantees,
    first: int,
    count: int,
    most: int = 20_000,
    schema: Schema = SCHEMA,
    *,
    also: str = "",
) -> Counter[str]:
    """So many histories: no false alarm, and no history of the correct system is impossible."""
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        history = random_history(seed, guarantees, happened, schema, also=also)
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
    assert happened["impossible"] * 5 >= histories * 2
    assert happened["undecided"] * 20 <= histories


def test_the_model_and_the_oracle_agree() -> None:
    happened = held(CONTRACT, 0, FEW)
    check_rates(happened)
    assert happened["missed"] * 100 <= happened["impossible"]


@pytest.mark.long
@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=[] if part % 2 else [pytest.mark.verdicts]) for part in range(PARTS)],
)
def test_the_model_and_the_oracle_agree_on_many(part: int) -> None:
    happened = held(CONTRACT, 10_000 + part * MANY, MANY)
    check_rates(happened)
    assert happened["missed"] * 100 <= happened["impossible"]


@pytest.mark.long
@pytest.mark.verdicts
@pytest.mark.parametrize("name", OTHERS)
def test_no_false_alarm_where_the_oracle_knows_the_guarantee(name: str) -> None:
    # Where no write beats what it was made knowing there are many orders: few worlds are enough.
    happened = held(OTHERS[name], 50_000, FEW, most=1_000)
    assert happened["impossible"] * 10 >= happened["histories"]


@pytest.mark.parametrize("name", WIDE)
def test_no_false_alarm_in_a_few_wide_histories(name: str) -> None:
    schema, guarantees = WIDE[name]
    held(guarantees, 0, 15, most=1_000, schema=schema)


@pytest.mark.longer
@pytest.mark.parametrize("name", WIDE)
def test_the_model_and_the_wide_oracle_agree(name: str) -> None:
    schema, guarantees = WIDE[name]
    happened = held(guarantees, 60_000, FEW, most=1_000, schema=schema)
    assert happened["impossible"] * 3 >= happened["histories"]
    assert happened["missed"] * 20 <= happened["impossible"]
    assert happened["refused"]
    assert happened["undecided"] * 10 <= happened["histories"]
