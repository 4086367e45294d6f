"""A live failure on the simulator: heard where the protocol is wrong, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncmodel.corpus import load
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.script import Script
from syncmodel.reference.kinds import SIMULATED
from syncmodel.shrink.twin import Echo, Twin
from syncmodel.targets.base import SEEDS
from syncmodel.targets.registry import registered

CORPUS = Path(__file__).parents[3] / "corpus"
PROTOCOL = ("tombstone-lost-on-resync", "cursor-before-rows", "checkpoint-kept")


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
    assert "On the simulator too" in str(first)


def test_what_the_correct_core_does_not_do_shows_only_live() -> None:
    silent = heard("tombstone-lost-on-resync", ())
    assert not silent.heard
    assert silent.tries == len(SEEDS)
    assert "Only live" in str(silent)
