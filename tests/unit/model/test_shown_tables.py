"""A table that there is not is never silently empty."""

from __future__ import annotations

import asyncio

import pytest

from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import run
from syncmodel.engine.session import Session
from syncmodel.errors import UsageError
from syncmodel.model.net import fully_connected
from syncmodel.model.view import Shown, View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Create
from syncmodel.targets.wire import SUPERTEST

STEPS = (Create("n1", "cases", "c1", (("title", "t1"),)),)


def test_a_table_is_asked_for_by_a_name_that_there_is() -> None:
    shown = Shown((), ("cases", "events"))
    assert shown.table("cases") == ()
    with pytest.raises(UsageError, match="no table 'typo'; there are: cases, events"):
        shown.table("typo")


def test_a_target_shows_no_table_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no table 'case'; there are: cases, events"):
        View.of(SUPERTEST, {"case": []})


def test_an_invariant_with_a_typo_is_no_divergence() -> None:
    def check(session: Session) -> None:
        for view in session.views.values():
            assert view is not None
            assert view.table("cases") or not session.steps
            assert not view.table("typo")

    net = fully_connected(SUPERTEST, 2)
    once = run(SimulatedCluster(2), net, STEPS, invariants=(Invariant("any", check),))
    with pytest.raises(UsageError, match="typo"):
        asyncio.run(once)
