"""A live failure on the simulator: heard where the protocol is wrong, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from supertest import fully_connected

from syncmodel.campaign.triage import _is_heard
from syncmodel.corpus import load
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.script import Script
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.values import Row
from syncmodel.reference.kinds import EMBEDDED, SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.twin import Echo, Twin, is_same
from syncmodel.steps import Restart
from syncmodel.targets.base import SEEDS
from syncmodel.targets.registry import registered

CORPUS = Path(__file__).parents[3] / "corpus"
PROTOCOL = ("tombstone-lost-on-resync", "cursor-before-rows", "checkpoint-kept")


KEY = ("missing", "cases")
THERE = Divergence(Kind.MISSING, "n2", Row("cases", "c1"), "t1", "nothing")


def failing(divergence: Divergence, steps: int = 2) -> Counterexample:
    script = Script(fully_connected(2), (Restart("n1"),) * steps)
    return Counterexample(script, KEY, (divergence,))


@pytest.mark.parametrize(
    ("other", "steps"),
    [
        (evolve(THERE, row=Row("cases", "c2")), 2),
        (evolve(THERE, row=Row("cases", "c1", "title")), 2),
        (evolve(THERE, node="n1"), 2),
        (THERE, 1),
    ],
)
def test_another_row_column_node_or_step_is_not_the_same_failure(
    other: Divergence, steps: int
) -> None:
    here, there = failing(THERE), failing(other, steps)
    assert is_same(here, here)
    assert not is_same(here, there)
    said = str(Echo(there, 1, is_same(here, there)))
    assert "protocol itself is wrong" not in said
    assert str(other) in said


def test_the_same_failure_is_looked_for_on_the_other_networks() -> None:
    """In order it fails elsewhere; what was seen live is on one of the networks."""
    (file,) = (
        one
        for path in CORPUS.glob("*.json")
        if (one := load(path, registered)).bug == "cursor-before-rows"
    )
    assert file.expected.divergence is not None
    found = Counterexample(
        Script(file.net, file.steps), file.expected.divergence, bugs=("cursor-before-rows",)
    )
    twin = Twin(SIMULATED)
    live = twin.echo(found).heard
    assert live is not None
    again = twin.echo(live, (None, *SEEDS), same=True)
    assert again.same
    (first,) = [one for one in live.divergences if one == live.headline]
    moved = evolve(live, divergences=(evolve(first, row=Row(first.table, "c9")),))
    elsewhere = twin.echo(moved, same=True)
    assert elsewhere.heard is not None
    assert not elsewhere.same


def test_a_twin_of_another_package_is_not_heard() -> None:
    assert _is_heard(EMBEDDED)
    assert not _is_heard(SIMULATED)
    assert not _is_heard(evolve(EMBEDDED, name="mine", make=SomebodysCluster))


class SomebodysCluster(SimulatedCluster):
    """What is tested is not the reference, though its kind was made from it."""


def heard(bug: str, planted: tuple[str, ...]) -> Echo:
    (found,) = (one for path in CORPUS.glob("*.json") if (one := load(path, registered)).bug == bug)
    assert found.expected.divergence is not None
    script = Script(found.net, found.steps)
    return Twin(SIMULATED).echo(Counterexample(script, found.expected.divergence, bugs=planted))


@pytest.mark.parametrize("bug", PROTOCOL)
def test_a_bug_of_the_protocol_is_heard_and_its_network_named(bug: str) -> None:
    first = heard(bug, (bug,))
    assert first.heard
    assert first == heard(bug, (bug,))
    again = Twin(SIMULATED).echo(first.heard)
    assert again.tries == first.tries
    assert "On the simulator too" in str(again)


def test_what_the_correct_core_does_not_do_shows_only_live() -> None:
    silent = heard("tombstone-lost-on-resync", ())
    assert not silent.heard
    assert silent.tries == len(SEEDS)
    assert "Only live" in str(silent)
