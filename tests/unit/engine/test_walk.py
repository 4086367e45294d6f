"""A walk: each stop is what a run saw there, forward and back."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from saved_runs import saved

from syncmodel.corpus import Confirmed, Expected, Reproduction, usual
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Entry, Rested, Verdict
from syncmodel.engine.replay import Judgement
from syncmodel.engine.run import run
from syncmodel.engine.script import leaves
from syncmodel.engine.walk import Stop, Walk
from syncmodel.errors import UsageError
from syncmodel.model.outcome import refused
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Create, Delete, Hang, Pause, Resync, Set
from syncmodel.targets import registry
from syncmodel.targets.base import SEEDS, Reusable
from syncmodel.targets.wire import SUPERTEST

KIND = registry.get("simulated")
CREATE, SET = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Set("n2", "cases", "c1", "title", "t2"),
)
BUG = "tombstone-lost-on-resync"
DELETED = (CREATE, Burst((Resync("n2"), Delete("n1", "cases", "c1"))), SET)
BACK = Expected(("resurrected", "cases"))
RUN = Reproduction("A case is changed", usual(SUPERTEST, 2), (CREATE, SET), system=KIND)
FAILS = evolve(RUN, steps=DELETED, expected=BACK, bug=BUG, confirmed=Confirmed(1, 1))
CORPUS = [one for _, one in saved() if one.schema == SUPERTEST]


def walk(reproduction: Reproduction = RUN, *bugs: str) -> Walk:
    return Walk(SimulatedCluster(len(reproduction.nodes), bugs), reproduction)


def at(walk: Walk, number: int) -> Stop:
    return Straight().run(walk.to(number))


def shown(stop: Stop) -> object:
    """All of a stop that can be compared."""
    views = {node: view and view.rows for node, view in stop.views.items()}
    moments = [(one.words, one.under_way, one.views) for one in stop.moments]
    return stop.number, stop.step, stop.outcome, views, stop.belief, stop.result, moments


def test_each_stop_is_what_the_run_saw_there() -> None:
    entries: list[Entry] = []
    whole = run(SimulatedCluster(2), RUN.net, RUN.steps, observe=entries.append)
    assert Straight().run(whole).verdict is Verdict.PASS
    rests = [entry for entry in entries if isinstance(entry, Rested)]
    going = walk()
    for number, rest in enumerate(rests):
        stop = at(going, number)
        assert stop is going.last
        assert (stop.number, stop.rested, stop.how) == (rest.index, True, rest.how)
        assert {n: v and v.rows for n, v in stop.views.items()} == {
            n: v and v.rows for n, v in rest.views.items()
        }
        assert stop.belief == rest.after.belief
    assert going.is_over
    assert going.judgement is Judgement.AS_EXPECTED


def test_back_is_from_the_start_and_leads_to_the_same() -> None:
    going = walk()
    first = [shown(at(going, number)) for number in range(3)]
    assert [shown(at(going, number)) for number in (2, 1, 0)] == first[::-1]
    assert [shown(at(going, number)) for number in (1, 2)] == first[1:]
    assert [stop.number for stop in going.stops] == [0, 1, 2]


def test_a_walk_ends_where_the_run_is_decided() -> None:
    going = walk(FAILS, BUG)
    stop = at(going, 3)
    assert stop.number == 2
    assert [d.kind.value for d in stop.divergences] == ["resurrected"] * len(stop.divergences)
    assert stop.rested
    # What each node must know has travelled: else the sight would look possible.
    assert all(stop.belief.row(d.row).known_by("n2") == {0, 1} for d in stop.divergences if d.row)
    assert going.is_over
    assert going.judgement is Judgement.AS_EXPECTED
    assert at(going, 3) is stop
    assert not at(going, 1).divergences


def test_a_walk_stops_before_the_end_without_a_judgement() -> None:
    going = walk()
    assert at(going, 1).result is None
    assert going.judgement is None
    assert not going.is_over


def test_an_answer_that_is_wrong_leaves_the_tables_of_the_rest_before() -> None:
    class Refuses(SimulatedCluster):
        async def write(self, node, write):  # type: ignore[no-untyped-def]
            return refused("no_such_row") if write.op == "set" else await super().write(node, write)

    going = Walk(Refuses(2), RUN)
    stop = at(going, 2)
    assert [d.kind.value for d in stop.divergences] == ["wrongly refused"]
    assert not stop.rested
    assert stop.views == going.stops[1].views


def test_a_walk_without_steps_has_its_beginning() -> None:
    going = walk(evolve(RUN, steps=()))
    stop = at(going, 0)
    assert (stop.number, stop.step, going.is_over) == (0, None, True)
    assert going.judgement is Judgement.AS_EXPECTED


def test_what_takes_luck_is_sought_and_its_network_kept() -> None:
    class Fickle(SimulatedCluster):
        def on_network(self, number):  # type: ignore[no-untyped-def]
            asked.append(number)
            super().on_network(number)
            self.bad = number == 3

        async def write(self, node, write):  # type: ignore[no-untyped-def]
            return refused("exists") if self.bad else await super().write(node, write)

    asked: list[int | None] = []
    lucky = evolve(RUN, expected=Expected(("wrongly refused", "cases")), confirmed=Confirmed(1, 3))
    going = Walk(Fickle(2), lucky)
    assert going.takes_luck
    stop = Straight().run(going.seek(2))
    assert stop.divergences
    assert going.judgement is Judgement.AS_EXPECTED
    assert going.tries == 1 + SEEDS.index(3)
    asked.clear()
    assert at(going, 0).number == 0
    assert at(going, 1).divergences
    assert set(asked) == {3}


def test_a_walk_that_went_back_is_judged_by_what_it_saw_then() -> None:
    class Once(SimulatedCluster):
        runs = 0

        async def begin(self, net):  # type: ignore[no-untyped-def]
            self.runs += 1
            await super().begin(net)

        async def write(self, node, write):  # type: ignore[no-untyped-def]
            return refused("exists") if self.runs == 1 else await super().write(node, write)

    expected, network = Expected(("wrongly refused", "cases")), {"network": 1}
    for confirmed, judgement in (
        (Confirmed(3, 3), Judgement.OTHERWISE),
        (Confirmed(1, 3), Judgement.OTHERWISE),
    ):
        found = evolve(RUN, expected=expected, confirmed=confirmed, found=network)
        going = Walk(Once(2), found)
        seen = list[Judgement | None]()
        for move in (going.seek(2), going.to(0), going.to(2)):
            Straight().run(move)
            seen.append(going.judgement)
        assert seen == [Judgement.AS_EXPECTED, None, judgement]
    going = Walk(Once(2), evolve(RUN, expected=expected, confirmed=Confirmed(1, 3)))
    Straight().run(going.seek(2))
    at(going, 0)
    at(going, 2)
    assert going.judgement is Judgement.UNKNOWN


def test_every_run_of_a_walk_has_nodes_of_its_own() -> None:
    class Reuses(SimulatedCluster):
        used = True

        def passed(self) -> None:
            """Nothing to keep."""

        def renew(self) -> None:
            renewed.append(1)

    renewed: list[int] = []
    target = Reuses(2)
    assert isinstance(target, Reusable)
    going = Walk(target, RUN)
    for number in (2, 1, 2):
        at(going, number)
    assert len(renewed) == 2


def test_steps_that_are_no_run_are_refused() -> None:
    with pytest.raises(UsageError, match="the file is no run"):
        walk(evolve(RUN, steps=(SET,)))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CORPUS), st.sampled_from(SEEDS), st.booleans())
def test_to_note_every_message_changes_nothing(
    one: Reproduction, network: int | None, planted: bool
) -> None:
    bugs = (one.bug,) if planted and one.bug else ()
    found = list[object]()
    for traced in (False, True):
        target, entries = SimulatedCluster(len(one.nodes), bugs, network), list[Entry]()
        if traced:
            target.trace()
        once = run(target, one.net, one.steps, one.guarantees, observe=entries.append)
        result = Straight().run(once)
        rests = [entry for entry in entries if isinstance(entry, Rested)]
        found.append((result, [(rest.index, rest.views, rest.after) for rest in rests]))
    assert found[0] == found[1]


def waits(one: Reproduction) -> bool:
    return any(isinstance(leaf, Hang | Pause) for _, leaf in leaves(one.steps))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(CORPUS), st.sampled_from(SEEDS))
def test_the_last_message_leads_to_what_the_rest_shows(
    one: Reproduction, network: int | None
) -> None:
    going = Walk(SimulatedCluster(len(one.nodes)), evolve(one, found={"network": network or 0}))
    at(going, len(one.steps))
    for stop in going.stops:
        for moment in stop.moments[-1:]:
            if stop.rested:
                rests = {n: v and v.rows for n, v in stop.views.items()}
                assert {n: v and v.rows for n, v in moment.views.items()} == rests
                # What was sent to a node that stands still, or over a link that hangs, waits.
                assert moment.under_way == 0 or waits(one)
