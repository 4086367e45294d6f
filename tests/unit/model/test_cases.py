"""What a belief leaves open is assumed one way and the other; where no way is left, it diverges."""

from __future__ import annotations

import pytest
from attrs import frozen
from histories import History, Moment, judged
from stories import (
    APART,
    C1,
    CREATED,
    EMPTY,
    HEALED,
    LOST,
    NO_C1,
    OK,
    T1,
    TWO_TOMBSTONES,
    Shown,
    attach,
    both,
    count,
    create,
    event,
    in_a_row,
    retitle,
    row,
    told,
    view,
)

from syncmodel.model.belief import Belief
from syncmodel.model.cases import MOST_LATE, Cases
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import SESSION, Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, refused, shown
from syncmodel.model.rest import compare
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import (
    Backup,
    Burst,
    Concurrently,
    Crash,
    Create,
    Cut,
    Delete,
    Pause,
    Read,
    Refused,
    Restart,
    Restore,
    Step,
    vocabulary,
)
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
CASE, EVENT = Row("cases", "c1"), Row("events", "e1")
N1_DELETES, N2_DELETES = Delete("n1", "cases", "c1"), Delete("n2", "cases", "c1")
BACK = Restore(("n1",), True), OK
N1_CREATES = create("n1", "c1", "t3"), row("t3")
LEAVES = Guarantees(rows="multi-value")
T3: Shown = {"c1": ("t3", 0)}
T2: Shown = {"c1": ("t2", 0)}
T4: Shown = {"c1": ("t4", 0)}
#: A step and its outcome, and what n1 and n2 show at the rest after it.
Told = tuple[tuple[Step, Outcome], Shown, Shown]


def taken(history: History) -> tuple[Belief, Cases]:
    """What is believed at its end. Raises `DivergenceFound`."""
    belief, cases = initial(history.net, history.guarantees).belief, Cases()
    for moment in history.moments:
        after = moment.step.expect(belief, moment.outcome)
        cases = cases.taken(moment.step, moment.outcome, belief, after)
        belief = compare(after, moment.views)
        cases = cases.rested(moment.views, belief)
    return belief, cases


def history(*moments: Told, of: Guarantees = Guarantees()) -> History:  # noqa: B008 (frozen)
    """What was done and seen on two nodes that hear each other."""
    seen = ((step, outcome, {"n1": n1, "n2": n2}) for (step, outcome), n1, n2 in moments)
    return History(
        NET, of, tuple(Moment(s, o, {n: view(v) for n, v in views.items()}) for s, o, views in seen)
    )


@frozen
class Story:
    """`before` holds, and so does `near`; after `before` nothing explains `raised`."""

    of: str
    before: tuple[Told, ...]
    raised: Told
    near: Told
    guarantees: Guarantees = Guarantees()


STORIES = (
    Story(
        "a request landed before or after the answers beside it",
        (
            ((create("n2", "c1", "t1"), row("t1")), C1, C1),
            (both((N1_DELETES, OK), (retitle("n1", "c1", "t2"), LOST)), EMPTY, EMPTY),
        ),
        (
            both((retitle("n2", "c1", "t3"), row("t3")), *2 * [(N2_DELETES, LOST)]),
            EMPTY,
            EMPTY,
        ),
        (
            both((retitle("n2", "c1", "t3"), refused("no_such_row")), *2 * [(N2_DELETES, LOST)]),
            EMPTY,
            EMPTY,
        ),
    ),
    Story(
        "which leaf a delete without an answer replaced",
        ((CREATED, C1, C1), ((N2_DELETES, LOST), EMPTY, EMPTY)),
        ((N1_DELETES, OK), EMPTY, EMPTY),
        ((N1_DELETES, refused("no_such_row")), EMPTY, EMPTY),
        Guarantees(rows="multi-value"),
    ),
    Story(
        "a copy of a disk has a row or has not",
        (
            (both(CREATED, (Backup(("n1",)), OK)), C1, C1),
            (APART, C1, C1),
            (BACK, EMPTY, C1),
        ),
        (BACK, C1, C1),
        (BACK, EMPTY, C1),
    ),
    Story(
        "a copy of a disk that had a row has it for good",
        (
            (both(CREATED, (Backup(("n1",)), OK)), C1, C1),
            (APART, C1, C1),
            (BACK, C1, C1),
        ),
        (BACK, EMPTY, C1),
        (BACK, C1, C1),
    ),
    Story(
        "a delete without an answer replaced the leaf that showed",
        (
            (both(CREATED, (create("n2", "c1", "t4"), row("t4"))), C1, C1),
            ((N1_DELETES, LOST), T4, T4),
        ),
        ((N2_DELETES, OK), C1, C1),
        ((N2_DELETES, OK), EMPTY, EMPTY),
        LEAVES,
    ),
    Story(
        "a change without an answer landed on what was created, and replaced it",
        (
            ((retitle("n1", "c1", "t2"), LOST), EMPTY, EMPTY),
            (
                both(N1_CREATES, (N1_DELETES, OK), (count("n1", "c1", 1), row("t2", 1))),
                EMPTY,
                EMPTY,
            ),
        ),
        ((N1_DELETES, OK), EMPTY, EMPTY),
        ((N1_DELETES, refused("no_such_row")), EMPTY, EMPTY),
        LEAVES,
    ),
    Story(
        "a delete without an answer replaced one leaf or another",
        (
            (
                in_a_row((Cut("n1", "n2"), OK), CREATED, (retitle("n1", "c1", "t2"), row("t2"))),
                T2,
                EMPTY,
            ),
            (both((N1_DELETES, LOST), (create("n2", "c1", "t4"), row("t4"))), T4, T4),
        ),
        ((N1_DELETES, refused("no_such_row")), T4, T4),
        ((N1_DELETES, OK), EMPTY, T4),
        LEAVES,
    ),
    Story(
        "a leaf that was deleted is not back, whatever lands",
        (
            ((create("n1", "c1", "t1"), LOST), EMPTY, EMPTY),
            ((create("n1", "c1", "t4"), LOST), C1, C1),
            ((N1_DELETES, OK), EMPTY, EMPTY),
        ),
        (HEALED, C1, C1),
        (HEALED, T4, T4),
        LEAVES,
    ),
)


