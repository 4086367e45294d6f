"""What a row is bound to, wherever the reference stands among its columns."""

import pytest

from syncmodel.model.columns import Ref, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted
from syncmodel.model.rest import compare
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import Create

SCHEMA = Schema(
    Table("cases", Token("title")),
    Table("events", Token("body"), Ref("case", "cases")),
)
CASE = {"title": "t1"}
EVENT = {"body": "t2", "case": "c1"}
STEPS = (
    Create("n1", "cases", "c1", tuple(CASE.items())),
    Create("n1", "events", "e1", tuple(EVENT.items())),
)


@pytest.mark.parametrize("by_field", [False, True])
def test_a_reference_after_a_column_that_changes(by_field: bool) -> None:
    belief = initial(fully_connected(SCHEMA, 2), Guarantees(by_field=by_field)).belief
    for step, stored in zip(STEPS, (CASE, EVENT), strict=True):
        belief = step.expect(belief, accepted(stored))
    view = View.of(SCHEMA, {"cases": [("c1", CASE)], "events": [("e1", EVENT)]})
    belief = compare(belief, {"n1": view, "n2": view})
    assert belief.bound_to(Row("events", "e1")) == {Row("cases", "c1")}
