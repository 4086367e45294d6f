"""One run on many rows at once: each copy is the same run, and one run tells of all of them."""

import pytest
from any_runs import scripts
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from supertest import create_case, create_event, delete_case, fully_connected, increment_case

from syncmodel.engine.copies import FEWEST, Copies, copies
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.rename import renamed, tidy_names
from syncmodel.engine.run import Result, first_disabled, run
from syncmodel.engine.script import Script, leaves, repaired, without
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.values import Row, Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Crash, Cut, Data, Heal, Refused, Step
from syncmodel.steps.network import Links

NET = fully_connected(2)
KEY = ("missing", "cases")
STEPS = (
    create_case("n1", "c1", "t1"),
    Cut("n1", "n2"),
    increment_case("n1", "c1", 1),
    Burst((create_event("n1", "e1", "c1", "t2"), delete_case("n2", "c1"))),
    Heal(),
)


def made(steps: tuple[Step, ...] = STEPS, net: Net = NET, most: int = 5) -> Copies:
    many = copies(Script(net, steps), KEY, most)
    assert many is not None
    return many


@pytest.mark.slow
@given(data=st.data())
@settings(suppress_health_check=list(HealthCheck), max_examples=50)
def test_each_copy_is_the_same_run_on_rows_of_its_own(data: st.DataObject) -> None:
    whole = data.draw(scripts())
    script = repaired(
        without(whole, lambda _, leaf: not isinstance(leaf, Data | Links)),
    )
    many = copies(script, KEY, 6)
    assume(many is not None)
    assert many is not None
    assert first_disabled(many.script.net, many.script.steps) is None
    assert len(many.rows) >= FEWEST
    assert len(frozenset[Row]().union(*many.rows)) == sum(map(len, many.rows))
    tidy = renamed(script, evolve(tidy_names(script), nodes={}))
    for number in range(len(many.rows)):
        steps = tuple(
            step
            for step, turn in zip(many.script.steps, many.turns, strict=True)
            if turn in (None, number)
        )
        one = Script(script.net, steps)
        assert renamed(one, evolve(tidy_names(one), nodes={})) == tidy


def test_a_correct_system_passes_on_all_of_them() -> None:
    many = made()
    result = Straight().run(run(SimulatedCluster(2), NET, many.script.steps))
    assert result.verdict is Verdict.PASS
    assert many.failed(result, KEY) == (0, 5)


@pytest.mark.parametrize("step", [Crash("n2"), Refused(delete_case("n1", "c9"), "no_such_row")])
def test_what_is_no_write_and_no_network_has_no_copies(step: Step) -> None:
    assert copies(Script(NET, (*STEPS, step)), KEY, 5) is None
    assert copies(Script(NET, (*STEPS, Burst((Heal(), STEPS[0])))), KEY, 5) is None


def test_an_invariant_or_a_whole_node_has_no_copies() -> None:
    script = Script(NET, STEPS)
    assert copies(script, ("invariant", "few rows"), 5) is None
    assert copies(script, ("not settled", ""), 5) is None


def test_few_copies_are_none() -> None:
    assert copies(Script(NET, STEPS), KEY, FEWEST - 1) is None
    long = tuple(create_case("n1", f"c{i}", f"t{i}") for i in range(30))
    assert copies(Script(NET, long), KEY, 20) is None
    # There are 40 amounts in a run.
    adds = (create_case("n1", "c1", "t"), *(increment_case("n1", "c1", 2**i) for i in range(11)))
    assert copies(Script(NET, adds), KEY, 20) is None


class Forgets(SimulatedCluster):
    """Deletes of these rows are answered, and not done."""

    def __init__(self, *rows: str) -> None:
        super().__init__(2)
        self.rows_kept = rows

    async def write(self, node: str, write: Write) -> Outcome:
        if write.op == "delete" and write.row.name in self.rows_kept:
            return accepted()
        return await super().write(node, write)


def test_the_first_copy_that_fails_tells_of_those_before_it() -> None:
    many = made((create_case("n1", "c1", "t1"), delete_case("n1", "c1")))
    for failing, told in ((("c1.1",), (1, 1)), (("c1.4", "c1.5"), (1, 4)), ((), (0, 5))):
        result = Straight().run(run(Forgets(*failing), NET, many.script.steps))
        assert many.failed(result, ("resurrected", "cases")) == told


def test_several_may_fail_at_the_same_rest() -> None:
    """The last step is everyone's: k of n, from one run."""
    many = made((Cut("n1", "n2"), create_case("n1", "c1", "t1"), Heal()))
    missing = tuple(
        Divergence(Kind.MISSING, "n2", Row("cases", name), "t", "nothing")
        for name in ("c1.2", "c1.4")
    )
    assert many.failed(Result(Verdict.DIVERGED, many.script.steps, missing), KEY) == (2, 5)


def test_a_run_that_fails_otherwise_says_nothing() -> None:
    many = made()
    stale = Divergence(Kind.STALE, "n2", Row("cases", "c1.1"), "t", "s")
    assert many.failed(Result(Verdict.DIVERGED, many.script.steps, (stale,)), KEY) == (0, 0)
    assert many.failed(Result(Verdict.INVALID, many.script.steps[:3]), KEY) == (0, 0)


def test_simultaneous_steps_stay_so_in_each_copy() -> None:
    pair = Concurrently((create_case("n1", "c1", "t1"), create_case("n2", "c2", "t2")))
    many = made((pair,))
    assert [type(step) for step in many.script.steps] == [Concurrently] * 5
    assert len(list(leaves(many.script.steps))) == 10
