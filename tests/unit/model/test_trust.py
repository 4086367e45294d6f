"""What a change of trust leaves alone."""

from __future__ import annotations

import pytest
from histories import History, Moment, judged
from stories import (
    C1,
    EMPTY,
    LOST,
    NET,
    OK,
    T1,
    T2,
    Shown,
    create,
    everywhere,
    row,
    sights,
    told,
    view,
)

from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.steps import Delete, Distrust

#: n3 does not trust n1; a create that it did not answer can't have landed, as the row is there.
WARY = (
    (Distrust("n3", "n1"), OK),
    (create("n2", "c1", "t1"), row("t1")),
    everywhere(c1=T1),
    (create("n3", "c1", "t2"), LOST),
    everywhere(c1=T1),
)


def test_what_another_node_is_told_lets_no_late_request_land() -> None:
    told((*WARY, (Distrust("n2", "n1"), OK), everywhere(c1=T1)), Guarantees())
    with pytest.raises(DivergenceFound):
        told((*WARY, (Distrust("n2", "n1"), OK), everywhere(c1=T2)), Guarantees())


#: n2 has deleted what n1 had created.
DELETED = (
    (create("n1", "c1", "t1"), row("t1")),
    everywhere(c1=T1),
    (Delete("n2", "cases", "c1"), OK),
    everywhere(),
)
NO_MORE = (Distrust("n1", "n2"), OK)


def test_what_was_asked_before_may_land_on_what_is_left_when_its_node_trusts_less() -> None:
    late = (Delete("n1", "cases", "c1"), LOST), everywhere()
    told((*DELETED, *late, NO_MORE, sights(C1, EMPTY, EMPTY)), Guarantees())
    told((*DELETED, *late, NO_MORE, sights(EMPTY, EMPTY, EMPTY)), Guarantees())
    with pytest.raises(DivergenceFound):
        told((*DELETED, NO_MORE, sights(EMPTY, EMPTY, EMPTY)), Guarantees())


@pytest.mark.parametrize(("shown", "possible"), [(T2, True), (None, True), (T1, False)])
def test_what_lands_as_its_node_trusts_less_does_so_before_or_after_that(
    shown: tuple[str, int] | None, possible: bool
) -> None:
    seen: Shown = EMPTY if shown is None else {"c1": shown}
    told = (
        ((create("n1", "c1", "t1"), row("t1")), C1),
        ((create("n2", "c1", "t2"), LOST), C1),
        ((Distrust("n2", "n1"), OK), seen),
    )
    moments = tuple(
        Moment(step, outcome, {"n1": view(C1), "n2": view(n2), "n3": view(C1)})
        for (step, outcome), n2 in told
    )
    verdict = judged(History(NET, Guarantees(), moments))
    assert verdict is not None
    assert (verdict.model is None) is (verdict.oracle is None) is possible, verdict
