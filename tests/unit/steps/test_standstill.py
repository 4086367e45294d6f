"""A node that stands still: what may be done meanwhile, and what may be true of it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from stories import (
    CREATED,
    OK,
    T1,
    T2,
    Moment,
    Sight,
    count,
    create,
    everywhere,
    retitle,
    row,
    sights,
    told,
    view,
)

from syncmodel.model.asked import Moment as Circumstances
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import refused, shown, unknown
from syncmodel.model.plan import Plan
from syncmodel.steps import (
    Concurrently,
    Crash,
    Cut,
    Delete,
    Fill,
    Heal,
    Mend,
    Pause,
    Read,
    Refused,
    Restart,
    Resume,
    Resync,
    Rollback,
    Rollout,
    Step,
)
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

FRESH = Plan(fully_connected(SUPERTEST, 3))
STILL = Pause("n1").advance(create("n1", "c1", "t1").advance(FRESH))
TIMEOUT = unknown("no answer")
ALL_T1 = everywhere(c1=T1)
PAUSED, RESUMED = (Pause("n1"), OK), (Resume("n1"), OK)

# --- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        retitle("n1", "c1", "t2"),
        create("n1", "c2", "t2"),
        retitle("n2", "c1", "t2"),
        Resume("n1"),
        Restart("n1"),
        Crash("n1"),
        Pause("n2"),
        Cut("n1", "n2"),
        Resync("n2"),
        Concurrently((Resume("n1"), retitle("n1", "c1", "t2"))),
        Concurrently((Resume("n1"), Pause("n2"))),
    ],
    ids=str,
)
def test_while_a_node_stands_still(step: Step) -> None:
    assert step.enabled(STILL)


@pytest.mark.parametrize(
    "step",
    [
        Pause("n1"),
        Resume("n2"),
        Resume("n9"),
        Read("n1", "cases", "c1"),
        Resync("n1"),
        Rollout(("n1",), 3),
        Rollback(("n1", "n2"), 1),
        Fill("n1", "cases", 1001, 20),
        Refused(Delete("n1", "cases", "c2"), "no_such_row"),
        Refused(create("n1", "c2", "t2"), "malformed"),
        Refused(create("n1", "c2", "t2"), "unreachable"),
        Concurrently((Resume("n1"), Crash("n1"))),
        Concurrently((Pause("n2"), Restart("n2"))),
        Concurrently((Pause("n2"), Rollback(("n2",), 1))),
        Concurrently((Pause("n2"), Fill("n2", "cases", 1001, 20))),
    ],
    ids=str,
)
def test_what_it_can_not_be_asked(step: Step) -> None:
    assert not step.enabled(STILL)


def test_a_node_without_the_plugin_that_stands_still_is_asked_nothing() -> None:
    bare = Pause("n1").advance(Rollback(("n1",), 1).advance(STILL.over(STILL.net.resume("n1"))))
    assert not create("n1", "c2", "t2").enabled(bare)
    assert not Refused(create("n1", "c2", "t2"), "no_plugin").enabled(bare)


@pytest.mark.parametrize("end", [Resume("n1"), Restart("n1"), Crash("n1")], ids=str)
def test_it_ends(end: Step) -> None:
    after = end.advance(STILL).net
    assert not after.paused
    assert after.down == ({"n1"} if isinstance(end, Crash) else frozenset())


def test_what_may_be_chosen() -> None:
    scope = Scope.of(SUPERTEST, {"pause", "resume"})
    assert [*Pause.choices(STILL, scope)] == [Pause("n2"), Pause("n3")]
    assert [*Resume.choices(STILL, scope)] == [Resume("n1")]
    assert "n1" in {step.node for step in Delete.choices(STILL, scope)}


# --- what may be true ----------------------------------------------------------------------------


def others(**rows: Any) -> Sight:
    """What n2 and n3 show, while nobody looks at n1."""
    return Sight({"n1": rows})


def holds(*moments: Moment, guarantees: Guarantees | None = None) -> None:
    """No alarm."""
    told(moments, guarantees or Guarantees())


def raises(kind: Kind, *moments: Moment) -> None:
    """The last moment alarms with this name, and none before it does."""
    holds(*moments[:-1])
    with pytest.raises(DivergenceFound) as found:
        holds(*moments)
    assert {one.kind for one in found.value.divergences} == {kind}


RETITLED = (retitle("n2", "c1", "t2"), row("t2"))
STANDS = (CREATED, ALL_T1, PAUSED)


def test_what_is_written_meanwhile_is_there_once_it_goes_on() -> None:
    before = (*STANDS, others(c1=T1), RETITLED, others(c1=T2), RESUMED)
    holds(*before, everywhere(c1=T2))
    raises(Kind.STALE, *before, sights({"c1": T1}, {"c1": T2}, {"c1": T2}))


def test_what_was_sent_to_it_before_a_cut_may_be_there_or_not() -> None:
    cut = ((Cut("n2", "n1"), OK), (Cut("n3", "n1"), OK), RESUMED)
    before = (*STANDS, RETITLED, others(c1=T2), *cut)
    holds(*before, sights({"c1": T1}, {"c1": T2}, {"c1": T2}))
    holds(*before, everywhere(c1=T2))


def test_what_was_written_after_the_cut_can_not_be_there() -> None:
    cut = ((Cut("n2", "n1"), OK), (Cut("n3", "n1"), OK))
    before = (*STANDS, others(c1=T1), *cut, RETITLED, others(c1=T2), RESUMED)
    holds(*before, sights({"c1": T1}, {"c1": T2}, {"c1": T2}))
    raises(Kind.LEAKED, *before, everywhere(c1=T2))


def test_nothing_of_it_is_lost() -> None:
    raises(Kind.MISSING, *STANDS, others(c1=T1), RESUMED, everywhere())


def test_what_it_alone_had_need_not_travel_before_it_goes_on() -> None:
    apart = ((Cut("n1", "n2"), OK), (Cut("n1", "n3"), OK), (retitle("n1", "c1", "t2"), row("t2")))
    alone = sights({"c1": T2}, {"c1": T1}, {"c1": T1})
    before = (CREATED, ALL_T1, *apart, alone, PAUSED, (Heal(), OK))
    holds(*before, others(c1=T1), RESUMED, everywhere(c1=T2))
    raises(Kind.LEAKED, *before, others(c1=T2))


def test_a_request_to_it_may_happen_once_it_goes_on_or_never() -> None:
    waits = (*STANDS, (retitle("n1", "c1", "t2"), TIMEOUT))
    holds(*waits, others(c1=T1), RESUMED, everywhere(c1=T1), everywhere(c1=T2))
    holds(*waits, others(c1=T1), (Crash("n1"), OK), others(c1=T1))
    raises(Kind.LEAKED, *waits, others(c1=T2))
    ended = (*waits, others(c1=T1), (Crash("n1"), OK), others(c1=T1), (Restart("n1"), OK), ALL_T1)
    raises(Kind.LEAKED, *ended, everywhere(c1=T2))


def test_a_request_to_it_happens_once() -> None:
    waits = (*STANDS, (count("n1", "c1", 1), TIMEOUT), others(c1=T1), RESUMED)
    holds(*waits, everywhere(c1=("t1", 1)))
    raises(Kind.INVENTED, *waits, everywhere(c1=("t1", 2)))


def test_one_that_is_told_to_end_may_still_do_what_it_was_asked() -> None:
    waits = (*STANDS, (retitle("n1", "c1", "t2"), TIMEOUT), others(c1=T1), (Restart("n1"), OK))
    holds(*waits, everywhere(c1=T2))
    holds(*waits, everywhere(c1=T1))


def test_it_does_not_answer() -> None:
    raises(Kind.WRONGLY_ACCEPTED, *STANDS, (retitle("n1", "c1", "t2"), row("t2")))
    raises(Kind.WRONGLY_REFUSED, *STANDS, (retitle("n1", "c1", "t2"), refused("read_only")))


def test_beside_its_beginning_it_may_answer_or_not() -> None:
    step = Concurrently((Pause("n1"), retitle("n1", "c1", "t2"), Read("n1", "cases", "c1")))
    seen = view({"c1": T1})
    assert seen is not None
    for parts in ((OK, row("t2"), shown(seen)), (OK, TIMEOUT, TIMEOUT)):
        outcome = replace(OK, parts=parts)
        holds(CREATED, ALL_T1, (step, outcome), others(c1=T2))


def test_what_it_told_before_it_stood_still_may_arrive_after() -> None:
    quick = (CREATED, PAUSED)
    holds(*quick, others(c1=T1))
    holds(*quick, others())


def test_a_write_elsewhere_need_not_wait_for_it() -> None:
    step = retitle("n2", "c1", "t2")
    holds(*STANDS, (step, row("t2")), others(c1=T2))
    net = STILL.net
    minority = net.pause("n2")
    quorum = replace(minority, quorum=True)
    assert Circumstances((quorum, quorum), quorum).may_lack_quorum("n3")


def test_a_link_is_mended_while_it_stands_still() -> None:
    before = (CREATED, ALL_T1, (Cut("n2", "n1"), OK), (Cut("n3", "n1"), OK), PAUSED, RETITLED)
    mended = (*before, others(c1=T2), (Mend("n2", "n1"), OK), others(c1=T2), RESUMED)
    holds(*mended, everywhere(c1=T2))
    raises(Kind.STALE, *mended, sights({"c1": T1}, {"c1": T2}, {"c1": T2}))
