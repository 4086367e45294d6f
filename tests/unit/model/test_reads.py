"""What a read at any moment may show, each session anomaly by its name, and near misses."""

from __future__ import annotations

from typing import Any

import pytest
from stories import (
    APART,
    C1,
    CREATED,
    DELETED,
    EVENT,
    EVERYWHERE,
    HEALED,
    LOST,
    N1_RETITLES,
    N3_ALONE,
    NO_C1,
    OK,
    T1,
    T2,
    T3,
    Shown,
    Story,
    both,
    check_near,
    check_raised,
    count,
    create,
    everywhere,
    in_a_row,
    retitle,
    rolled_back,
    rolled_out,
    row,
    sights,
    told,
    view,
)

from syncmodel.errors import UsageError
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, refused, shown, unknown
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.steps import Crash, Delete, Read, Restart, Step
from syncmodel.targets.wire import SUPERTEST

SESSION, ANY = Guarantees(reads="session"), Guarantees(reads="any")


def reads(node: str, table: str = "cases", **rows: Any) -> tuple[Step, Outcome]:
    """A node is asked for c1 or e1, and shows this; nothing where no row is given."""
    name = {"cases": "c1", "events": "e1"}[table]
    return Read(node, table, name), shown(_view(rows))


def reads_all(node: str, table: str = "cases", **rows: Any) -> tuple[Step, Outcome]:
    """A node is asked for a whole table, and shows this."""
    return Read(node, table), shown(_view(rows))


def _view(rows: Shown) -> View:
    found = view(rows)
    assert found is not None
    return found


