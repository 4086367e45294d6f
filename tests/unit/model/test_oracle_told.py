"""The model against possible worlds of disks that are put back, members, trust, purges, silence."""

from __future__ import annotations

from collections import Counter

import pytest
from histories import SCHEMA
from schemas import CONTRACT
from test_oracle import OTHERS, WIDE, held

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema

#: What must be in at least one history of five, by what is done beside the usual.
OFTEN = {
    "restores": ("disks", "restores that lost rows", "cuts", "reads", "simultaneous"),
    "members": ("members", "trust", "cuts", "reads", "simultaneous"),
    "purges": ("purged", "cuts", "reads", "simultaneous"),
    "silence": ("timeouts", "simultaneous", "cuts", "reads"),
    "haste": ("timeouts", "simultaneous", "reads"),
}
#: What must happen now and then.
SOMETIMES = {
    "restores": "restores that brought rows back",
    "members": "hidden by distrust",
    "purges": "created again after a purge",
    "silence": "landed late",
    "haste": "landed late",
}
FEW, MANY, PARTS = 40, 500, 10
ALL: dict[str, tuple[Schema, Guarantees]] = {
    **{name: (SCHEMA, guarantees) for name, guarantees in OTHERS.items()},
    **{name: one for name, one in WIDE.items() if name != "quorum"},
}


def check(happened: Counter[str], also: str) -> None:
    """Each pass is a full one."""
    histories = happened["histories"]
    assert not [name for name in OFTEN[also] if happened[name] * 5 < histories], happened
    assert happened[SOMETIMES[also]], happened
    assert happened["impossible"] * 3 >= histories
    assert happened["undecided"] * 20 <= histories


@pytest.mark.slow
@pytest.mark.parametrize(
    "also",
    [pytest.param(one, marks=[pytest.mark.long] if one == "silence" else []) for one in OFTEN],
)
def test_the_model_and_the_oracle_agree_on_a_few(also: str) -> None:
    check(held(CONTRACT, 1, FEW, also=also), also)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("also", OFTEN)
def test_the_model_and_the_oracle_agree_on_many(also: str, part: int) -> None:
    happened = held(CONTRACT, 20_000 + part * MANY, MANY, also=also)
    check(happened, also)
    assert happened["missed"] * 50 <= happened["impossible"]


@pytest.mark.longer
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("also", OFTEN)
def test_no_false_alarm_under_other_guarantees(also: str, name: str) -> None:
    schema, guarantees = ALL[name]
    happened = held(guarantees, 70_000, 100, most=1_000, schema=schema, also=also)
    assert happened["impossible"] * 10 >= happened["histories"]
