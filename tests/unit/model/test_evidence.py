"""What answers, sights and stops prove of what a node knows, beside the value that was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import (
    APART,
    C1,
    CREATED,
    DELETED,
    EMPTY,
    EVERYWHERE,
    HAS_EVENT,
    HEALED,
    LOST,
    N1_RETITLES,
    N3_ALONE,
    NO_C1,
    OK,
    ONLY_RESYNC,
    T1,
    T2,
    WALLCLOCK,
    Moment,
    Story,
    attach,
    both,
    check_near,
    check_raised,
    count,
    create,
    event,
    everywhere,
    in_a_row,
    retitle,
    rolled_back,
    row,
    sights,
    told,
    view,
)

from syncmodel.model.chains import explained
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import refused, shown
from syncmodel.model.plan import MOST_WRITES, Plan
from syncmodel.model.values import Added, Assigned, Row, Stored, Value
from syncmodel.model.view import View
from syncmodel.steps import Crash, Cut, Delete, Read, Restart, Resync
from syncmodel.targets.wire import SUPERTEST

SUMS = Guarantees(by_field=True, sums=True)
READS_T1_1 = (Read("n1", "cases", "c1"), shown(view({"c1": ("t1", 1)}) or View()))
N2_DELETES = (Delete("n2", "cases", "c1"), OK)
N1_HEARS_NOBODY = ((Cut("n2", "n1"), OK), (Cut("n3", "n1"), OK))
STORIES = [
    Story(
        Kind.RESURRECTED,
        "a delete that was accepted rests on what its node showed",
        (in_a_row(CREATED, N2_DELETES),),
        everywhere(c1=T1),
        everywhere(),
    ),
    Story(
        Kind.MISSING,
        "what exists its node knows",
        (in_a_row(CREATED, (create("n2", "c1", "t2"), refused("exists")), APART),),
        sights(C1, NO_C1, NO_C1),
        sights(C1, C1, NO_C1),
    ),
    Story(
        Kind.RESURRECTED,
        "what is no row any more its node knows to be deleted",
        (
            *EVERYWHERE,
            in_a_row(DELETED, (retitle("n2", "c1", "t2"), refused("no_such_row")), APART),
        ),
        sights(EMPTY, C1, C1),
        sights(EMPTY, EMPTY, C1),
    ),
    Story(
        Kind.RESURRECTED,
        "a reference that is missing its node knows to be deleted",
        (
            *EVERYWHERE,
            in_a_row(
                DELETED, (attach("n2", "e1", "c1", "b1"), refused("missing_reference")), APART
            ),
        ),
        sights(EMPTY, C1, C1),
        sights(EMPTY, EMPTY, C1),
    ),
    Story(
        Kind.MISSING,
        "what an accepted row refers to its node knows",
        (in_a_row(CREATED, (attach("n2", "e1", "c1", "b1"), event("c1", "b1")), APART),),
        sights(C1, NO_C1, NO_C1),
        sights(C1, HAS_EVENT, NO_C1),
    ),
    Story(
        Kind.MISSING,
        "an author knows what others show of it",
        (*N1_HEARS_NOBODY, (create("n1", "c1", "t1"), LOST)),
        sights(NO_C1, C1, C1),
        sights(C1, C1, C1),
    ),
    Story(
        Kind.LEAKED,
        "what did not cross before a cut does not cross it later",
        (
            *EVERYWHERE,
            in_a_row(N1_RETITLES, N3_ALONE),
            sights({"c1": T2}, {"c1": T2}, C1),
            (Resync("n1"), OK),
        ),
        everywhere(c1=T2),
        sights({"c1": T2}, {"c1": T2}, C1),
    ),
    Story(
        Kind.LEAKED,
        "an accepted create proves that its node did not know the other one",
        (in_a_row(CREATED, N3_ALONE, (create("n3", "c1", "t2"), row("t2"))),),
        sights(C1, C1, C1),
        sights(C1, C1, {"c1": T2}),
    ),
    Story(
        Kind.MISSING,
        "a crash ends what was asked",
        (
            *EVERYWHERE,
            (Delete("n1", "cases", "c1"), LOST),
            (Crash("n1"), OK),
            (Restart("n1"), OK),
            everywhere(c1=T1),
        ),
        everywhere(),
        everywhere(c1=T1),
    ),
    Story(
        Kind.RESURRECTED,
        "of what one node accepts at once the order is found",
        (*EVERYWHERE, both(N1_RETITLES, DELETED)),
        everywhere(c1=T2),
        everywhere(),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "two deletes at once do not both find the row, though a third got no answer",
        EVERYWHERE,
        both(DELETED, DELETED, (Delete("n1", "cases", "c1"), LOST)),
        both(
            DELETED,
            (Delete("n1", "cases", "c1"), refused("no_such_row")),
            (Delete("n1", "cases", "c1"), LOST),
        ),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a change that got no answer needs a row to change",
        (*EVERYWHERE, DELETED, everywhere(), (retitle("n1", "c1", "t2"), LOST), everywhere()),
        (Delete("n1", "cases", "c1"), OK),
        (Delete("n1", "cases", "c1"), refused("no_such_row")),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a create that got no answer needs what it refers to",
        (*EVERYWHERE, DELETED, everywhere(), (attach("n1", "e1", "c1", "b1"), LOST), everywhere()),
        (Delete("n1", "events", "e1"), OK),
        (Delete("n1", "events", "e1"), refused("no_such_row")),
    ),
    Story(
        Kind.MISSING,
        "what a create found to be away is there once it was accepted, whatever was answered first",
        (APART, both((create("n1", "c1", "t2"), refused("exists")), CREATED)),
        sights(NO_C1, NO_C1, NO_C1),
        sights(C1, NO_C1, NO_C1),
    ),
    Story(
        Kind.FLIPPED,
        "what is no row any more does not show again, where a clock decides",
        (
            *EVERYWHERE,
            both(DELETED, (count("n1", "c1", 1), refused("no_such_row")), N2_DELETES),
        ),
        everywhere(c1=T1),
        everywhere(),
        WALLCLOCK,
    ),
    Story(
        Kind.STALE,
        "increments add up on what their node showed",
        (*EVERYWHERE, (count("n2", "c1", 1), row("t1", 1)), everywhere(c1=("t1", 1))),
        (count("n1", "c1", 2), row("t1", 2)),
        (count("n1", "c1", 2), row("t1", 3)),
        SUMS,
    ),
    Story(
        Kind.MONOTONIC_READS,
        "what is read of a node that lost its log since is known",
        (
            *EVERYWHERE,
            in_a_row((count("n3", "c1", 1), row("t1", 1)), rolled_back("n2", "n3"), READS_T1_1),
            sights({"c1": ("t1", 1)}, None, None),
        ),
        (READS_T1_1[0], shown(view(C1) or View())),
        READS_T1_1,
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_it_is_known(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_and_no_more_than_that(story: Story) -> None:
    check_near(story)


@pytest.mark.parametrize(
    "seen",
    [
        everywhere(c1=T1),
        (create("n1", "c1", "t2"), refused("exists")),
        (Delete("n1", "cases", "c1"), OK),
        (Read("n1", "cases", "c1"), shown(view(C1) or View())),
    ],
)
def test_a_write_that_got_no_answer_is_sure_once_it_was_seen(seen: Moment) -> None:
    lost = (create("n1", "c1", "t1"), LOST)
    assert not told((lost,), Guarantees()).row(Row("cases", "c1")).versions[0].sure
    assert told((lost, seen), Guarantees()).row(Row("cases", "c1")).versions[0].sure


def test_what_need_not_travel_may_cross_later() -> None:
    """After a heal that promises nothing, a node that lacks a version may get it at any time."""
    lacks = sights({"c1": T2}, {"c1": T2}, C1)
    healed = (*EVERYWHERE, N3_ALONE, N1_RETITLES, lacks, HEALED, lacks)
    told((*healed, (Resync("n1"), OK), everywhere(c1=T2)), ONLY_RESYNC)


def test_a_restart_does_not_end_what_came_beside_it() -> None:
    beside = both((Restart("n1"), OK), (Delete("n1", "cases", "c1"), LOST))
    told((*EVERYWHERE, beside, everywhere(c1=T1), everywhere()), Guarantees())


def test_a_delete_that_landed_before_the_log_was_lost_is_known_elsewhere() -> None:
    beside = both((Delete("n1", "cases", "c1"), LOST), rolled_back("n1"))
    told((*EVERYWHERE, beside, sights(None, EMPTY, EMPTY)), Guarantees())


# --- chains of writes without an answer -----------------------------------------------------------

BASE = Value((("title", "t"), ("counter", 0)))
CHANGES: list[Stored] = [
    BASE,
    *(Added("counter", 2**k) for k in range(5)),
    *(Assigned("title", f"u{k}") for k in range(2)),
]


def walked(version: int, value: Value, bases: dict[int, set[int]], used: frozenset[int]) -> bool:
    """Every chain, one after another."""
    change = CHANGES[version]
    if isinstance(change, Value):
        return value.fits(change)
    assert isinstance(change, Added | Assigned)
    below = change.under(value)
    used |= {version}
    return below is not None and any(walked(b, below, bases, used) for b in bases[version] - used)


@given(
    version=st.integers(1, len(CHANGES) - 1),
    title=st.sampled_from(["t", "u0", "u1", "other"]),
    total=st.integers(0, 33),
    bases=st.fixed_dictionaries(
        {n: st.sets(st.integers(0, len(CHANGES) - 1)) for n in range(len(CHANGES))}
    ),
)
def test_a_chain_is_found_where_there_is_one(
    version: int, title: str, total: int, bases: dict[int, set[int]]
) -> None:
    value = Value((("title", title), ("counter", total)))
    found = explained(CHANGES, version, value, bases.__getitem__)
    there = walked(version, value, bases, frozenset())
    assert found or not there
    # Only a text that was set twice in one chain may be taken for one.
    assert found == there or any(bases[n] & {6, 7} for n in bases)


@pytest.mark.parametrize("shown", [("t1", 2**40), ("x", 1)])
def test_many_writes_without_an_answer_are_judged_at_once(shown: tuple[str, int]) -> None:
    moments: list[Moment] = [*EVERYWHERE]
    moments += [(count(f"n{k % 3 + 1}", "c1", 2**k), LOST) for k in range(30)]
    moments += [(retitle("n1", "c1", f"u{k}"), LOST) for k in range(20)]
    told((*moments, everywhere(c1=("t1", 2**30 - 1))), Guarantees())
    with pytest.raises(DivergenceFound):
        told((*moments, everywhere(c1=shown)), Guarantees())


def test_a_row_is_written_three_hundred_times_at_most() -> None:
    plan = Plan(fully_connected(SUPERTEST, 1))
    for number in range(MOST_WRITES):
        step = create("n1", "c1", f"t{number}") if number % 2 == 0 else Delete("n1", "cases", "c1")
        assert step.enabled(plan)
        plan = step.advance(plan)
    assert not create("n1", "c1", "one more").enabled(plan)
    assert not Delete("n1", "cases", "c1").enabled(plan)
    assert create("n1", "c2", "of another row").enabled(plan)
