"""The further search on the simulator: the same divergence, and shortest where it says so."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest
import saved_runs
from attrs import evolve
from supertest import (
    create_case,
    create_event,
    delete_case,
    delete_event,
    fully_connected,
    update_case,
)

from syncmodel.campaign.campaign import Campaign
from syncmodel.campaign.triage import Finding
from syncmodel.corpus import Reproduction, load
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import run
from syncmodel.engine.script import Script, at_once, length
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.guarantees import Guarantees
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.story import found_story
from syncmodel.shrink import further, sharpen
from syncmodel.shrink.minimize import NO_SEARCH, Budget
from syncmodel.shrink.sharpen import Sharpened, sharpened
from syncmodel.shrink.swaps import possible, swaps
from syncmodel.shrink.twin import Echo, Twin
from syncmodel.steps import (
    Burst,
    Crash,
    Create,
    Heal,
    Partition,
    Restart,
    Resync,
    Rollback,
    Rollout,
    Step,
)
from syncmodel.targets.base import SEEDS
from syncmodel.targets.registry import registered

TWO, THREE = fully_connected(2), fully_connected(3)
CREATE = create_case("n1", "c1", "t1")
LOST = ("missing", "cases")
TWIN = Twin(SIMULATED)
SWAPS = swaps(SIMULATED.ops, joined=True)

#: Runs that no step can be taken out of: (bug, steps, divergence, length of the shortest alike).
STUCK: list[tuple[str, tuple[Step, ...], tuple[str, str], int]] = [
    (
        "checkpoint-kept",
        (
            CREATE,
            Crash("n2"),
            Rollback(("n1",), 1),
            Rollout(("n1",), 2),
            create_case("n1", "c1", "t2"),
            Restart("n2"),
        ),
        ("disagreement", "cases"),
        4,
    ),
    (
        "tie-by-arrival",
        (
            CREATE,
            Partition((("n1",), ("n2",))),
            update_case("n1", "c1", "t2"),
            update_case("n2", "c1", "t3"),
            Heal(),
        ),
        ("disagreement", "cases"),
        2,
    ),
    (
        "restart-from-now",
        (Crash("n1"), create_case("n2", "c1", "t1"), Restart("n1")),
        LOST,
        2,
    ),
]


def failing(bug: str, steps: tuple[Step, ...], key: tuple[str, str]) -> Counterexample:
    return Counterexample(Script(TWO, steps), key, bugs=(bug,))


def heard(start: Counterexample, networks: Sequence[int | None] = SEEDS) -> Counterexample:
    """The same on a network where it fails."""
    found = TWIN.echo(start, networks).heard
    assert found is not None
    return found


#: Four steps are a proof of every run of three: that takes a minute.
PROVED = [
    pytest.param(*one, id=one[0], marks=[pytest.mark.long] if one[3] > 3 else []) for one in STUCK
]


@pytest.mark.parametrize(("bug", "steps", "key", "shortest"), PROVED)
def test_the_shortest_that_fails_alike_is_found_and_proved(
    bug: str, steps: tuple[Step, ...], key: tuple[str, str], shortest: int
) -> None:
    start = heard(failing(bug, steps, key))
    found = sharpened(start, TWIN)
    best = found.best
    assert best.length == shortest
    assert found.none_shorter
    net, shorter = best.script.net, best.script.steps
    cluster = SimulatedCluster(len(net.nodes), (bug,), best.network)
    assert key in Straight().run(run(cluster, net, shorter)).keys
    correct = SimulatedCluster(len(net.nodes), (), best.network)
    assert not Straight().run(run(correct, net, shorter)).keys
    assert found == sharpened(start, TWIN)


@pytest.mark.long
def test_a_run_that_needs_its_network_keeps_one() -> None:
    (file,) = (one for _, one in saved_runs.saved() if one.bug == "cursor-before-rows")
    script = Script(file.net, file.steps)
    start = Counterexample(script, LOST, bugs=("cursor-before-rows",), network=file.network)
    assert file.network is not None
    found = sharpened(start, TWIN).best
    assert (found.length, length(file.steps)) == (2, 3)
    assert found.network is not None
    assert TWIN.echo(found, (found.network,)).heard
    assert not TWIN.echo(found, (None,)).heard


def test_of_one_step_there_is_nothing_shorter_to_look_for() -> None:
    """Also where it needs its network, on which more is tried."""
    start = heard(failing("stamp-ahead-refused", (CREATE,), LOST), tuple(range(60)))
    found = sharpened(start, TWIN)
    best = found.best
    assert (best.length, best.network, found.none_shorter) == (1, start.network, True)


def test_with_other_promises_nothing_is_called_proved() -> None:
    start = evolve(failing(*STUCK[2][:3]), guarantees=Guarantees(passes_on=False))
    found = sharpened(heard(start), TWIN)
    assert not found.searched
    assert not found.none_shorter


def test_a_search_of_runs_alike_proves_nothing() -> None:
    found = sharpened(failing(*STUCK[1][:3]), TWIN)
    (whole, *_) = (one for one in found.searched if not one.some)
    some = tuple(evolve(one, some=True) for one in found.searched)
    assert whole.length >= 1
    assert not evolve(found, searched=some).none_shorter


# --- exchanges -----------------------------------------------------------------------------------


def test_exchanges_are_shorter_or_as_long_and_possible() -> None:
    best = failing(*STUCK[0][:3])
    for one in SWAPS:
        candidates = one(best)
        offered = [next(candidates)]
        with contextlib.suppress(StopIteration):
            offered += [candidates.send(best) for _ in range(400)]
        assert all(length(script.steps) < length(best.script.steps) for script in offered)


def test_a_pass_of_exchanges_ends_once_one_was_taken() -> None:
    best = failing(*STUCK[0][:3])
    for one in SWAPS:
        candidates = one(best)
        taken = evolve(best, script=next(candidates))
        with pytest.raises(StopIteration):
            candidates.send(taken)


def test_what_may_stand_in_a_place_is_what_the_plan_allows_there() -> None:
    script = Script(THREE, (CREATE, delete_case("n2", "c1"), Burst((Resync("n3"), Crash("n2")))))
    first = set(possible(script, (0,), SIMULATED.ops))
    assert create_case("n3", "c1", "t1") in first
    assert delete_case("n2", "c1") not in first
    inside = set(possible(script, (2, 1), SIMULATED.ops))
    assert delete_case("n2", "c1") in inside
    assert not any(isinstance(step, Burst) for step in inside)
    assert {step.row for step in inside if isinstance(step, Create)} == {"c1"}


# --- what a search makes of it -------------------------------------------------------------------


EXPLORE = searching(ClusterMachine)


def search(folder: Path, bug: str, seed: int) -> Finding:
    with Pool("simulated") as pool:
        settings = Settings(sequences=300, steps=30, seed=seed)
        report = Campaign(pool, settings, folder, EXPLORE, bugs=(bug,)).run()
    assert report.found is not None
    return report.found


def saved(folder: Path) -> list[Reproduction]:
    return [load(path, registered) for path in sorted(folder.iterdir())]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 8])
def test_what_is_saved_replays_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """On as many nodes as the run takes, which are often fewer than the search had."""
    monkeypatch.setattr(sharpen, "MOMENTS", 1)
    monkeypatch.setattr(sharpen, "BUDGET", NO_SEARCH)
    search(tmp_path, "backlog-cut-short", seed)
    for file in saved(tmp_path):
        target = SimulatedCluster(len(file.nodes), ("backlog-cut-short",))
        assert Straight().run(replay(target, file)).judgement is Judgement.AS_EXPECTED


@pytest.mark.long
def test_a_shorter_failure_of_another_kind_is_told_and_saved_too(tmp_path: Path) -> None:
    found = search(tmp_path, "rollback-keeps-log", 7110)
    assert found.otherwise is not None
    assert length(found.otherwise.steps) == 3 < length(found.reproduction.steps) == 4
    assert found.otherwise.expected != found.reproduction.expected
    assert found.otherwise.confirmed.failed == 3
    assert sorted(map(str, saved(tmp_path))) == sorted(
        map(str, (found.otherwise, found.reproduction))
    )
    told = found_story(found)
    assert "The same nodes fail in 3 steps already, though in another way: leaked in cases" in told
    words = (
        "no shorter run with 2 rows of cases and 1 row of events on up to 2 nodes that begin alike "
        "fails like this"
    )
    assert words in told


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further search that looks at no more than it takes for what is asked of it here."""
    monkeypatch.setattr(sharpen, "MOMENTS", 5_100)
    monkeypatch.setattr(sharpen, "BUDGET", Budget(executions=200, steps=4_000))