@pytest.mark.parametrize("story", STORIES, ids=[story.of for story in STORIES])
def test_what_is_impossible_either_way_diverges(story: Story) -> None:
    raised = history(*story.before, story.raised, of=story.guarantees)
    verdict = judged(raised)
    assert verdict is not None
    assert verdict.oracle == verdict.model == len(raised.moments)
    belief = initial(raised.net, raised.guarantees).belief
    for moment in raised.moments:  # The bounds alone do not see it.
        belief = compare(moment.step.expect(belief, moment.outcome), moment.views)
    with pytest.raises(DivergenceFound):
        taken(raised)


@pytest.mark.parametrize("story", STORIES, ids=[story.of for story in STORIES])
def test_what_is_possible_one_way_does_not(story: Story) -> None:
    near = history(*story.before, story.near, of=story.guarantees)
    verdict = judged(near)
    assert verdict is not None
    assert verdict.oracle is None
    taken(near)


def test_a_node_knows_a_hidden_row_or_does_not() -> None:
    there: Shown = {"c1": T1, "e1": ("c1", "b1")}
    created = attach("n1", "e1", "c1", "b1"), event("c1", "b1")
    hides = both(created, (N2_DELETES, OK), APART)
    belief, cases = taken(history((CREATED, C1, C1), (hides, there, EMPTY)))
    knows = {case.belief.row(EVENT).known_by("n2") for case in cases.cases}
    may_know = {case.belief.row(EVENT).perhaps_known_by("n2") for case in cases.cases}
    assert belief.row(EVENT).known_by("n2") == frozenset()
    assert knows == may_know == {frozenset(), frozenset({0})}


def test_a_version_loses_to_the_one_or_the_other() -> None:
    belief = told(TWO_TOMBSTONES, Guarantees())
    assert belief.row(CASE).order.among
    cases = Cases().rested(dict.fromkeys(("n1", "n2", "n3"), view(NO_C1)), belief).cases
    orders = {case.belief.row(CASE).order for case in cases}
    assert len(orders) == 2
    assert not any(order.among for order in orders)


def test_where_nothing_is_open_there_are_no_cases() -> None:
    lost = (both((create("n1", "c1", "t1"), LOST), APART), C1, EMPTY)
    _, cases = taken(history(lost))
    assert not cases.cases
    _, cases = taken(history((in_a_row((create("n1", "c1", "t1"), LOST)), EMPTY, EMPTY)))
    assert [len(case.late) for case in cases.cases] == [1]


def test_where_there_are_too_many_the_belief_goes_on_alone() -> None:
    rows = [f"c{number}" for number in range(MOST_LATE)]
    lost = [(create(node, f"{node}{name}", "t1"), LOST) for node in ("n1", "n2") for name in rows]
    down = *lost, *((Crash(node), OK) for node in ("n1", "n2"))
    up = in_a_row(*((Restart(node), OK) for node in ("n1", "n2")))
    before = initial(NET).belief
    after, cases = before, Cases()
    for step, outcome, views in ((*in_a_row(*down), {}), (*up, both_show({"n1c0": T1}))):
        last, after = after, step.expect(after, outcome)
        cases = cases.taken(step, outcome, last, after)
        assert not cases.cases
        after = compare(after, views)
        cases = cases.rested(views, after)


def test_so_many_requests_without_an_answer_are_split_and_no_more() -> None:
    belief, cases = initial(NET).belief, Cases()
    waiting = [(create("n2", f"c{number}", "t1"), LOST) for number in range(MOST_LATE + 4)]
    first = in_a_row((Pause("n2"), OK), *waiting[:2])
    for step, outcome in (first, both(*waiting[2:-2]), both(*waiting[-2:])):
        before, belief = belief, step.expect(belief, outcome)
        cases = cases.taken(step, outcome, before, belief)
    (case,) = cases.cases
    assert [write.row for write in case.late] == [Row("cases", f"c{n}") for n in range(MOST_LATE)]


