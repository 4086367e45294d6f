"""A session goes on from what its node told since it lost that last."""

from __future__ import annotations

import pytest
from stories import (
    C1,
    EVERYWHERE,
    OK,
    T2,
    Moment,
    both,
    count,
    everywhere,
    retitle,
    rolled_back,
    rolled_out,
    row,
    sights,
    told,
    view,
)

from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import Outcome, shown
from syncmodel.model.view import View
from syncmodel.steps import Distrust, Read, Step, Trust

SESSION = Guarantees(reads="session")
T2_EVERYWHERE = everywhere(c1=T2)


def read(title: str) -> tuple[Step, Outcome]:
    """n1 is asked for the case, and shows this title."""
    return Read("n1", "cases", "c1"), shown(view({"c1": (title, 0)}) or View())


#: n1 told a reader of the title that n2 had given.
TOLD = (
    *EVERYWHERE,
    (retitle("n2", "c1", "t2"), row("t2")),
    T2_EVERYWHERE,
    read("t2"),
    T2_EVERYWHERE,
)
LOSSES: dict[str, tuple[Moment, ...]] = {
    "its log": (
        rolled_back("n1"),
        sights(None, {"c1": T2}, {"c1": T2}),
        rolled_out("n1"),
        T2_EVERYWHERE,
    ),
    "its trust": (
        (Distrust("n1", "n2"), OK),
        sights(C1, {"c1": T2}, {"c1": T2}),
        (Trust("n1", "n2"), OK),
        T2_EVERYWHERE,
    ),
}


def test_a_session_never_goes_back_behind_what_its_node_told() -> None:
    with pytest.raises(DivergenceFound) as found:
        told((*TOLD, read("t1")), SESSION)
    assert [one.kind for one in found.value.divergences] == [Kind.MONOTONIC_READS]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_it_begins_anew_where_its_node_lost_that(loss: tuple[Moment, ...]) -> None:
    told((*TOLD, *loss, read("t1")), SESSION)
    with pytest.raises(DivergenceFound):
        told((*TOLD, *loss, read("t2"), T2_EVERYWHERE, read("t1")), SESSION)


def test_what_a_session_reads_needs_no_place_among_the_answers() -> None:
    """n1 has the title that n2 gave, and told nobody: a reader may still see the one before."""
    known = (*EVERYWHERE, (retitle("n2", "c1", "t2"), row("t2")), T2_EVERYWHERE)
    beside = both((count("n1", "c1", 1), row("t2", 1)), read("t1"))
    told((*known, beside), SESSION)
    with pytest.raises(DivergenceFound):
        told((*known, beside), Guarantees())
