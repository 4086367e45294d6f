"""The further search on the simulator: the same divergence, and shortest where it says so."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.campaign.campaign import Campaign
from syncmodel.campaign.triage import Found
from syncmodel.corpus import Reproduction, load, load_all
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Stage
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import run
from syncmodel.engine.script import Script, at_once, length
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.story import found_story
from syncmodel.shrink import further, sharpen
from syncmodel.shrink.echo import Echo, Failing, echo
from syncmodel.shrink.minimize import NO_SEARCH, Budget
from syncmodel.shrink.passes import Best
from syncmodel.shrink.sharpen import Sharper, sharpened
from syncmodel.shrink.swaps import SWAPS, possible
from syncmodel.steps import (
    Burst,
    Crash,
    CreateCase,
    CreateEvent,
    DeleteCase,
    DeleteEvent,
    Heal,
    Partition,
    Restart,
    Resync,
    Rollback,
    Rollout,
    Step,
    UpdateCase,
)

CORPUS = Path(__file__).parents[3] / "corpus"
TWO, THREE = fully_connected(2), fully_connected(3)
CREATE = CreateCase("n1", "c1", "t1")
LOST = ("missing", "cases")

#: Runs that no step can be taken out of: (bug, steps, divergence, length of the shortest alike).
STUCK: list[tuple[str, tuple[Step, ...], tuple[str, str], int]] = [
    (
        "checkpoint-kept",
        (
            CREATE,
            Crash("n2"),
            Rollback(("n1",), 1),
            Rollout(("n1",), 2),
            CreateCase("n1", "c1", "t2"),
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
            UpdateCase("n1", "c1", "t2"),
            UpdateCase("n2", "c1", "t3"),
            Heal(),
        ),
        ("disagreement", "cases"),
        2,
    ),
    (
        "restart-from-now",
        (Crash("n1"), CreateCase("n2", "c1", "t1"), Restart("n1")),
        LOST,
        2,
    ),
]


def failing(bug: str, steps: tuple[Step, ...], key: tuple[str, str]) -> Failing:
    return Failing(Script(TWO, steps), key, (bug,))


@pytest.mark.parametrize(("bug", "steps", "key", "shortest"), STUCK, ids=lambda one: str(one)[:20])
def test_the_shortest_that_fails_alike_is_found_and_proved(
    bug: str, steps: tuple[Step, ...], key: tuple[str, str], shortest: int
) -> None:
    start = failing(bug, steps, key)
    heard = echo(start)
    assert heard.heard
    found = sharpened(evolve(start, network=heard.seed))
    assert found.length == shortest
    assert found.none_shorter
    net, shorter = found.failing.script.net, found.failing.script.steps
    cluster = SimulatedCluster(len(net.nodes), (bug,), found.failing.network)
    assert key in Straight().run(run(cluster, net, shorter)).keys
    correct = SimulatedCluster(len(net.nodes), (), found.failing.network)
    assert not Straight().run(run(correct, net, shorter)).keys
    assert found == sharpened(evolve(start, network=heard.seed))


def test_a_run_that_needs_its_network_keeps_one() -> None:
    (file,) = (one for _, one in load_all(CORPUS) if one.bug == "cursor-before-rows")
    start = Failing(Script(file.net, file.steps), LOST, ("cursor-before-rows",))
    assert file.network is not None
    found = sharpened(evolve(start, network=file.network))
    assert found.length == length(file.steps) == 3
    assert found.failing.network is not None
    assert echo(found.failing, (found.failing.network,)).heard
    assert not echo(found.failing, (None,)).heard


def test_of_one_step_there_is_nothing_shorter_to_look_for() -> None:
    """Also where it needs its network, on which more is tried."""
    start = Failing(Script(TWO, (CREATE,)), LOST, ("stamp-ahead-refused",))
    heard = echo(start, tuple(range(60)))
    assert heard.heard
    found = sharpened(evolve(start, network=heard.seed))
    assert (found.length, found.failing.network, found.none_shorter) == (1, heard.seed, True)


def test_with_other_promises_nothing_is_called_proved() -> None:
    start = evolve(failing(*STUCK[2][:3]), guarantees=Guarantees(passes_on=False))
    assert echo(start).heard
    found = sharpened(start)
    assert not found.searched
    assert not found.none_shorter


def test_a_search_of_runs_alike_proves_nothing() -> None:
    found = sharpened(failing(*STUCK[1][:3]))
    (whole, *_) = (one for one in found.searched if not one.some)
    some = tuple(evolve(one, some=True) for one in found.searched)
    assert whole.length >= 1
    assert not evolve(found, searched=some).none_shorter


# --- exchanges -----------------------------------------------------------------------------------


def test_exchanges_are_shorter_or_as_long_and_possible() -> None:
    best = Best(Script(TWO, STUCK[0][1]), ())
    for one in SWAPS:
        candidates = one(best)
        offered = [next(candidates)]
        with contextlib.suppress(StopIteration):
            offered += [candidates.send(best) for _ in range(400)]
        assert all(length(script.steps) < length(best.script.steps) for script in offered)


def test_a_pass_of_exchanges_ends_once_one_was_taken() -> None:
    best = Best(Script(TWO, STUCK[0][1]), ())
    for one in SWAPS:
        candidates = one(best)
        taken = Best(next(candidates), ())
        with pytest.raises(StopIteration):
            candidates.send(taken)


def test_what_may_stand_in_a_place_is_what_the_plan_allows_there() -> None:
    script = Script(THREE, (CREATE, DeleteCase("n2", "c1"), Burst((Resync("n3"), Crash("n2")))))
    first = set(possible(script, (0,)))
    assert CreateCase("n3", "c1", "t1") in first
    assert DeleteCase("n2", "c1") not in first
    inside = set(possible(script, (2, 1)))
    assert DeleteCase("n2", "c1") in inside
    assert not any(isinstance(step, Burst) for step in inside)
    assert {step.case for step in inside if isinstance(step, CreateCase)} == {"c1"}


# --- what a search makes of it -------------------------------------------------------------------


EXPLORE = searching(ClusterMachine)


def search(folder: Path, bug: str, seed: int) -> Found:
    with Stage("simulated") as stage:
        settings = Settings(sequences=300, steps=30, seed=seed)
        report = Campaign(stage, settings, folder, EXPLORE, bugs=(bug,)).run()
    assert report.found is not None
    return report.found


def saved(folder: Path) -> list[Reproduction]:
    return [load(path) for path in sorted(folder.iterdir())]


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


def test_a_shorter_failure_of_another_kind_is_told_and_saved_too(tmp_path: Path) -> None:
    found = search(tmp_path, "acknowledged-before-stored", 2)
    assert found.otherwise is not None
    assert length(found.otherwise.steps) == 3 < length(found.reproduction.steps) == 4
    assert found.otherwise.expected != found.reproduction.expected
    assert found.otherwise.confirmed.failed == 3
    assert sorted(map(str, saved(tmp_path))) == sorted(
        map(str, (found.otherwise, found.reproduction))
    )
    told = found_story(found)
    assert "The same nodes fail in 3 steps already, though in another way: missing case" in told
    words = (
        "no shorter run of two cases and an event on up to 2 nodes that begin alike fails like this"
    )
    assert words in told


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further search that looks at no more than it takes for what is asked of it here."""
    monkeypatch.setattr(sharpen, "MOMENTS", 5_100)
    monkeypatch.setattr(sharpen, "BUDGET", Budget(executions=200, live_steps=4_000))


