"""What a disk that is put back brings at once, and which versions its author need not have."""

from __future__ import annotations

import pytest
from stories import (
    APART,
    CREATED,
    HEALED,
    N3_ALONE,
    OK,
    T1,
    Moment,
    both,
    create,
    in_a_row,
    rolled_back,
    rolled_out,
    row,
    sights,
    told,
)

from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import shown
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.steps import Backup, Crash, Mend, Read, Restart, Restore

COPY, BACK = (Backup(("n1",)), OK), (Restore(("n1",), True), OK)
C1 = Value((("title", "t1"), ("counter", 0)))
SEEN = shown(View(((Row("cases", "c1"), C1),)))
N2_READS = (Read("n2", "cases", "c1"), SEEN)
#: Only n1 knew of c1, and lost it.
LOST_BY_ALL = (APART, CREATED, sights({"c1": T1}, {}, {}))


def holds(*moments: Moment) -> None:
    told(moments, Guarantees())


def test_what_is_on_the_copy_may_be_known_elsewhere_at_once() -> None:
    gone = (rolled_back("n1"), rolled_out("n1"), sights({}, {}, {}), HEALED, sights({}, {}, {}))
    holds(*LOST_BY_ALL, COPY, *gone, both(BACK, N2_READS))
    with pytest.raises(DivergenceFound):
        holds(*LOST_BY_ALL, *gone, COPY, both(BACK, N2_READS))


def test_a_copy_of_another_node_brings_nothing_at_once() -> None:
    gone = (rolled_back("n1"), rolled_out("n1"), sights({}, {}, {}), HEALED, sights({}, {}, {}))
    with pytest.raises(DivergenceFound):
        holds(
            *LOST_BY_ALL,
            COPY,
            (Backup(("n3",)), OK),
            *gone,
            both((Restore(("n3",), True), OK), N2_READS),
        )


def test_what_its_author_lost_before_the_copy_it_need_not_have_after() -> None:
    """n2 alone may have c1, and is down until n1 was copied and put back."""
    lost = in_a_row(CREATED, (Crash("n2"), OK), rolled_back("n1"), rolled_out("n1"), APART)
    back = (Restart("n2"), OK)
    for has in ({"c1": T1}, {}):
        holds(lost, sights({}, {}, {}), COPY, BACK, sights({}, {}, {}), back, sights({}, has, {}))


def test_what_another_author_lost_it_need_not_have_because_of_a_copy() -> None:
    """c1 is n2's, which lost it; n1 has it on its copy."""
    made = (N3_ALONE, (create("n2", "c1", "t1"), row("t1")), sights({"c1": T1}, {"c1": T1}, {}))
    lost = (COPY, APART, rolled_back("n2"), rolled_out("n2"), sights({"c1": T1}, {}, {}))
    n3_hears = in_a_row((Mend("n1", "n3"), OK), (Read("n3", "cases", "c1"), SEEN))
    holds(*made, *lost, BACK, n3_hears, sights({"c1": T1}, {}, {"c1": T1}))