@pytest.mark.usefixtures("hurried")
@pytest.mark.long
def test_what_is_shorter_and_fails_otherwise_names_its_network(tmp_path: Path) -> None:
    """A crash in the middle of a burst, which messages in order never come to."""
    found = search(tmp_path, "cursor-before-rows", 1)
    assert found.otherwise is not None
    assert length(found.otherwise.steps) == 3
    assert found.otherwise.confirmed.failed == 3
    assert found.otherwise.network is not None
    assert found.otherwise_file is not None
    assert load(found.otherwise_file, registered).network == found.otherwise.network


@pytest.mark.usefixtures("hurried")
@pytest.mark.long
def test_three_nodes_may_need_fewer_steps_than_two() -> None:
    steps = (
        CREATE,
        create_event("n2", "e1", "c1", "b1"),
        Partition((("n1", "n2"), ("n3",))),
        delete_event("n3", "e1"),
        delete_case("n2", "c1"),
        Partition((("n1", "n3"), ("n2",))),
        create_event("n1", "e1", "c1", "b2"),
    )
    bugs, key = ("one-cursor-for-all-peers",), ("wrongly refused", "events")
    found = sharpened(Counterexample(Script(THREE, steps), key, bugs=bugs), TWIN)
    assert found.otherwise is not None
    assert found.otherwise.length == 3
    assert len(found.otherwise.script.net.nodes) == 3


