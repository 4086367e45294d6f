"""Planted bugs on cores joined by hand: at rest by the contract and wrong to look at; without
the bug the same is right. Every bug, by its sequence of steps, is in `test_bugs_sequences`.
"""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from syncmodel.errors import UsageError
from syncmodel.reference.node import bugs
from syncmodel.reference.node.bugs.base import FAMILIES
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.node.joined import NOW_S, Net, joined
from syncmodel.reference.node.migrations import Plan
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.ports import Resync
from syncmodel.reference.node.state import read
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

Scenario = Callable[[Pieces], bool]


def _rest(net: Net) -> None:
    net.settle()
    assert net.at_rest()


def _tombstone_stays(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    net.case("n1")
    _rest(net)
    net.down("n1", "n2")
    net.write("n1", "DELETE", "cases/r/c1")
    net.disks["n2"] = replace(net.disks["n2"], cursors=Disk("").cursors)
    net.crash("n2")
    net.up("n1", "n2")
    _rest(net)
    return net.shows("n2") == ([], [])


def _events_show_once(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    net.case("n1")
    net.event("n1")
    _rest(net)
    assert net.shows("n2") == (["t"], ["r/e1"])
    net.feed("n2", Resync(full=True))
    _rest(net)
    return net.shows("n2") == (["t"], ["r/e1"])


def _concurrent_writes_agree(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    net.case("n1", title="one")
    net.case("n2", title="two")
    _rest(net)
    return net.shows("n1") == net.shows("n2")


def _event_waits(pieces: Pieces) -> bool:
    net = Net(["n1", "n2"], pieces)
    net.case("n1")
    net.event("n1")
    net.write("n1", "PATCH", "cases/r/c1", title="behind the event")
    net.up("n1", "n2")
    _rest(net)
    return net.shows("n2") == (["behind the event"], ["r/e1"])


def _crash_loses_nothing(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    net.case("n1")
    _rest(net)
    assert net.shows("n2") == (["t"], [])
    net.crash("n2")
    _rest(net)
    return net.shows("n2") == (["t"], [])


def _updates_show(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    net.case("n1")
    net.clock_s["n2"] = NOW_S - 60
    _rest(net)
    assert net.write("n2", "PATCH", "cases/r/c1", title="new").status == 200
    _rest(net)
    return net.shows("n1") == net.shows("n2") == (["new"], [])


def _cuts_hold(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    net.cut.add(("n1", "n2"))
    net.down("n1", "n2")
    net.case("n1")
    net.feed("n2", Resync(full=False))
    _rest(net)
    return net.shows("n2") == ([], [])


def _new_log_is_read(pieces: Pieces) -> bool:
    net = joined("n1", "n2", pieces=pieces)
    for case in ("c1", "c2", "c3"):
        net.case("n1", case)
    _rest(net)
    net.disks["n1"] = Disk("a-new-log", net.disks["n1"].trusted)
    net.down("n2", "n1")
    net.down("n1", "n2")
    net.boot("n1")
    net.case("n1", "c4", title="new")
    net.up("n1", "n2")
    _rest(net)
    return "new" in net.shows("n2")[0]


SCENARIOS: dict[str, Scenario] = {
    "tombstone-lost-on-resync": _tombstone_stays,
    "resync-duplicates-events": _events_show_once,
    "tie-by-arrival": _concurrent_writes_agree,
    "event-before-case-dropped": _event_waits,
    "cursor-before-rows": _crash_loses_nothing,
    "update-not-later": _updates_show,
    "resync-round-the-cut": _cuts_hold,
    "checkpoint-kept": _new_log_is_read,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_bug_shows_at_rest_and_only_with_the_bug(name: str) -> None:
    assert SCENARIOS[name](Pieces())
    assert not SCENARIOS[name](bugs.pieces([name]))


def test_hardly_a_bug_takes_more_than_one_decision() -> None:
    several = {bug.name for bug in bugs.all_bugs() if bug.decisions > 1}
    assert {bugs.get(name).family for name in several} == {"restores", "rollback"}
    assert len(several) == 4


@pytest.mark.parametrize("bug", bugs.all_bugs(), ids=lambda bug: bug.name)
def test_a_bug_replaces_as_many_decisions_as_it_says_and_says_what_it_stands_for(
    bug: bugs.Bug,
) -> None:
    changed = _changed(Pieces(), bug.pieces(Pieces()))
    changed += _changed(SupervisorPieces(), bug.supervisor(SupervisorPieces()))
    assert len(changed) == bug.decisions
    assert len(bug.title) > 20
    assert len(bug.stands_for) > 20
    assert bug.family in FAMILIES


def _changed(one: Any, other: Any) -> list[str]:
    fields = attrs.fields_dict(type(one))
    return [name for name in fields if getattr(one, name) != getattr(other, name)]


def test_the_bugs_of_a_rollback_replace_the_supervisors_decisions() -> None:
    plan: Plan = (("down", "supertest-1-cases"),)
    leaves = bugs.supervisor_pieces(["rollback-leaves-table"])
    replays = bugs.supervisor_pieces(["rollback-replays-plan"])
    assert leaves.rollback_migrations(plan) == ()
    assert replays.after_rollback(1, 2) == 2
    assert SupervisorPieces().after_rollback(1, 2) is None


def test_an_unknown_bug_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no bug 'tyop'; there are: .*tie-by-arrival"):
        bugs.get("tyop")


def test_a_duplicated_row_shows_twice() -> None:
    net = joined("n1", "n2", pieces=bugs.pieces(["resync-duplicates-events"]))
    net.case("n1")
    net.event("n1")
    net.settle()
    net.feed("n2", Resync(full=True))
    net.settle()
    seen: Any = read(net.states["n2"], "r")
    assert [one["id"] for one in seen["events"]] == ["r/e1", "r/e1"]
