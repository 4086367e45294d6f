"""Covering suites: they pass, and they cover what they say."""

from __future__ import annotations

from typing import Literal

import pytest
from saved_runs import saved

from syncmodel.checker import covering_walks
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.script import length
from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.suites import drawn, kind, kind_of, kinds, suite
from syncmodel.reference.simulated import SimulatedCluster

BOTH: tuple[Literal["kind"], Literal["edge"]] = ("kind", "edge")
SMALL = Limits(writes=2, crashes=1)


def test_every_run_passes() -> None:
    for one in suite(SMALL, "kind"):
        result = Straight().run(run(SimulatedCluster(len(one.nodes)), one.net, one.steps))
        assert result.verdict is Verdict.PASS, one.title


def test_every_edge_is_taken() -> None:
    whole = drawn(SMALL)
    taken = covering_walks(whole, "edge", kind)
    assert {edge for walk in taken for edge in walk} == set(whole.edges(keys=True))
    assert sum(length(one.steps) for one in suite(SMALL, "edge")) == sum(map(len, taken))


def test_every_kind_is_taken() -> None:
    whole = drawn(SMALL)
    taken = covering_walks(whole, "kind", kind)
    assert {kind_of(whole, edge) for walk in taken for edge in walk} == kinds(whole)
    assert all(whole.nodes[walk[0][0]]["initial"] for walk in taken)


def test_kinds_take_far_fewer_steps_than_edges() -> None:
    few, many = (sum(length(one.steps) for one in suite(SMALL, by)) for by in BOTH)
    assert few < many


@pytest.mark.parametrize("name", ["covering"])
def test_the_corpus_has_the_suite(name: str) -> None:
    files = [path for path, _ in saved() if path.name.startswith(name)]
    assert files
