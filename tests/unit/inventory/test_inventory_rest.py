"""How rest is seen of nodes that lack sync.status: their answers are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from syncmodel.errors import UsageError
from syncmodel.inventory import capabilities
from syncmodel.inventory.node import PartialNode
from syncmodel.inventory.rest import Rest
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.steps.base import CutsLinks, Deploys, Malforms, Reads, Resyncs, Stops
from syncmodel.steps.membership import HasMembers
from syncmodel.steps.misused import Misuses
from syncmodel.steps.plugins import Uninstalls
from syncmodel.steps.trusting import Trusts
from syncmodel.strategies.topologies import beginnings
from syncmodel.targets.base import How, Settled, Unsettled
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
NO_ROWS = View()


def rows(*names: str) -> View:
    """A view with these cases."""
    value = SUPERTEST.by_name["cases"].value({"title": "t1"})
    return View(tuple((Row("cases", name), value) for name in names))


class Scripted:
    """A node that shows these views, the last one for ever, and hears of markers after a while."""

    lacks: frozenset[str] = frozenset()

    def __init__(
        self, views: Sequence[View] = (NO_ROWS,), *, deaf: int = 0, takes: Sequence[bool] = (True,)
    ) -> None:
        self._views, self._deaf, self._takes = list(views), deaf, list(takes)
        self.marked: list[str] = []
        self.others: tuple[Scripted, ...] = ()

    async def mark(self, run_id: str, name: str) -> bool:
        took = self._takes.pop(0) if len(self._takes) > 1 else self._takes[0]
        if took:
            self.marked.append(name)
        return took

    async def marks(self, run_id: str) -> frozenset[str]:
        self._deaf -= 1
        others = [] if self._deaf >= 0 else [name for one in self.others for name in one.marked]
        return frozenset([*self.marked, *others])

    async def view(self, run_id: str) -> tuple[View, None]:
        return (self._views.pop(0) if len(self._views) > 1 else self._views[0]), None


def settled(
    how: How, first: Scripted, second: Scripted, net: Net = NET, limit_s: float = 0.3
) -> Settled | Unsettled:
    first.others, second.others = (second,), (first,)
    nodes: Mapping[str, Any] = {"n1": first, "n2": second}
    up = {name: cast(PartialNode, nodes[name]) for name in net.up}
    return asyncio.run(Rest(how, 0.02).settle(up, net, "r", limit_s))


def test_nodes_that_see_each_others_markers_are_at_rest() -> None:
    found = settled(How.MARKERS, Scripted(), Scripted(deaf=3))
    assert found == Settled({"n1": NO_ROWS, "n2": NO_ROWS}, {}, How.MARKERS)


def test_a_node_that_never_sees_a_marker_is_named() -> None:
    found = settled(How.MARKERS, Scripted(), Scripted(deaf=10**6))
    assert found == Unsettled("n2 has not seen what n1 wrote last")


def test_nobody_waits_for_a_marker_over_a_cut() -> None:
    net = NET.with_cut({("n1", "n2")})
    assert isinstance(settled(How.MARKERS, Scripted(), Scripted(deaf=10**6), net), Settled)


@pytest.mark.parametrize("net", [NET.stop("n2"), NET.deploy(["n2"], 1)])
def test_nobody_waits_for_a_node_that_takes_no_rows(net: Net) -> None:
    deaf = Scripted(deaf=10**6, takes=(False,))
    assert isinstance(settled(How.MARKERS, Scripted(), deaf, net), Settled)


def test_a_marker_that_was_not_taken_is_asked_for_again_as_another_row() -> None:
    first = Scripted(takes=(False, True))
    assert isinstance(settled(How.MARKERS, first, Scripted()), Settled)
    assert first.marked == ["n1'"]


def test_a_node_that_takes_no_marker_is_named() -> None:
    found = settled(How.MARKERS, Scripted(takes=(False,)), Scripted())
    assert found == Unsettled("n1 takes no marker row")


def test_views_that_change_behind_the_markers_are_read_again() -> None:
    found = settled(How.MARKERS, Scripted([NO_ROWS, rows("c1")]), Scripted([rows("c1")]))
    assert isinstance(found, Settled)
    assert found.views == {"n1": rows("c1"), "n2": rows("c1")}


def test_quiet_nodes_that_agree_are_taken_to_be_at_rest() -> None:
    changing = Scripted([NO_ROWS, rows("c1"), rows("c1", "c2")])
    found = settled(How.QUIET, changing, Scripted([rows("c2", "c1")]))
    assert isinstance(found, Settled)
    assert found.how is How.QUIET
    assert found.views["n1"] == rows("c1", "c2")


def test_quiet_nodes_that_do_not_agree_have_had_all_the_time_there_was() -> None:
    async def timed() -> float:
        return asyncio.get_running_loop().time()

    before = asyncio.run(timed())
    found = settled(How.QUIET, Scripted([rows("c1")]), Scripted())
    assert isinstance(found, Settled)
    assert asyncio.run(timed()) - before >= 0.3


def test_quiet_nodes_on_both_sides_of_a_cut_need_not_agree() -> None:
    net = NET.with_cut(NET.links)
    found = settled(How.QUIET, Scripted([rows("c1")]), Scripted(), net, limit_s=60.0)
    assert isinstance(found, Settled)


# --- what follows from what is lacking ---------------------------------------------------------


def test_a_way_of_rest_that_the_nodes_lack_is_refused() -> None:
    with pytest.raises(UsageError, match="leave `rest` out of the inventory"):
        capabilities.how_rest(frozenset({"sync.status"}), How.POSITION)
    assert capabilities.how_rest(frozenset(), How.MARKERS) is How.MARKERS
    assert capabilities.how_rest(frozenset(), How.QUIET) is How.QUIET


ALL_OF_IT: set[type[object]] = {CutsLinks, Resyncs, Deploys, Stops, Reads, Malforms}
ALL_OF_IT |= {HasMembers, Trusts, Uninstalls, Misuses}


@pytest.mark.parametrize(
    ("missing", "ability"),
    [
        ("cuts", CutsLinks),
        ("sync.resync", Resyncs),
        ("rollout", Deploys),
        ("control", Stops),
        ("reads", Reads),
        ("unauthorized", Misuses),
        ("store.tables", Uninstalls),
    ],
)
def test_what_is_lacking_is_no_ability(missing: str, ability: type[object]) -> None:
    found = capabilities.abilities(frozenset({missing}))
    gone = {ability, Uninstalls, Misuses} if missing == "rollout" else {ability}
    assert {one for one in ALL_OF_IT if issubclass(found, one)} == ALL_OF_IT - gone


@pytest.mark.parametrize(
    ("missing", "gone"),
    [
        ("members", {HasMembers, Misuses}),
        ("trust", {Trusts, Misuses}),
        ("plugins", {Uninstalls, Misuses}),
        ("sync.status", {HasMembers, Trusts}),
    ],
)
def test_what_rests_on_several_needs_each(missing: str, gone: set[type[object]]) -> None:
    """Whether rows come of nodes that left, or are not trusted, no marker row can tell."""
    found = capabilities.abilities(frozenset({missing}))
    assert {one for one in ALL_OF_IT if issubclass(found, one)} == ALL_OF_IT - gone


def test_what_is_lacking_is_told_with_what_goes_without_it() -> None:
    assert capabilities.told(frozenset()) == ""
    told = capabilities.told(frozenset({"cuts", "sync.status"}))
    assert told == "no sync.status: rest is seen by marker rows; no cuts: no partitions"
    # Markers that nobody needs are not missed.
    assert capabilities.told(frozenset({"markers"})) == ""


def test_runs_on_nodes_that_stay_as_they_are_begin_as_they_are() -> None:
    assert set(beginnings(SUPERTEST, 2, True)) == {NET}
    assert len(set(beginnings(SUPERTEST, 2))) > 1
