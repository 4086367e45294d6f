"""What a change of trust leaves alone."""

from __future__ import annotations

import pytest
from stories import LOST, OK, T1, T2, create, everywhere, row, told

from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.steps import Distrust

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
