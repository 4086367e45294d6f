"""A bad request is still a request: its table and its columns are there."""

import pytest

from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.steps import Add, Create, Data, Delete, Refused, Set
from syncmodel.targets.wire import SUPERTEST

PLAN = Plan(fully_connected(SUPERTEST, 2).stop("n2"))
EVENT = (("case", "c1"), ("body", "t1"))
FULL = (("title", "t1"), ("severity", "high"))


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Create("n2", "cases", "c1", FULL), "unreachable"),
        (Create("n1", "events", "e1", EVENT), "missing_reference"),
        (Create("n1", "cases", "c1", (("title", "t1"),)), "malformed"),
        (Set("n1", "cases", "c1", "title", "t1"), "no_such_row"),
        (Add("n1", "cases", "c1", "counter", 4), "no_such_row"),
        (Delete("n1", "events", "e1"), "no_such_row"),
    ],
)
def test_what_can_be_asked_for(step: Data, why: str) -> None:
    assert Refused(step, why).enabled(PLAN)
    step.asks(SUPERTEST)


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Create("n2", "cases", "c1", ()), "unreachable"),
        (Create("n2", "cases", "c1", (("title", 1),)), "unreachable"),
        (Create("n2", "cases", "c1", (*FULL, ("colour", "red"))), "unreachable"),
        (Create("n2", "cases", "c1", (("title", "t1"), ("title", "t2"))), "unreachable"),
        (Create("n2", "events", "e1", EVENT[1:]), "unreachable"),
        (Create("n1", "events", "e1", EVENT[1:]), "missing_reference"),
        (Create("n1", "events", "e1", ()), "malformed"),
        (Set("n1", "cases", "c1", "colour", "red"), "no_such_row"),
        (Set("n1", "cases", "c1", "title", 1), "no_such_row"),
        (Set("n1", "events", "e1", "body", "t1"), "no_such_row"),
        (Add("n1", "cases", "c1", "title", 1), "no_such_row"),
        (Delete("n1", "rows", "r1"), "no_such_row"),
        (Delete("n1", "cases", "c1"), "because"),
    ],
)
def test_what_is_no_request_of_the_schema(step: Data, why: str) -> None:
    assert not Refused(step, why).enabled(PLAN)
