"""Scripts, names, simpler forms and passes: values in, values out; nothing is run."""

from random import Random

import pytest
from supertest import (
    create_case,
    create_event,
    delete_case,
    fully_connected,
    increment_case,
    update_case,
)

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.fitting import fitted
from syncmodel.engine.rename import merged, renamed, tidy_names, without_node
from syncmodel.engine.run import first_disabled
from syncmodel.engine.script import Path, Script, at_once, leaves, length, repaired, without
from syncmodel.errors import UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.values import Row
from syncmodel.shrink.passes import COARSE, FINE, LAST, Pass, begun, chunks, pairs, singles
from syncmodel.shrink.simpler import cost, simpler, weight
from syncmodel.steps import (
    Add,
    Burst,
    Concurrently,
    Crash,
    Cut,
    Heal,
    Mend,
    Partition,
    Refused,
    Restart,
    Resync,
    Rollback,
    Rollout,
    Step,
)

NET = fully_connected(3)
LONG: tuple[Step, ...] = (
    create_case("n3", "x7", "late"),
    Rollback(("n3", "n2"), 1),
    Burst((increment_case("n1", "x7", 16), create_event("n1", "y", "x7", "body"), Crash("n1"))),
    Partition((("n1", "n2"), ("n2", "n3"))),
    Restart("n1"),
    Rollout(("n2", "n3"), 3),
    Cut("n1", "n2"),
    Concurrently((update_case("n1", "x7", "mid"), delete_case("n1", "x7"))),
    Refused(update_case("n2", "z", "never"), "no_such_row"),
    Resync("n2"),
    Mend("n1", "n2"),
    create_case("n2", "x2", "end"),
    Heal(),
)
SCRIPT = Script(NET, LONG)
SEEN = (Divergence(Kind.MISSING, "n3", Row("events", "y"), "body", "nothing"),)


def seen(script: Script) -> Counterexample:
    """A script that failed so."""
    return Counterexample(script, SEEN[0].key, SEEN)


def test_the_script_of_these_tests_is_possible() -> None:
    assert first_disabled(NET, LONG) is None
    assert length(LONG) == 16


def test_taking_out_and_repairing() -> None:
    burst = (2,)
    assert [path for path, _ in leaves(LONG)][2:5] == [(*burst, 0), (*burst, 1), (*burst, 2)]
    lone = without(SCRIPT, lambda path, _: path in ((2, 0), (2, 1)))
    assert lone.steps[2] == Crash("n1")
    assert without(SCRIPT, lambda path, _: path[:1] == (2,)).steps == (*LONG[:2], *LONG[3:])


def test_what_depends_on_a_step_goes_with_it() -> None:
    left = repaired(without(SCRIPT, lambda path, _: path == (0,)))
    assert first_disabled(NET, left.steps) is None
    assert not any("x7" in str(step) for step in left.steps)
    assert create_case("n2", "x2", "end") in left.steps
    links = repaired(without(SCRIPT, lambda _, leaf: isinstance(leaf, Partition | Cut)))
    assert not {Heal(), Mend("n1", "n2")} & set(links.steps)
    assert repaired(SCRIPT) == SCRIPT


def without_paths(gone: set[Path]) -> Script:
    return without(SCRIPT, lambda path, _: path in gone)


def test_repairing_makes_any_piece_possible() -> None:
    random = Random(1)
    paths = [path for path, _ in leaves(LONG)]
    for _ in range(300):
        gone = set(random.sample(paths, random.randint(1, 15)))
        piece = repaired(without_paths(gone))
        assert first_disabled(piece.net, piece.steps) is None
        assert repaired(piece) == piece


def test_names_in_order_of_appearance() -> None:
    tidy = renamed(SCRIPT, tidy_names(SCRIPT))
    assert first_disabled(tidy.net, tidy.steps) is None
    assert tidy.steps[:3] == (
        create_case("n1", "c1", "t1"),
        Rollback(("n1", "n2"), 1),
        Burst((increment_case("n3", "c1", 1), create_event("n3", "e1", "c1", "t2"), Crash("n3"))),
    )
    assert tidy_names(tidy).changes == 0
    assert renamed(tidy, tidy_names(tidy)) == tidy


def test_increments_become_the_first_powers_of_two() -> None:
    by = (64, 2, 16, 64)
    script = Script(NET, tuple(increment_case("n1", "c1", amount) for amount in by))
    tidy = renamed(script, tidy_names(script))
    assert [s.by for s in tidy.steps if isinstance(s, Add)] == [1, 2, 4, 1]


