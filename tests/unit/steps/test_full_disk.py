"""A disk that is full for a while: nothing that was accepted is lost, and the node goes on."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any, cast

import pytest
from supertest import create_case, fully_connected

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import UsageError
from syncmodel.faults import small_disk
from syncmodel.faults.small_disk import SmallDisk
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.reference.filled import LENGTHS, Asked, Meanwhile
from syncmodel.reference.kinds import EMBEDDED, NAMESPACES, SIMULATED
from syncmodel.reference.node import full_disk
from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.page.moments import seen
from syncmodel.report.page.versions import Versions
from syncmodel.report.page.why import why
from syncmodel.steps import (
    Burst,
    Concurrently,
    Crash,
    Cut,
    Distrust,
    FullDisk,
    Pause,
    Rollback,
    Step,
)
from syncmodel.steps.disks import FillsDisks
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import Answer, Indefinite

PLAN = Plan(fully_connected(3))
FULL = FullDisk("n1", killed=False)


# --- the step ----------------------------------------------------------------------------------


class Filled(SimulatedCluster, FillsDisks):
    """Nodes in memory, and what their disks were told."""

    def __init__(self, outcome: Outcome = accepted()) -> None:  # noqa: B008 (a value)
        super().__init__(3)
        self.told: list[tuple[str, bool]] = []
        self._outcome = outcome

    async def fill_disk(self, node: str, *, killed: bool) -> Outcome:
        self.told.append((node, killed))
        return self._outcome


def test_it_is_a_node_that_runs_with_the_plugin() -> None:
    assert FULL.enabled(PLAN)
    assert FULL.advance(PLAN) == PLAN
    for step in (Crash("n1"), Pause("n1"), Rollback(("n1",), 1)):
        assert not FULL.enabled(step.advance(PLAN))
    assert not FullDisk("n9", killed=False).enabled(PLAN)
    drawn = list(FullDisk.choices(PLAN, None))  # type: ignore[arg-type]
    assert len(drawn) == 6
    assert all(step.enabled(PLAN) for step in drawn)


def test_nothing_is_asked_of_anybody_beside_it() -> None:
    assert Burst((create_case("n2", "c1", "t1"), FULL)).enabled(PLAN)
    assert not Concurrently((create_case("n1", "c1", "t1"), FULL)).enabled(PLAN)


def test_it_is_drawn_only_where_machines_have_disks_of_their_own() -> None:
    assert NAMESPACES.takes(FullDisk)
    assert not EMBEDDED.takes(FullDisk)
    assert not SIMULATED.takes(FullDisk)
    with pytest.raises(UsageError, match="lacks the ability FillsDisks"):
        asyncio.run(run(SimulatedCluster(3), PLAN.net, (FULL,)))


STEPS: tuple[Step, ...] = (create_case("n1", "c1", "t1"), FULL, FullDisk("n2", killed=True))


def test_a_run_with_it_passes_and_is_counted() -> None:
    target, tally = Filled(), Tally()
    result = asyncio.run(run(target, PLAN.net, STEPS, observe=tally))
    assert result.verdict is Verdict.PASS
    assert target.told == [("n1", False), ("n2", True)]
    assert tally.seen[Sometimes.FULL] == 2
    assert Sometimes.FULL not in Tally().never(SIMULATED.ops)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [(refused("lost a row"), Verdict.DIVERGED), (unknown("nobody knows"), Verdict.INVALID)],
)
def test_what_a_node_does_wrong_diverges_and_what_nobody_knows_is_invalid(
    outcome: Outcome, verdict: Verdict
) -> None:
    assert asyncio.run(run(Filled(outcome), PLAN.net, STEPS)).verdict is verdict


def test_the_page_says_the_rule_once() -> None:
    result = asyncio.run(run(Filled(refused("lost a row")), PLAN.net, STEPS))
    page = seen(result, Filled().guarantees)
    assert page is not None
    assert why(page, Versions(page)).headline == (
        "In step 2, n1 gave an answer that can't be: lost a row, which breaks the rule that a full "
        "disk loses nothing that was accepted, and the node goes on."
    )


def test_its_words_say_what_happens() -> None:
    assert str(FULL) == "n1: the disk is full for a while"
    assert str(FullDisk("n1", killed=True)).endswith("for a while, and it is killed then")


# --- what a node is asked ----------------------------------------------------------------------


class Node:
    """A node that gives these answers to writes, one each; it has the rows of those that `keep`."""

    def __init__(self, answers: list[tuple[int, str] | None], keep: set[int]) -> None:
        self._answers, self._keep = answers, keep
        self._names: list[str] = []

    async def ask(self, ask: Any) -> Answer:
        answer: Answer = await ask(self)
        return answer

    async def plugin(self, method: str, path: str, body: Any = None, **_: Any) -> Answer:
        if method == "GET":
            rows = [{"id": self._names[number]} for number in self._keep]
            return Answer(200, {"ok": True, "result": {"cases": rows}})
        self._names.append(body["id"])
        given = self._answers[len(self._names) - 1]
        if given is None:
            raise Indefinite("no answer")
        status, code = given
        if status < 300:
            return Answer(status, {"ok": True, "result": {}})
        return Answer(status, {"ok": False, "error": {"code": code}})


@pytest.mark.parametrize(
    ("answers", "keep", "said"),
    [
        ([(503, "not_ready"), (507, "full")], set(), None),
        # Of any other 5xx, and of no answer, nothing is known.
        ([(507, "full"), None], {0, 1}, None),
        ([(201, ""), (201, "")], {0, 1}, None),
        ([(201, ""), (503, "not_ready")], set(), "accepted a row where its disk was full"),
        ([(503, "not_ready"), (201, "")], {0, 1}, "refused a row as its disk was full, and has it"),
        ([(409, "exists"), (201, "")], {1}, "answered HTTP 409 exists where its disk was full"),
        ([(500, "oops"), (201, "")], {1}, "answered HTTP 500 oops where its disk was full"),
    ],
)
def test_what_it_said_is_held_against_what_it_has(
    answers: list[tuple[int, str] | None], keep: set[int], said: str | None
) -> None:
    assert len(LENGTHS) == len(answers)

    async def main() -> Outcome:
        asked = Asked(cast("LiveNode", Node(answers, keep)))
        await asked.ask()
        return await asked.judged()

    outcome = asyncio.run(main())
    assert outcome.ok is (said is None)
    assert said is None or str(outcome.code).startswith(said)


class Peer:
    """A node that shows these rows of any run."""

    def __init__(self, rows: set[str]) -> None:
        self._rows = rows

    async def ask(self, ask: Any) -> Answer:
        answer: Answer = await ask(self)
        return answer

    async def plugin(self, *_: Any, **__: Any) -> Answer:
        return Answer(200, {"ok": True, "result": {"cases": [{"id": one} for one in self._rows]}})


def lacking(net: Net, **rows: set[str]) -> dict[str, str]:
    """What is wrong at rest where n2 was asked while the disk of n1 was full."""
    live = {name: cast("LiveNode", Peer(shown)) for name, shown in rows.items()}
    meanwhile = Meanwhile("n1", {"n2": Asked(live["n2"])})
    return asyncio.run(meanwhile.lacking(live, net))


HAS, LACKS = {"c1"}, set[str]()
LACKED = "lacks a row that n2 accepted as n1's disk was full"


def test_what_peers_accepted_meanwhile_is_there_at_the_next_rest() -> None:
    net = fully_connected(3)
    assert lacking(net, n1=LACKS, n2=HAS, n3=HAS) == {"n1": LACKED}
    assert not lacking(net, n1=HAS, n2=HAS, n3=HAS)
    # A log that was dropped, or a disk that was put back, took it along.
    assert not lacking(net, n1=LACKS, n2=LACKS, n3=LACKS)


@pytest.mark.parametrize(
    "step",
    [Cut("n2", "n1"), Pause("n1"), Crash("n1"), Crash("n2"), Rollback(("n1",), 1)],
    ids=str,
)
def test_who_does_not_hear_the_peer_need_not_have_it(step: Step) -> None:
    net = step.advance(PLAN).net
    assert not lacking(net, n1=LACKS, n2=HAS, n3=HAS)


def test_who_hears_the_peer_must_have_it_though_the_other_way_is_cut() -> None:
    assert lacking(Cut("n1", "n2").advance(PLAN).net, n1=LACKS, n2=HAS, n3=HAS) == {"n1": LACKED}


def test_an_author_that_is_not_trusted_shows_nowhere() -> None:
    net = Distrust("n1", "n2").advance(PLAN).net
    assert not lacking(net, n1=LACKS, n2=HAS, n3=HAS)


# --- the disk ----------------------------------------------------------------------------------


def test_no_disk_is_filled_that_is_not_a_small_one_of_its_own(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.database.parent.mkdir(parents=True)
    with pytest.raises(RefusedError, match="is no small disk of its own"):
        full_disk.FullDisk(layout).fill()
    assert not list(layout.database.parent.iterdir())


def test_a_disk_is_filled_to_the_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path)
    layout.database.parent.mkdir(parents=True)
    disk, left = full_disk.FullDisk(layout), [200_001]

    def write(_file: int, content: bytes) -> int:
        if len(content) > left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= len(content)
        return len(content)

    monkeypatch.setattr(SmallDisk, "is_one", True)
    monkeypatch.setattr(small_disk, "_CHUNK", 1 << 16)
    monkeypatch.setattr(f"{small_disk.__name__}.os.write", write)
    assert disk.room()
    disk.fill()
    assert (left, disk.room()) == ([0], False)
    disk.free()
    assert not list(layout.database.parent.iterdir())