N2_RETITLES = (retitle("n2", "c1", "t2"), row("t2"))
N2_DELETES = (Delete("n2", "cases", "c1"), OK)
#: n1 made two versions of which n2 may have any, or none.
TWO_VERSIONS = (CREATED, N1_RETITLES)
STORIES = [
    Story(
        Kind.STALE_READ,
        "a read shows less than its node must know since the rest",
        (*EVERYWHERE, N1_RETITLES, everywhere(c1=T2)),
        reads("n2", c1=T1),
        reads("n2", c1=T2),
    ),
    Story(
        Kind.STALE_READ,
        "a row that every node has is not read",
        EVERYWHERE,
        reads("n2"),
        reads("n2", c1=T1),
    ),
    Story(
        Kind.STALE_READ,
        "a row that was deleted is read",
        (*EVERYWHERE, DELETED, everywhere()),
        reads("n2", c1=T1),
        reads("n2"),
    ),
    Story(
        Kind.STALE_READ,
        "one of a whole table",
        (*EVERYWHERE, (create("n1", "c2", "t2"), row("t2")), everywhere(c1=T1, c2=T2)),
        reads_all("n2", c1=T1),
        reads_all("n2", c1=T1, c2=T2),
    ),
    Story(
        Kind.READ_YOUR_WRITES,
        "what its node acknowledged is not read",
        EVERYWHERE,
        in_a_row(N2_RETITLES, reads("n2", c1=T1)),
        in_a_row(N2_RETITLES, reads("n1", c1=T1)),
    ),
    Story(
        Kind.READ_YOUR_WRITES,
        "what its node created is not read",
        (),
        in_a_row(CREATED, reads("n1")),
        in_a_row(CREATED, reads("n2")),
    ),
    Story(
        Kind.READ_YOUR_WRITES,
        "what its node deleted is read",
        EVERYWHERE,
        in_a_row(N2_DELETES, reads("n2", c1=T1)),
        in_a_row(N2_DELETES, reads("n3", c1=T1)),
    ),
    Story(
        Kind.MONOTONIC_READS,
        "a second read shows less than the first",
        (),
        in_a_row(CREATED, reads("n2", c1=T1), reads("n2")),
        in_a_row(CREATED, reads("n2", c1=T1), reads("n3")),
    ),
    Story(
        Kind.MONOTONIC_READS,
        "a second read shows an older version",
        (),
        in_a_row(*TWO_VERSIONS, reads("n2", c1=T2), reads("n2", c1=T1)),
        in_a_row(*TWO_VERSIONS, reads("n2", c1=T1), reads("n2", c1=T2)),
    ),
    Story(
        Kind.WRITES_FOLLOW_READS,
        "what a node had read wins against what it wrote then",
        (in_a_row(CREATED, reads("n2", c1=T1), N2_RETITLES),),
        everywhere(c1=T1),
        everywhere(c1=T2),
    ),
    Story(
        Kind.STALE,
        "what a node had read wins against what it had written itself, and wrote again",
        (in_a_row(CREATED, reads("n1", c1=T1), N1_RETITLES),),
        everywhere(c1=T1),
        everywhere(c1=T2),
    ),
    Story(
        Kind.WRITES_FOLLOW_READS,
        "a write rests on less than what its node had read",
        (in_a_row(*TWO_VERSIONS, reads("n2", c1=T2)), everywhere(c1=T2)),
        (count("n2", "c1", 1), row("t1", 1)),
        (count("n2", "c1", 1), row("t2", 1)),
    ),
    Story(
        Kind.RESURRECTED,
        "what a node had read is back though it deleted it",
        (in_a_row(*TWO_VERSIONS, reads("n2", c1=T2), N2_DELETES),),
        everywhere(c1=T2),
        everywhere(),
    ),
    Story(
        Kind.LEAKED,
        "what was read had crossed a cut",
        (N3_ALONE,),
        in_a_row(CREATED, reads("n3", c1=T1)),
        in_a_row(CREATED, reads("n2", c1=T1)),
    ),
    Story(
        Kind.INVENTED,
        "nobody wrote what is read",
        EVERYWHERE,
        reads("n2", c1=T3),
        reads("n2", c1=T1),
    ),
    Story(
        Kind.INVENTED,
        "a row that was never written is read",
        EVERYWHERE,
        reads_all("n2", c1=T1, c2=T2),
        reads_all("n2", c1=T1),
    ),
    Story(
        Kind.DUPLICATED,
        "a row is read twice",
        EVERYWHERE,
        (Read("n2", "cases"), shown(View(_view(C1).rows * 2))),
        reads_all("n2", c1=T1),
    ),
    Story(
        Kind.ORPHAN,
        "an event is read whose case can't be there",
        (*EVERYWHERE, EVENT, everywhere(c1=T1, e1=("c1", "b1")), DELETED, everywhere()),
        reads("n2", "events", e1=("c1", "b1")),
        reads("n2", "events"),
    ),
    Story(
        Kind.STALE_READ,
        "an event is not read though its case shows",
        (*EVERYWHERE, EVENT, everywhere(c1=T1, e1=("c1", "b1"))),
        reads("n2", "events"),
        in_a_row(DELETED, reads("n2", "events")),
    ),
    Story(
        Kind.CONTROL_PLANE,
        "a row is read that was not asked for",
        EVERYWHERE,
        (Read("n2", "cases", "c2"), shown(_view(C1))),
        (Read("n2", "cases", "c2"), shown(View())),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a read of a node that runs is refused",
        EVERYWHERE,
        (Read("n2", "cases"), refused("unreachable")),
        (Read("n2", "cases"), unknown("timeout")),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a read beside another node's crash is refused",
        EVERYWHERE,
        both((Read("n2", "cases"), refused("unreachable")), (Crash("n1"), OK)),
        both((Read("n1", "cases"), refused("unreachable")), (Crash("n1"), OK)),
    ),
    Story(
        Kind.MISSING,
        "what was read its node knows",
        (APART, in_a_row(HEALED, CREATED, reads("n2", c1=T1), APART)),
        sights(C1, NO_C1, NO_C1),
        sights(C1, C1, NO_C1),
    ),
    Story(
        Kind.LEAKED,
        "what was not read had not come before the cut",
        (in_a_row(CREATED, APART, reads("n2")),),
        sights(C1, C1, NO_C1),
        sights(C1, NO_C1, C1),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "what is read beside other answers is of some order of theirs",
        EVERYWHERE,
        both((count("n1", "c1", 1), LOST), N1_RETITLES, reads("n1", c1=("t1", 1))),
        both((count("n1", "c1", 1), LOST), N1_RETITLES, reads("n1", c1=("t2", 1))),
    ),
    # Of reads that promise less.
    Story(
        Kind.READ_YOUR_WRITES,
        "a session shows its own writes",
        EVERYWHERE,
        in_a_row(N2_RETITLES, reads("n2", c1=T1)),
        in_a_row(N1_RETITLES, reads("n2", c1=T1)),
        SESSION,
    ),
    Story(
        Kind.MONOTONIC_READS,
        "a session never goes back",
        (*EVERYWHERE, N1_RETITLES, everywhere(c1=T2)),
        in_a_row(reads("n2", c1=T2), reads("n2", c1=T1)),
        in_a_row(reads("n2", c1=T1), reads("n2", c1=T1)),
        SESSION,
    ),
    Story(
        Kind.INVENTED,
        "a read shows what somebody wrote",
        (*EVERYWHERE, N1_RETITLES, everywhere(c1=T2)),
        reads("n1", c1=T3),
        in_a_row(reads("n1", c1=T2), reads("n1", c1=T1), reads("n1")),
        ANY,
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_raised(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_near_miss(story: Story) -> None:
    check_near(story)


@pytest.mark.parametrize("one", [T1, T2])
def test_beside_a_write_either_is_read(one: tuple[str, int]) -> None:
    told((*EVERYWHERE, both(N1_RETITLES, reads("n1", c1=one)), everywhere(c1=T2)), Guarantees())


def test_after_a_log_was_lost_less_may_be_read() -> None:
    lost = in_a_row(APART, rolled_back("n2"), rolled_out("n2"), reads("n2"))
    told((*EVERYWHERE, reads("n2", c1=T1), lost), Guarantees())


def test_a_restart_ends_no_session() -> None:
    moments = (*EVERYWHERE, in_a_row(N2_RETITLES, (Restart("n2"), OK), reads("n2", c1=T1)))
    with pytest.raises(DivergenceFound, match="read your writes"):
        told(moments, Guarantees())


def test_an_older_version_shows_its_own_columns() -> None:
    old, new = fully_connected(SUPERTEST, 2), fully_connected(SUPERTEST, 2, 3)
    wide = shown(view({"c1": ("t1", 0)}) or View())
    created = (create("n1", "c1", "t1"), row("t1"))
    told((created, (Read("n1", "cases", "c1"), wide)), Guarantees(), old)
    severe = accepted({"title": "t1", "counter": 0, "severity": "normal"})
    with pytest.raises(DivergenceFound, match="the columns title, counter, severity"):
        told(((created[0], severe), (Read("n1", "cases", "c1"), wide)), Guarantees(), new)


def test_the_answers_are_said_where_they_are_wrong() -> None:
    with pytest.raises(DivergenceFound) as found:
        told((*EVERYWHERE, in_a_row(N2_RETITLES, reads("n2", c1=T1))), Guarantees())
    (divergence,) = found.value.divergences
    assert divergence.answers == ("n2 reads cases/c1: cases/c1 (title t1, counter 0)",)
    assert divergence.row == Row("cases", "c1")


def test_what_no_read_promises() -> None:
    with pytest.raises(UsageError, match="fresh, session, any"):
        Guarantees(reads="newest")