def test_what_fails_on_the_simulator_alone_is_not_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def too_short(start: Counterexample, *_: object, bursts: bool = True) -> Sharpened:
        asked.append(bursts)
        return Sharpened(evolve(start, script=Script(start.script.net, (CREATE,))), 1)

    monkeypatch.setattr(further, "sharpened", too_short)
    found = search(tmp_path, "restart-from-now", 1)
    assert asked == [True, False]
    assert length(found.reproduction.steps) > 1
    assert found.reproduction.confirmed.failed == 3
    assert "one of 1 step fails there, but not here" in found_story(found)


@pytest.mark.parametrize("fails", [True, False])
def test_steps_at_once_are_tried_where_they_fail_on_the_simulator(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """What is said of a run was seen of that run, and not of the burst that it was made from."""
    script = Script(TWO, (Burst((CREATE, create_case("n2", "c2", "t2"))),))
    burst = Counterexample(script, LOST, network=3)
    asked: list[Counterexample] = []

    def answer(_: Twin, one: Counterexample, networks: tuple[int | None, ...]) -> Echo:
        asked.append(one)
        assert networks[0] == 3
        return Echo(evolve(one, network=5) if fails else None, 1)

    monkeypatch.setattr(Twin, "echo", answer)
    search = further.Further(lambda _: SimulatedCluster(2), Straight(), TWIN, burst)
    (first, *rest) = search._forms(burst)
    together = at_once(burst.script)
    assert first == burst
    assert [one.script for one in asked] == [together]
    assert rest == ([evolve(burst, script=together, network=5)] if fails else [])
