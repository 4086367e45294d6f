"""Disks that are copied and put back: what may be done, and what may be true of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from stories import (
    CREATED,
    OK,
    T1,
    T2,
    Moment,
    Sight,
    create,
    everywhere,
    retitle,
    row,
    sights,
    told,
    view,
)

from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, compound, shown, unknown
from syncmodel.model.plan import Plan
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.steps import (
    Backup,
    Concurrently,
    Delete,
    Heal,
    Partition,
    Pause,
    Read,
    Restart,
    Restore,
    Rollback,
    Step,
)
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

FRESH = Plan(fully_connected(SUPERTEST, 3))
ALL = ("n1", "n2", "n3")
COPY, PLAIN, PROPER = Backup(("n1",)), Restore(("n1",), True), Restore(("n1",), False)
COPIED = COPY.advance(create("n1", "c1", "t1").advance(FRESH))

# --- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [PLAIN, PROPER, Concurrently((PLAIN, Restart("n2"))), Restore(("n1",), True)]
)
def test_what_was_copied_may_be_put_back(step: Step) -> None:
    assert step.enabled(COPIED)
    assert not step.enabled(FRESH)


@pytest.mark.parametrize(
    "step",
    [
        Restore((), True),
        Restore(("n1", "n1"), True),
        Restore(("n1", "n2"), True),
        Backup(()),
        Backup(("n9",)),
        Concurrently((PLAIN, create("n1", "c2", "t2"))),
        Concurrently((PLAIN, Read("n1", "cases", "c1"))),
        Concurrently((COPY, Restart("n1"))),
    ],
)
def test_what_may_not_be_done(step: Step) -> None:
    assert not step.enabled(COPIED)


def test_a_node_that_stands_still_can_be_put_back_and_not_copied() -> None:
    still = Pause("n1").advance(COPIED)
    assert not COPY.enabled(still)
    assert PLAIN.advance(still).net == COPIED.net


def test_no_quorum_is_made_to_forget() -> None:
    net = replace(fully_connected(SUPERTEST, 3), quorum=True)
    assert not PLAIN.enabled(COPY.advance(Plan(net)))


def test_a_restore_leads_to_the_generation_of_the_backup() -> None:
    gone = Rollback(("n1",), 1).advance(COPIED)
    assert not gone.may_show("n1")
    back = PLAIN.advance(gone)
    assert back.net == COPIED.net
    assert back.may_show("n1") == {Row("cases", "c1")}


def test_each_node_and_all_of_them_may_be_chosen() -> None:
    scope = Scope.of(SUPERTEST, {"backup", "restore"})
    assert [one.on for one in Backup.choices(FRESH, scope)] == [("n1",), ("n2",), ("n3",), ALL]
    assert [*Restore.choices(FRESH, scope)] == []
    assert [*Restore.choices(COPIED, scope)] == [PROPER, PLAIN]
    everyone = Backup(ALL).advance(COPIED)
    assert Restore(ALL, True) in [*Restore.choices(everyone, scope)]


# --- what may be true ----------------------------------------------------------------------------


def holds(*moments: Moment) -> None:
    """No alarm."""
    told(moments, Guarantees())


def raises(kind: Kind, *moments: Moment) -> None:
    """The last moment alarms with this name, and none before it does."""
    holds(*moments[:-1])
    with pytest.raises(DivergenceFound) as found:
        holds(*moments)
    assert {one.kind for one in found.value.divergences} == {kind}


ALONE = (Partition((("n1",), ("n2", "n3"))), OK)
HEAL, BACK = (Heal(), OK), (PLAIN, OK)
RETITLED = (retitle("n1", "c1", "t2"), row("t2"))
BOTH: tuple[Moment, ...] = (CREATED, everywhere(c1=T1), (COPY, OK))


def here(n1: dict[str, tuple[str, int]], others: dict[str, tuple[str, int]]) -> Sight:
    """What n1 shows, and the two others."""
    return sights(n1, others, others)


def test_it_knows_what_it_knew_at_the_backup() -> None:
    before = (*BOTH, RETITLED, everywhere(c1=T2), ALONE, BACK)
    holds(*before, here({"c1": T1}, {"c1": T2}))
    raises(Kind.LEAKED, *before, here({"c1": T2}, {"c1": T2}))
    raises(Kind.MISSING, *before, here({}, {"c1": T2}))


def test_what_only_it_knew_is_lost() -> None:
    before = (*BOTH, ALONE, RETITLED, here({"c1": T2}, {"c1": T1}), BACK)
    holds(*before, everywhere(c1=T1), HEAL, everywhere(c1=T1))
    raises(Kind.LEAKED, *before, here({"c1": T2}, {"c1": T1}))


def test_what_others_know_comes_back() -> None:
    before = (*BOTH, RETITLED, everywhere(c1=T2), BACK)
    holds(*before, everywhere(c1=T2))
    raises(Kind.STALE, *before, here({"c1": T1}, {"c1": T2}))


def test_what_it_writes_then_reaches_everybody() -> None:
    other = (create("n1", "c2", "t3"), row("t3"))
    before = (*BOTH, RETITLED, everywhere(c1=T2), BACK, other)
    holds(*before, everywhere(c1=T2, c2=("t3", 0)))
    raises(Kind.MISSING, *before, here({"c1": T2, "c2": ("t3", 0)}, {"c1": T2}))


def test_a_deleted_row_is_back_where_nobody_knows_of_the_delete() -> None:
    deleted = (*BOTH, (Delete("n1", "cases", "c1"), OK), everywhere())
    raises(Kind.RESURRECTED, *deleted, BACK, everywhere(c1=T1))
    holds(*deleted, ALONE, BACK, here({"c1": T1}, {}), HEAL, everywhere())
    copied = (CREATED, everywhere(c1=T1), (Backup(ALL), OK))
    gone = (*copied, (Delete("n1", "cases", "c1"), OK), everywhere())
    holds(*gone, (Restore(ALL, False), OK), everywhere(c1=T1))
    raises(Kind.MISSING, *gone, (Restore(ALL, False), OK), everywhere())


def test_a_row_that_was_dropped_everywhere_is_there_again() -> None:
    dropped = (*BOTH, (Rollback(ALL, 1), OK), Sight({"n1": None}))
    holds(*dropped, BACK, sights({"c1": T1}, None, None))
    raises(Kind.MISSING, *dropped, BACK, sights({}, None, None))


def test_a_write_beside_the_backup_may_be_in_it() -> None:
    step = Concurrently((create("n1", "c1", "t1"), COPY))
    assert step.enabled(FRESH)
    copied = (ALONE, (step, compound((row("t1"), OK))), here({"c1": T1}, {}))
    holds(*copied, BACK, here({"c1": T1}, {}))
    holds(*copied, BACK, here({}, {}))


def test_a_late_request_does_not_outlive_it() -> None:
    asked = (retitle("n1", "c1", "t2"), unknown("timeout"))
    before = (*BOTH, asked, everywhere(c1=T1), BACK, everywhere(c1=T1))
    raises(Kind.LEAKED, *before, everywhere(c1=T2))


def test_reads_begin_anew_with_it() -> None:
    read = Read("n1", "cases", "c1")
    seen = (*BOTH, RETITLED, (read, _shown(T2)), everywhere(c1=T2), ALONE, BACK)
    holds(*seen, (read, _shown(T1)))
    raises(Kind.READ_YOUR_WRITES, *seen, (read, shown(View(()))))


def _shown(cells: tuple[str, int]) -> Outcome:
    found = view({"c1": cells})
    assert found is not None
    return shown(found)


def test_copies_are_of_moments() -> None:
    """The last copy counts, and may be put back twice."""
    later = (*BOTH, RETITLED, everywhere(c1=T2), (COPY, OK), ALONE)
    third = (retitle("n1", "c1", "t3"), row("t3"))
    holds(*later, BACK, here({"c1": T2}, {"c1": T2}), third, BACK, here({"c1": T2}, {"c1": T2}))
    raises(Kind.STALE, *later, BACK, here({"c1": T1}, {"c1": T2}))


def test_words() -> None:
    assert str(Backup(ALL)) == "n1 and n2 and n3: the disk is copied"
    assert str(PLAIN) == "n1: the disk is put back, file by file, as it was copied"
    assert str(PROPER) == "n1: the disk is restored, as it was copied"
