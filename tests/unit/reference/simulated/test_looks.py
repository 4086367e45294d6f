"""Ids and texts that hurt, on the cores in memory; tests/live has the same on real processes."""

from __future__ import annotations

import pytest
from dressed_rows import LOOKS, live_through

from syncmodel.engine.drive import Straight
from syncmodel.reference.simulated import SimulatedCluster


@pytest.mark.parametrize(("what", "look"), LOOKS)
@pytest.mark.parametrize("seed", [None, 1])
def test_rows_of_every_look(what: str, look: str, seed: int | None) -> None:
    Straight().run(live_through(SimulatedCluster(2, seed=seed), what, look))