@pytest.mark.usefixtures("hurried")
def test_what_is_shorter_and_fails_otherwise_names_its_network(tmp_path: Path) -> None:
    """A crash in the middle of a burst, which messages in order never come to."""
    found = search(tmp_path, "cursor-before-rows", 9)
    assert found.otherwise is not None
    assert length(found.otherwise.steps) == 3
    assert found.otherwise.confirmed.failed == 3
    assert found.otherwise.network is not None
    assert found.otherwise_file is not None
    assert load(found.otherwise_file).network == found.otherwise.network


@pytest.mark.usefixtures("hurried")
def test_three_nodes_may_need_fewer_steps_than_two() -> None:
    steps = (
        CREATE,
        CreateEvent("n2", "e1", "c1", "b1"),
        Partition((("n1", "n2"), ("n3",))),
        DeleteEvent("n3", "e1"),
        DeleteCase("n2", "c1"),
        Partition((("n1", "n3"), ("n2",))),
        CreateEvent("n1", "e1", "c1", "b2"),
    )
    bugs, key = ("one-cursor-for-all-peers",), ("wrongly refused", "events")
    found = sharpened(Failing(Script(THREE, steps), key, bugs))
    assert found.otherwise is not None
    assert length(found.otherwise.script.steps) == 3
    assert len(found.otherwise.script.net.nodes) == 3


def test_what_fails_on_the_simulator_alone_is_not_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def too_short(start: Failing, _: object, bursts: bool = True) -> Sharper:
        asked.append(bursts)
        return Sharper(evolve(start, script=Script(start.script.net, (CREATE,))), 1)

    monkeypatch.setattr(further, "sharpened", too_short)
    found = search(tmp_path, "restart-from-now", 1)
    assert asked == [True, False]
    assert length(found.reproduction.steps) > 1
    assert found.reproduction.confirmed.failed == 3
    assert "one of 1 step fails there, but not here" in found_story(found)


@pytest.mark.parametrize("heard", [True, False])
def test_steps_at_once_are_tried_where_they_fail_on_the_simulator(
    monkeypatch: pytest.MonkeyPatch, heard: bool
) -> None:
    """What is said of a run was seen of that run, and not of the burst that it was made from."""
    burst = Failing(Script(TWO, (Burst((CREATE, CreateCase("n2", "c2", "t2"))),)), LOST, network=3)
    asked: list[Failing] = []

    def answer(one: Failing, networks: tuple[int | None, ...]) -> Echo:
        asked.append(one)
        assert networks[0] == 3
        return Echo(heard=heard, seed=5)

    monkeypatch.setattr(further, "echo", answer)
    (first, *rest) = further._forms(burst)
    together = at_once(burst.script)
    assert first == burst
    assert [one.script for one in asked] == [together]
    assert rest == ([evolve(burst, script=together, network=5)] if heard else [])