def test_names_keep_generations_with_their_nodes() -> None:
    script = Script(NET.deploy(["n3"], 1), (create_case("n2", "c1", "t1"),))
    swapped = renamed(script, tidy_names(script))
    assert swapped.net.running == NET.deploy(["n3"], 1).running
    first = Script(script.net, (Rollout(("n3",), 2),))
    assert renamed(first, tidy_names(first)).net.running == NET.deploy(["n1"], 1).running


def test_taking_out_a_node() -> None:
    less = repaired(without_node(SCRIPT, "n2"))
    assert less.net == fully_connected(2)
    assert first_disabled(less.net, less.steps) is None
    assert less.steps[:2] == (create_case("n2", "x7", "late"), Rollback(("n2",), 1))
    assert Partition((("n1",), ("n2",))) in less.steps
    both = repaired(merged(SCRIPT, "n2", "n1"))
    assert both.net == fully_connected(2)
    assert create_case("n1", "x2", "end") in both.steps


def test_every_simpler_form_weighs_less() -> None:
    offered = [(step, form) for _, step in leaves(LONG) for form in simpler(step, SCRIPT)]
    offered += [(step, form) for step in LONG for form in simpler(step, SCRIPT)]
    assert len(offered) > 10
    for step, form in offered:
        assert weight(form) < weight(step), (step, form)


@pytest.mark.parametrize("one", [*COARSE, *FINE, *LAST])
def test_a_pass_ends_whether_or_not_it_is_heard(one: Pass) -> None:
    """A pass that is always told no, always yes, or sometimes, comes to an end."""
    for seed in range(20):
        random, best, told = Random(seed), seen(SCRIPT), 0
        candidates = one(best)
        chance = (0.0, 1.0, 0.5)[seed % 3]
        try:
            candidate = next(candidates)
            while True:
                told += 1
                assert told < 1_000
                candidate = repaired(candidate)
                smaller = bool(candidate.steps) and cost(candidate) < cost(best.script)
                if smaller and random.random() < chance:
                    best = seen(candidate)
                candidate = candidates.send(best)
        except StopIteration:
            pass


def test_a_burst_may_be_taken_at_once_if_all_of_it_can() -> None:
    create, other = create_case("n1", "c1", "t1"), create_case("n2", "c1", "t2")
    script = Script(NET, (Burst((create, other)), Crash("n1")))
    assert at_once(script).steps == (Concurrently((create, other)), Crash("n1"))
    # Not two lives of one node at once.
    twice = Script(NET, (Burst((create, Crash("n1"), Restart("n1"))),))
    assert at_once(twice) == twice


def test_what_a_rollout_leads_to_may_be_there_from_the_beginning() -> None:
    steps = (Rollout(("n1", "n2"), 3), create_case("n1", "c1", "t1"), Rollback(("n1",), 1))
    candidates = begun(seen(Script(NET, steps)))
    first = next(candidates)
    assert dict(first.net.running) == {"n1": 3, "n2": 3, "n3": 2}
    assert first.steps == steps[1:]
    second = candidates.send(seen(first))
    assert dict(second.net.running) == {"n1": 1, "n2": 3, "n3": 2}
    assert second.steps == steps[1:2]


def test_the_step_that_failed_stays() -> None:
    for one in (chunks, singles, pairs):
        candidates = one(seen(SCRIPT))
        candidate = next(candidates)
        for _ in range(10):
            assert candidate.steps[-1] == Heal()
            try:
                candidate = candidates.send(seen(SCRIPT))
            except StopIteration:
                break


def test_on_a_target_with_other_nodes() -> None:
    script = Script(fully_connected(2), (create_case("n2", "c1", "t1"),))
    assert fitted(script, ("n1", "n2")) == script
    more = fitted(script, ("n1", "n2", "n3", "n4"))
    assert more.net.up == ("n1", "n2")
    assert more.net.down == {"n3", "n4"}
    other = fitted(script, ("fra", "nyc", "sin"))
    assert other.net.up == ("fra", "nyc")
    assert other.steps == (create_case("nyc", "c1", "t1"),)
    with pytest.raises(UsageError, match="needs 2 nodes, and the target has 1"):
        fitted(script, ("n1",))
