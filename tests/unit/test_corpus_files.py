"""Every file of the corpus on the simulated cluster: as it says with its bug, and a pass without.

The seeds make random networks of it; None delivers in order.
"""

import asyncio
from pathlib import Path

import pytest

from syncmodel.corpus import PASSES, Reproduction, load_all
from syncmodel.engine.history import Verdict
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import run
from syncmodel.engine.script import length
from syncmodel.node import bugs
from syncmodel.targets.simulated import SimulatedCluster

ROOT = Path(__file__).parents[2]
FILES = load_all(ROOT / "corpus")
SEEDS = (None, *range(12))
#: The shortest reproductions known; a longer one must not take the place of such a file.
SHORTEST = {
    "acknowledged-before-stored": 3,
    "backlog-cut-short": 5,
    "backlog-since-stamp": 4,
    "case-takes-its-events": 4,
    "checkpoint-kept": 6,
    "cursor-before-rows": 3,
    "delete-before-row-skipped": 6,
    "downgrade-empties-cases": 3,
    "equal-content-is-duplicate": 4,
    "event-before-case-dropped": 5,
    "heard-only-both-ways": 2,
    "hidden-delete-forgotten": 5,
    "log-keeps-its-name": 6,
    "mixed-row": 4,
    "not-passed-on": 2,
    "one-cursor-for-all-peers": 4,
    "own-rows-refused": 3,
    "own-stamps-only": 2,
    "restart-from-now": 3,
    "resync-duplicates-events": 3,
    "resync-from-now": 4,
    "resync-round-the-cut": 3,
    "rollback-keeps-log": 3,
    "rollback-leaves-table": 3,
    "rollback-one-step": 2,
    "rollback-replays-plan": 2,
    "rollout-keeps-cursors": 3,
    "stamp-ahead-refused": 3,
    "tie-by-arrival": 4,
    "tombstone-lost-on-resync": 4,
    "tombstones-dropped-on-restart": 3,
    "update-not-later": 2,
    "waiting-events-lost-on-restart": 5,
    "write-on-own-copy": 3,
}

each_file = pytest.mark.parametrize(
    "reproduction", [pytest.param(found, id=path.stem) for path, found in FILES]
)
each_bug = pytest.mark.parametrize(
    "reproduction", [pytest.param(found, id=found.bug) for _, found in FILES if found.bug]
)


@each_bug
def test_it_diverges_with_its_bug(reproduction: Reproduction) -> None:
    assert reproduction.bug is not None
    target = SimulatedCluster(len(reproduction.nodes), [reproduction.bug])
    replayed = asyncio.run(replay(target, reproduction))
    assert replayed.judgement is Judgement.AS_EXPECTED, replayed.reason


@each_file
def test_it_passes_on_a_correct_system(reproduction: Reproduction) -> None:
    for seed in SEEDS:
        target = SimulatedCluster(len(reproduction.nodes), seed=seed)
        steps, guarantees = reproduction.steps, reproduction.guarantees
        result = asyncio.run(run(target, reproduction.net, steps, guarantees))
        assert result.verdict is Verdict.PASS, (seed, result)


@each_file
def test_it_passes_among_more_nodes(reproduction: Reproduction) -> None:
    target = SimulatedCluster(len(reproduction.nodes) + 2)
    replayed = asyncio.run(replay(target, reproduction, expected=PASSES))
    assert replayed.judgement is Judgement.AS_EXPECTED, replayed.reason


@each_bug
def test_no_reproduction_is_longer_than_the_shortest_known(reproduction: Reproduction) -> None:
    assert reproduction.bug is not None
    shortest = SHORTEST.get(reproduction.bug, length(reproduction.steps))
    assert length(reproduction.steps) <= shortest


def test_every_bug_has_a_reproduction() -> None:
    assert {found.bug for _, found in FILES if found.bug} == {bug.name for bug in bugs.all_bugs()}


def test_what_was_written_by_hand_pins_a_sentence_of_the_semantics() -> None:
    page = " ".join((ROOT / "docs" / "semantics.md").read_text().split())
    pinned = {
        path.name: found.pins
        for path, found in FILES
        if not (found.bug or path.name.startswith("covering-"))
    }
    assert len(pinned) >= 10
    for name, sentence in pinned.items():
        assert sentence, f"{name} pins nothing"
        assert " ".join(sentence.split()) in page, f"{name} pins what the page does not say"
