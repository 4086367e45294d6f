"""The document of a run says what was seen, all of it, and is small and quickly made."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from saved_runs import saved_bugs
from seen_runs import drawn, planted

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.values import Row
from syncmodel.model.world import World
from syncmodel.report.page.document import document, plain
from syncmodel.report.page.filling import run_page
from syncmodel.report.page.moments import Moment, SeenRun
from syncmodel.report.page.versions import Versions
from syncmodel.report.page.writing import data

MEBIBYTE = 10**6


def shown(found: dict[str, Any]) -> Iterator[list[list[Any]]]:
    """For each moment, node and row of a document: what shows."""
    cells: dict[tuple[int, int], int] = {}
    for moment in found["moments"]:
        for node, row, cell in moment["cells"]:
            cells[node, row] = cell
        yield [
            [found["cells"][cells[node, row]] for row in range(len(found["rows"]))]
            for node in range(len(found["nodes"]))
        ]


def known(moment: Moment, name: Row, node: str) -> list[list[Any]]:
    """What the node must and may know of a row, and may show."""
    belief = moment.world.belief
    if name not in belief.rows:
        return []
    row = belief.row(name)
    must, may = sorted(row.known_by(node)), sorted(row.perhaps_known_by(node))
    return [["", must, may, sorted(belief.may_show(node, name))]]


def check(run: SeenRun) -> None:
    """The document holds each view and each bound, at each moment."""
    found = json.loads(json.dumps(document(run)))
    rows = [Row(*name) for name in found["rows"]]
    for moment, table in zip(run.moments, shown(found), strict=True):
        for node, cells in zip(run.net.nodes, table, strict=True):
            view = (moment.views or {}).get(node)
            for name, (sight, knows) in zip(rows, cells, strict=True):
                if view is None:
                    assert sight is None
                else:
                    values = [value for row, value in view.rows if row == name]
                    there = [[[c, plain(v)] for c, v in value.cells] for value in values]
                    assert sight == there
                assert knows == known(moment, name, node)


@pytest.mark.parametrize("seed", range(12))
def test_it_says_what_was_seen_and_known_at_each_moment(seed: int) -> None:
    check(drawn(seed, 2 + seed % 4, 30))


PROMISES = {
    "fields": Guarantees(by_field=True, rows="wallclock-lww"),
    "sums": Guarantees(by_field=True, sums=True, rows="wallclock-lww"),
    "leaves": Guarantees(rows="multi-value"),
    "quorum": Guarantees(quorum=True, rollback_keeps_log=True),
    "sessions": Guarantees(reads="session"),
    "direct": Guarantees(passes_on=False),
}


@pytest.mark.parametrize(
    "seed", [0, 1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("promise", PROMISES)
def test_whatever_is_promised_a_run_can_be_shown(promise: str, seed: int) -> None:
    """Nodes that promise something else break most of these: such a run is shown, too."""
    run = drawn(seed, 3, 30, PROMISES[promise])
    found = json.loads(json.dumps(document(run)))
    assert found["headline"].endswith(".")
    assert len(found["moments"]) == len(run.moments)
    assert found["verdict"] == ("diverged" if run.divergences else "pass")
    for each in found["wrong"]:
        assert each["node"] in found["nodes"] or each["row"] is None


@pytest.mark.parametrize("promise", ["fields", "sums"])
@pytest.mark.parametrize("seed", range(2))
def test_each_version_is_what_was_asked_for(promise: str, seed: int) -> None:
    """Column by column too: only a create or a delete is about a row's existence."""
    run = drawn(seed, 3, 30, PROMISES[promise], "own-writes-tie")
    for name, register in Versions(run).registers.items():
        row = run.last.world.belief.row(name)
        for one, version in zip(register.versions, row.versions, strict=True):
            assert (one.op == "delete") == version.is_tombstone
            assert one.op in (("create", "set", "add") if name.column else ("create", "delete"))
            assert one.node == version.node


@pytest.mark.parametrize("bug", saved_bugs())
def test_of_a_failure_too(bug: str) -> None:
    run = planted()[bug].run
    check(run)
    found = document(run)
    assert found["verdict"] == "diverged"
    assert [one["kind"] for one in found["wrong"]] == [one.kind.value for one in run.divergences]
    assert found["by_answer"] == any(one.answers for one in run.divergences)


def test_sixty_steps_on_five_nodes_are_small_and_soon_written() -> None:
    run = drawn(1, 5, 60)
    took_s = list[float]()
    for _ in range(3):
        began_s = time.process_time()
        text = run_page(data("a run", [], {"The run": run}), "a run")
        took_s.append(time.process_time() - began_s)
    assert len(run.moments) == 61
    assert len(text.encode()) < MEBIBYTE
    assert min(took_s) < 0.5


def test_numbers_that_scripts_round_are_texts() -> None:
    assert plain(2**53) == str(2**53)
    assert plain(2**53 - 1) == 2**53 - 1


def test_who_is_no_member_and_whom_nobody_trusts_is_told() -> None:
    run = drawn(1, 2, 2)
    last = run.last
    belief = last.world.belief
    net = replace(
        belief.net,
        away=frozenset({("n1", "n2")}),
        distrusts=frozenset({("n2", "n1")}),
        disabled=frozenset({"n2"}),
    )
    moment = evolve(last, world=World(last.world.plan, replace(belief, net=net)))
    found = document(evolve(run, moments=(*run.moments[:-1], moment)))["moments"][-1]["net"]
    assert (found["away"], found["distrusts"]) == ([["n1", "n2"]], [["n2", "n1"]])
    assert found["disabled"] == ["n2"]
