"""Requests at the same time arrive before any of them is served, so that a node may mix them up."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.reference.node import bugs
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Add, Concurrently, Create, Step
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
BOTH = (Add("n1", "cases", "c1", "counter", 1), Add("n1", "cases", "c1", "counter", 2))


def as_it_arrived(now: Any, arrived: Any) -> Any:
    """A throw-away mistake: a request works on what it read before it had to wait."""
    return arrived or now


def kinds(*steps: Step) -> set[Kind]:
    over = Straight().run(run(SimulatedCluster(2), NET, steps, alone=True))
    return {divergence.kind for divergence in over.divergences}


def test_a_lost_update_on_one_node_shows_where_requests_meet_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert kinds(CASE, Concurrently(BOTH)) == set()
    mistaken = attrs.evolve(Pieces(), reads=as_it_arrived)
    monkeypatch.setattr(bugs, "pieces", lambda _names: mistaken)
    assert kinds(CASE, *BOTH) == set()
    assert kinds(CASE, Concurrently(BOTH)) == {Kind.WRONGLY_ACCEPTED}
