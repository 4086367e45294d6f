"""Every file of the corpus on the simulated cluster: as it says with its bug, and a pass without.

The seeds make random networks of it; None delivers in order.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from saved_runs import saved, simulated

from syncmodel.corpus import PASSES, Reproduction
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import run
from syncmodel.engine.script import leaves, length
from syncmodel.exhaustive.shortest import known_lengths_by_key
from syncmodel.reference.node import bugs
from syncmodel.steps import Fill

ROOT = Path(__file__).parents[2]
FILES = saved()
SEEDS = (None, *range(12))
each_file = pytest.mark.parametrize(
    "reproduction", [pytest.param(found, id=path.stem) for path, found in FILES]
)
each_bug = pytest.mark.parametrize(
    "reproduction", [pytest.param(found, id=found.bug) for _, found in FILES if found.bug]
)


@each_bug
def test_it_diverges_with_its_bug(reproduction: Reproduction) -> None:
    assert reproduction.bug is not None
    target = simulated(reproduction, bug_names=[reproduction.bug])
    replayed = Straight().run(replay(target, reproduction))
    assert replayed.judgement is Judgement.AS_EXPECTED, replayed.reason


def filled(found: Reproduction) -> int:
    """How many rows its steps write at once."""
    return sum(leaf.rows for _, leaf in leaves(found.steps) if isinstance(leaf, Fill))


#: On each of the networks; where hundreds of rows travel CI alone goes on to the last one.
LONG = [pytest.mark.long, pytest.mark.verdicts]
networks = pytest.mark.parametrize(
    ("reproduction", "seeds"),
    [
        pytest.param(found, seeds, id=f"{path.stem}-{len(seeds)}", marks=marks)
        for path, found in FILES
        for seeds, marks in (
            [(SEEDS[:3], []), (SEEDS, LONG)] if filled(found) > 200 else [(SEEDS, [])]
        )
    ],
)


@networks
def test_it_passes_on_a_correct_system(
    reproduction: Reproduction, seeds: Sequence[int | None]
) -> None:
    for seed in seeds:
        target = simulated(reproduction, seed=seed)
        steps, guarantees = reproduction.steps, reproduction.guarantees
        result = Straight().run(run(target, reproduction.net, steps, guarantees))
        assert result.verdict is Verdict.PASS, (seed, result)


@each_file
def test_it_passes_among_more_nodes(reproduction: Reproduction) -> None:
    target = simulated(reproduction, more=2)
    replayed = Straight().run(replay(target, reproduction, expected=PASSES))
    assert replayed.judgement is Judgement.AS_EXPECTED, replayed.reason


#: By how many steps a reproduction is longer than the shortest run that is known, which needs that
#: nothing travels inside of a burst: live nodes do not promise that.
LONGER = {
    "backlog-ends-at-100": 1,
    "backlog-since-stamp": 1,
    "delete-not-later": 1,
    "dialler-gives-up": 2,
    "event-before-case-dropped": 1,
    "last-page-lost": 1,
    "restart-from-now": 1,
    "restored-log-keeps-its-name": 1,
    "restored-writes-taken-for-old": 1,
    "resync-from-now": 2,
    "tie-by-arrival": 2,
    "tombstone-lost-on-resync": 1,
}


@each_bug
def test_a_reproduction_is_as_short_as_is_known(reproduction: Reproduction) -> None:
    assert reproduction.bug is not None
    assert reproduction.expected.divergence is not None
    shortest = known_lengths_by_key()[reproduction.bug][reproduction.expected.divergence]
    assert length(reproduction.steps) == shortest + LONGER.get(reproduction.bug, 0)


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
