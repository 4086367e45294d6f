"""Every planted bug by its reproduction in the corpus, on the simulated cluster, and as a decision.

That each corpus file passes without its bug on many seeds is `tests/unit/test_corpus_files`'.
"""

from collections.abc import Callable
from itertools import product

import pytest
from msgspec.structs import replace
from saved_runs import saved
from supertest import fully_connected

from syncmodel.corpus import Reproduction
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.script import length
from syncmodel.nostr.events import Event
from syncmodel.reference.node import bugs
from syncmodel.reference.node.bugs.base import FAMILIES
from syncmodel.reference.node.entries import (
    CASES,
    EVENTS,
    CaseRow,
    EventRow,
    Stored,
    Tombstone,
    Value,
)
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.ports import Cursor, Put
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces
from syncmodel.reference.simulated import SimulatedCluster

FILES = {found.bug: found for _, found in saved() if found.bug}

each_bug = pytest.mark.parametrize("bug", bugs.all_bugs(), ids=lambda bug: bug.name)


def test_there_are_bugs_of_every_family() -> None:
    assert {bug.family for bug in bugs.all_bugs()} == set(FAMILIES)


def _verdict(reproduction: Reproduction, names: list[str]) -> tuple[Verdict, list[tuple[str, str]]]:
    target = SimulatedCluster(len(reproduction.nodes), names, seed=reproduction.network)
    result = Straight().run(run(target, reproduction.net, reproduction.steps))
    return result.verdict, sorted(result.keys)


@each_bug
def test_a_short_sequence_diverges_with_the_bug_and_passes_without(bug: bugs.Bug) -> None:
    reproduction = FILES[bug.name]
    assert 1 <= length(reproduction.steps) <= 8
    assert _verdict(reproduction, [])[0] is Verdict.PASS
    verdict, keys = _verdict(reproduction, [bug.name])
    assert verdict is Verdict.DIVERGED
    assert reproduction.expected.divergence in keys


@each_bug
def test_creating_a_case_and_an_event_does_not_show_it(bug: bugs.Bug) -> None:
    steps = FILES["case-takes-its-events"].steps[:2]
    for count in (1, 2, 3):
        target = SimulatedCluster(count, [bug.name])
        net = fully_connected(count)
        assert Straight().run(run(target, net, steps)).verdict is Verdict.PASS


# --- the decisions themselves --------------------------------------------------------------------

CASE_KEY, EVENT_KEY = (CASES, "r/c1"), (EVENTS, "r/e1")
EVENT_ROW = EventRow("r/e1", "r", "r/c1", "b")
TABLE = {EVENT_KEY: (EVENT_ROW,)}


def _case(title: str, counter: int) -> CaseRow:
    return CaseRow("r/c1", "r", title, counter)


def _stored(value: Value, created_at: int, position: int) -> Stored:
    content = "deleted" if isinstance(value, Tombstone) else repr(value)
    event = Event(f"{position}", "author", created_at, CASES, (), content)
    return Stored(event, position, value)


DELETED = _stored(Tombstone("r/c1", "r"), 13, 4)
LOG = [_stored(_case("a", 5), 10, 1), _stored(_case("b", 2), 10, 2), _stored(_case("c", 1), 12, 3)]
LONG = [_stored(_case("a", 0), 10, place) for place in range(1, 146)]
CURSOR = Cursor("n2", "log", 3)