def both_show(rows: Shown) -> dict[str, View | None]:
    return {"n1": view(rows), "n2": view(rows)}


class Unlike(Create):
    """A create of somebody else's, which may have any outcome."""

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        """Nothing follows from it."""
        del outcome
        return belief


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a burst"])
def test_no_case_is_made_of_a_step_with_its_own_judgement(alone: bool) -> None:
    step: Step = Unlike("n1", "cases", "c1", (("title", "t1"),))
    outcome = LOST
    if not alone:
        step, outcome = in_a_row((step, LOST))
        assert isinstance(step, Burst)
    belief = initial(NET).belief
    assert not step.is_followed
    assert not Cases().taken(step, outcome, belief, step.expect(belief, outcome)).cases


class UnlikeBurst(Burst):
    """A burst of somebody else's."""

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        """Nothing follows from it."""
        del outcome
        return belief


class UnlikeRefused(Refused):
    """A bad request of somebody else's."""

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        """Nothing follows from it."""
        del outcome
        return belief


def test_every_step_of_ours_is_followed_and_none_with_only_its_own_judgement() -> None:
    bad = Refused(N1_DELETES, "no_such_row")
    burst, together = Burst((N1_DELETES, bad)), Concurrently((N1_DELETES, N2_DELETES))
    kinds = set(vocabulary().values()) - {Burst, Concurrently}
    # Of all but compound ones the class alone says so.
    others = [object.__new__(kind) for kind in kinds]
    assert len(others) > 35
    assert [step for step in (*others, bad, burst, together) if not step.is_followed] == []
    assert not UnlikeBurst(burst.steps).is_followed
    assert not UnlikeRefused(bad.step, bad.why).is_followed


def test_what_landed_without_an_answer_was_told_to_nobody() -> None:
    lost = ((create("n1", "c1", "t1"), LOST), C1, C1)
    stale = ((Read("n1", "cases", "c1"), shown(View())), C1, C1)
    taken(history(lost, stale, of=Guarantees(reads=SESSION)))
    told = ((create("n1", "c1", "t1"), row("t1")), C1, C1)
    with pytest.raises(DivergenceFound, match="read your writes"):
        taken(history(told, stale, of=Guarantees(reads=SESSION)))


def test_a_request_may_land_while_a_bad_one_is_refused() -> None:
    bad = Refused(Delete("n2", "cases", "c2"), "no_such_row")
    lost = (in_a_row((create("n1", "c1", "t1"), LOST)), EMPTY, EMPTY)
    taken(history(lost, ((bad, refused("no_such_row")), C1, C1), (HEALED, C1, C1)))


def test_what_was_asked_beside_a_restart_may_land_later_and_beside_a_crash_may_not() -> None:
    asked = create("n1", "c1", "t1"), LOST
    lands = HEALED, C1, C1
    taken(history((both((Restart("n1"), OK), asked), EMPTY, EMPTY), lands))
    crashed = in_a_row(both((Crash("n1"), OK), asked), (Restart("n1"), OK))
    taken(history((crashed, C1, C1), lands))
    with pytest.raises(DivergenceFound):
        taken(history((crashed, EMPTY, EMPTY), lands))


def test_of_more_requests_without_an_answer_than_are_split_any_may_land() -> None:
    names = [f"c{number}" for number in range(1, MOST_LATE + 3)]
    lost = both(*((create("n1", name, "t1"), LOST) for name in names))
    for name in names:
        shows = {name: T1}
        taken(history((lost, shows, shows)))
    with pytest.raises(DivergenceFound):
        taken(history((lost, {"c": T1}, {"c": T1})))


def test_what_a_step_with_its_own_judgement_says_holds_in_no_case() -> None:
    lost = create("n1", "c2", "t1"), LOST
    unlike = Unlike("n1", "cases", "c1", (("title", "t1"),)), row("t1")
    taken(history((in_a_row(lost, unlike), EMPTY, EMPTY)))
    with pytest.raises(DivergenceFound):
        taken(history((in_a_row(lost, CREATED), EMPTY, EMPTY)))


def test_what_contradicts_several_cases_is_told_as_in_one_of_them() -> None:
    words = "in one case of several; what was shown fits none"
    several, one = STORIES[0], STORIES[1]
    for story, in_several in ((several, True), (one, False)):
        with pytest.raises(DivergenceFound) as found:
            taken(history(*story.before, story.raised, of=story.guarantees))
        assert [words in each.expected for each in found.value.divergences] == [in_several]


@pytest.mark.parametrize(("after", "possible"), [(EMPTY, True), (C1, False)])
def test_a_create_without_an_answer_is_a_leaf_beside_what_its_node_did_not_know(
    after: Shown, possible: bool
) -> None:
    created = both((CREATED[0], LOST), (create("n2", "c1", "t4"), row("t4")))
    deleted = ((N1_DELETES, OK), T4, T4), ((N2_DELETES, OK), after, after)
    verdict = judged(history((created, C1, C1), *deleted, of=LEAVES))
    assert verdict is not None
    assert (verdict.model is None) is (verdict.oracle is None) is possible
