"""What an uninstall that nobody confirmed says would be lost: what it may say, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from syncmodel.engine.history import Entry, Performed, Verdict
from syncmodel.engine.run import run
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Burst,
    Crash,
    Create,
    Cut,
    Delete,
    Disable,
    Hang,
    Leave,
    Partition,
    Pause,
    Restart,
    Rollback,
    Rollout,
    Set,
    Step,
    Uninstall,
)
from syncmodel.targets.losing import to_losses
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
ASK = Uninstall("n1", False)
CASE, OTHER = (Create("n1", "cases", f"c{n}", (("title", f"t{n}"),)) for n in (1, 2))
EVENT = Create("n1", "events", "e1", (("case", "c1"), ("body", "b1")))
THEIRS = Create("n2", "cases", "c3", (("title", "t3"),))
CHANGED = Set("n1", "cases", "c1", "title", "t4")
APART = Partition((("n1",), ("n2",)))

#: What n1 says after these steps: how many rows, which of them are here alone, who was not asked.
SAID: dict[str, tuple[Sequence[Step], dict[str, int], dict[str, list[str]], list[str]]] = {
    "nothing is there": ([], {}, {}, []),
    "all is elsewhere": ([CASE, OTHER], {"cases": 2}, {}, []),
    "all that came": ([CASE, THEIRS], {"cases": 2}, {}, []),
    "what is deleted is not lost": ([CASE, Delete("n1", "cases", "c1")], {}, {}, []),
    "behind a cut": ([CASE, APART, OTHER], {"cases": 2}, {"cases": ["c1", "c2"]}, ["n2"]),
    "what did not get out": ([CASE, Cut("n1", "n2"), OTHER], {"cases": 2}, {"cases": ["c2"]}, []),
    "who can't be asked": ([CASE, Cut("n2", "n1")], {"cases": 1}, {"cases": ["c1"]}, ["n2"]),
    "who hangs": ([CASE, Hang("n2", "n1")], {"cases": 1}, {"cases": ["c1"]}, ["n2"]),
    "who is down": ([CASE, Crash("n2")], {"cases": 1}, {"cases": ["c1"]}, ["n2"]),
    "who stands still": ([CASE, Pause("n2")], {"cases": 1}, {"cases": ["c1"]}, ["n2"]),
    "who left": ([CASE, Leave("n2")], {"cases": 1}, {"cases": ["c1"]}, ["n2"]),
    "a later version": ([CASE, Cut("n1", "n2"), CHANGED], {"cases": 1}, {"cases": ["c1"]}, []),
    "who has no plugin": ([CASE, Rollback(("n2",), 1)], {"cases": 1}, {"cases": ["c1"]}, []),
    "an event that is hidden": (
        [CASE, EVENT, Delete("n1", "cases", "c1"), Restart("n1")],
        {"events": 1},
        {},
        [],
    ),
}


def ended(steps: Sequence[Step], target: SimulatedCluster) -> tuple[Verdict, set[Kind], Any]:
    """The verdict, what diverged, and what was said last."""
    said: list[Mapping[str, Any] | None] = []

    def note(entry: Entry) -> None:
        if isinstance(entry, Performed):
            said.append(entry.outcome.row)

    result = asyncio.run(run(target, NET, list(steps), observe=note))
    return result.verdict, {one.kind for one in result.divergences}, said[-1]


@pytest.mark.parametrize(("before", "counts", "only", "silent"), SAID.values(), ids=SAID)
def test_what_a_correct_node_says(
    before: Sequence[Step], counts: dict[str, int], only: dict[str, list[str]], silent: list[str]
) -> None:
    said = {
        "rows_lost": {"cases": 0, "events": 0} | counts,
        "rows_only_here": {"cases": [], "events": []} | only,
        "not_asked": silent,
    }
    assert ended([*before, ASK], SimulatedCluster(2)) == (Verdict.PASS, set(), said)


def test_a_plugin_that_does_not_run_says_how_many_and_not_which() -> None:
    verdict, _, said = ended([CASE, Disable("n1"), ASK], SimulatedCluster(2))
    assert (verdict, said) == (Verdict.PASS, {"rows_lost": {"cases": 1, "events": 0}})


class Liar(SimulatedCluster):
    """Says something else than it should."""

    def __init__(self, **lies: Any) -> None:
        super().__init__(2)
        self.lies = lies

    async def uninstall(self, node: str, *, confirmed: bool) -> Outcome:
        outcome = await super().uninstall(node, confirmed=confirmed)
        assert outcome.row is not None
        return replace(outcome, row={**outcome.row, **self.lies})


@pytest.mark.parametrize(
    ("before", "lies", "is_one"),
    [
        ([CASE], {"rows_lost": {"cases": 0, "events": 0}}, True),
        ([CASE], {"rows_lost": {}}, True),
        ([CASE], {"rows_lost": {"cases": 7, "events": 1}}, False),
        ([CASE], {"rows_lost": {"cases": 1}}, False),
        ([CASE], {"rows_only_here": {"cases": ["c1"]}}, True),
        ([CASE], {"rows_only_here": {"cases": ["c9"]}}, True),
        ([CASE], {"rows_only_here": {"cases": ["c1"]}, "not_asked": ["n2"]}, False),
        ([APART, CASE], {"rows_only_here": {}}, True),
        ([CASE, APART], {"rows_only_here": {}}, False),
        ([Cut("n1", "n2"), CASE], {"rows_only_here": {}}, True),
        ([CASE, Cut("n2", "n1")], {"rows_only_here": {}}, False),
    ],
)
def test_what_it_says_is_between_what_must_and_what_may_be(
    before: Sequence[Step], lies: dict[str, Any], is_one: bool
) -> None:
    """Other runs' rows count too; what others know, or may know, need not be named."""
    verdict, kinds, _ = ended([*before, ASK], Liar(**lies))
    assert verdict is (Verdict.DIVERGED if is_one else Verdict.PASS)
    assert kinds == ({Kind.CONTROL_PLANE} if is_one else set())


def test_what_is_on_its_way_may_be_said_either_way() -> None:
    step = Burst((CASE, ASK))
    for only in ({}, {"cases": ["c1"]}):
        assert ended([step], Liar(rows_only_here=only))[0] is Verdict.PASS


def test_rows_that_came_back_are_not_only_here() -> None:
    steps = [CASE, Rollback(("n1",), 1), Rollout(("n1",), 3), ASK]
    assert ended(steps, SimulatedCluster(2))[0] is Verdict.PASS


def test_what_a_live_node_says_is_read_for_this_run_alone() -> None:
    only = {"supertest_cases": ["r1/c1", "r2/c1"], "supertest_events": []}
    details = {"rows_lost": {"supertest_cases": 2}, "rows_only_here": only, "not_asked": ["n2"]}
    assert to_losses("n1", details, "r1") == {
        "rows_lost": {"cases": 2},
        "rows_only_here": {"cases": ["c1"], "events": []},
        "not_asked": ["n2"],
    }
    assert to_losses("n1", {}, "r1") == {}
    wrongs: list[dict[str, Any]] = [{"rows_lost": 3}, {"rows_only_here": {"t": []}}]
    for wrong in wrongs:
        with pytest.raises(DivergenceFound):
            to_losses("n1", wrong, "r1")