#: For each bug of the core: what it decides, and what is right there.
DECISIONS: dict[str, tuple[Callable[[Pieces], object], object, object]] = {
    "acknowledged-before-stored": (lambda p: p.commit([CURSOR]), ((), (CURSOR,)), ((CURSOR,), ())),
    "backlog-cut-short": (lambda p: p.backlog(LOG, 0), LOG[1:], LOG),
    "backlog-since-stamp": (lambda p: p.backlog(LOG, 1), LOG[2:], LOG[1:]),
    "case-takes-its-events": (lambda p: tuple(p.falls(CASE_KEY, (), TABLE)), (EVENT_KEY,), ()),
    "delete-before-row-skipped": (lambda p: p.keeps_tombstone(False), False, True),
    "equal-content-is-duplicate": (
        lambda p: p.is_same(DELETED.event, replace(DELETED.event, id="another")),
        True,
        False,
    ),
    "heard-only-both-ways": (lambda p: p.hears(lambda: False), False, True),
    "hidden-delete-forgotten": (lambda p: p.keeps_deletion(True), False, True),
    "mixed-row": (lambda p: p.row(LOG[2], LOG), _case("c", 5), _case("c", 1)),
    "not-passed-on": (lambda p: p.admits("n1", "n2", "n3"), False, True),
    "one-cursor-for-all-peers": (lambda p: p.asks_after(3, [3, 7]), 7, 3),
    "own-rows-refused": (lambda p: p.admits("n1", "n2", "n1"), False, True),
    "own-stamps-only": (lambda p: p.stamp(10, 12, 8, False), 10, 13),
    "restart-from-now": (lambda p: p.restarts_from(CURSOR).applied > 1_000, True, False),
    "own-write-unread": (lambda p: p.read((), LOG[:1], "n1", None), (_case("a", 5),), ()),
    "reads-own-copy": (lambda p: p.read((), LOG[:1], "author", None), (_case("a", 5),), ()),
    "second-read-older": (
        lambda p: p.read((_case("c", 1),), LOG[1:], "", 5),
        (_case("b", 2),),
        (_case("c", 1),),
    ),
    "write-before-read": (lambda p: p.stamped(100, 90), 30, 100),
    "resync-from-now": (lambda p: p.resyncs_from(3) > 1_000, True, False),
    "stamp-ahead-refused": (lambda p: p.latest_stamp(10), 11, 910),
    "tombstones-dropped-on-restart": (
        lambda p: list(p.taken_up([*LOG, DELETED])),
        LOG,
        [*LOG, DELETED],
    ),
    "waiting-events-lost-on-restart": (lambda p: p.waits_on(False), False, True),
    "write-on-own-copy": (lambda p: p.base(LOG[2], LOG[0]), LOG[0], LOG[2]),
    "answer-from-own-copy": (
        lambda p: p.told(_case("new", 0), _case("old", 3), True),
        _case("old", 0),
        _case("new", 0),
    ),
    "backlog-ends-at-100": (lambda p: len(p.backlog(LONG, 0)), 100, 145),
    "cursor-before-tombstones": (
        lambda p: p.commit([Put(DELETED), CURSOR]),
        ((CURSOR,), (Put(DELETED),)),
        ((Put(DELETED), CURSOR), ()),
    ),
    "delete-not-later": (lambda p: p.stamp(10, 12, 8, True), 10, 13),
    "dialler-gives-up": (lambda p: p.dials_again(False), False, True),
    "forwards-only-when-whole": (lambda p: p.forwards(False, lambda: False), False, True),
    "ids-without-case": (
        lambda p: p.same_row((CASES, "r/C1"), {CASE_KEY: ()}),
        CASE_KEY,
        (CASES, "r/C1"),
    ),
    "last-page-lost": (lambda p: len(p.backlog(LONG, 0)), 140, 145),
    "no-wake-up-for-losers": (lambda p: p.wakes(False), False, True),
    "own-writes-tie": (lambda p: p.stamp(10, 10, 10, False), 10, 11),
    "store-error-swallowed": (lambda p: p.store_takes(_case("a\0", 0)), False, True),
    "text-cut-at-emoji": (
        lambda p: p.row(_stored(_case("a\U0001f600b", 0), 10, 1), ()),
        _case("a", 0),
        _case("a\U0001f600b", 0),
    ),
    "unknown-column-dropped": (
        lambda p: p.carried({"title": "a", "severity": "b"}, 1),
        {"title": "a"},
        {"title": "a", "severity": "b"},
    ),
    "write-on-what-arrived": (lambda p: p.reads("now", "arrived"), "arrived", "now"),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_the_decision_is_wrong_with_the_bug_and_right_without(name: str) -> None:
    decide, wrong, right = DECISIONS[name]
    assert decide(bugs.pieces([name])) == wrong
    assert decide(Pieces()) == right


def test_mistakes_leave_alone_what_they_are_not_about() -> None:
    falls = bugs.pieces(["case-takes-its-events"]).falls
    assert tuple(falls(CASE_KEY, (_case("a", 0),), TABLE)) == ()
    assert tuple(falls(EVENT_KEY, (), TABLE)) == ()
    mixed = bugs.pieces(["mixed-row"])
    assert mixed.row(DELETED, [*LOG, DELETED]) is None
    on_own_copy = bugs.pieces(["write-on-own-copy"])
    assert on_own_copy.base(LOG[0], DELETED) == LOG[0]
    assert on_own_copy.base(LOG[0], None) == LOG[0]


@pytest.mark.parametrize("bug", [bug.name for bug in bugs.all_bugs()])
def test_no_mistake_leads_to_a_generation_that_there_is_not(bug: str) -> None:
    pieces, all_there = bugs.supervisor_pieces([bug]), {1, 2, 3}
    for one, other in product(all_there, repeat=2):
        led = {pieces.leads_to(kind, one, other) for kind in ("rollout", "rollback")}
        led |= {pieces.boots(one, last) for last in (None, other)}
        led |= {pieces.machine_boots(one, other), pieces.application_of(one, other)}
        led |= {pieces.afterwards(kind, one, other) or one for kind in ("rollout", "rollback")}
        assert led <= all_there


def test_the_decisions_of_a_supervisor() -> None:
    assert bugs.supervisor_pieces(["rollback-one-step"]).leads_to("rollback", 1, 1) == 1
    right = SupervisorPieces()
    assert right.leads_to("rollback", 1, 3) == right.leads_to("rollout", 1, 3) == 1
    one_step = bugs.supervisor_pieces(["rollback-one-step"])
    assert (one_step.leads_to("rollback", 1, 3), one_step.leads_to("rollout", 3, 1)) == (2, 3)
    assert (right.log_after("old", "new"), right.log_after(None, "new")) == ("new", "new")
    same_name = bugs.supervisor_pieces(["log-keeps-its-name"])
    assert (same_name.log_after("old", "new"), same_name.log_after(None, "new")) == ("old", "new")
    assert right.forgets_cursors()
    assert not bugs.supervisor_pieces(["rollout-keeps-cursors"]).forgets_cursors()
    kept = bugs.supervisor_pieces(["rollback-keeps-log"]).migrations
    assert [one.kinds for one in kept] == [()] * 5
    further_back = bugs.supervisor_pieces(["boots-one-further-back"])
    assert [further_back.boots(2, last) for last in (None, 2, 3)] == [2, 2, 1]
    assert [right.boots(2, last) for last in (None, 2, 3)] == [2, 2, 2]
    renaming = bugs.supervisor_pieces(["rollback-keeps-old-table"]).migrations
    assert [one.leaves for one in renaming] == [(), ("supertest_events_old",), (), (), ()]
    emptying = bugs.supervisor_pieces(["downgrade-empties-cases"]).migrations
    assert emptying[:2] == right.migrations[:2]
    assert emptying[2].kinds == (CASES,)
