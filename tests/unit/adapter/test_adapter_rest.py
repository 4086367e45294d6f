"""How an adapter's nodes are known to be at rest, where a quorum decides who has to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from syncmodel import Guarantees, Schema, Table, Token
from syncmodel.adapter import InProcess, Refused, Unknown
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.spreading import split
from syncmodel.model.world import promised
from syncmodel.targets.base import Settled, Unsettled

SCHEMA = Schema(Table("rows", Token("text")))
PROMISES = Guarantees(quorum=True, rollback_keeps_log=True)
NET = promised(fully_connected(SCHEMA, 3), PROMISES)
N3_ALONE = NET.with_cut(split(NET.nodes, (("n1", "n2"), ("n3",))))
NO_LEADER = Refused("no_quorum")


class Group(InProcess):
    """Nodes that answer what they are told to, and nothing as long as they have trouble."""

    schema, guarantees = SCHEMA, PROMISES
    poll_s = 0.0

    def __init__(self, trouble: dict[str, list[Exception]]) -> None:
        super().__init__(3)
        self.trouble = trouble
        self.taken: dict[str, int] = {}

    def _answers(self, node: str) -> None:
        if self.trouble.get(node):
            raise self.trouble[node].pop()

    def mark(self, node: str, tick: int) -> None:
        self._answers(node)
        self.taken[node] = tick

    def marks(self, node: str) -> Mapping[str, int]:
        self._answers(node)
        return self.taken

    def rows(self, node: str, prefix: str) -> Any:
        self._answers(node)
        return []


class Positions(Group):
    """The same, by position."""

    mark = InProcess.mark

    def position(self, node: str) -> Mapping[str, int]:
        self._answers(node)
        return {"log": 1}


def settled(kind: type[Group], trouble: dict[str, list[Exception]], net: Net) -> Any:
    return asyncio.run(kind(trouble).settle(net, control=False, limit_s=0.05))


@pytest.mark.parametrize("kind", [Group, Positions])
@pytest.mark.parametrize(
    "trouble", [NO_LEADER, Unknown("later"), ConnectionResetError(), TimeoutError()]
)
def test_who_has_no_quorum_need_not_answer(kind: type[Group], trouble: Exception) -> None:
    found = settled(kind, {"n3": [trouble] * 1000}, N3_ALONE)
    assert isinstance(found, Settled)
    assert list(found.views) == ["n1", "n2"]


@pytest.mark.parametrize("kind", [Group, Positions])
def test_a_generator_of_rows_need_not_answer_either(kind: type[Group]) -> None:
    class Lazy(kind):  # type: ignore[misc, valid-type]
        """They are asked once somebody looks at their rows."""

        def rows(self, node: str, prefix: str) -> Any:
            yield from super().rows(node, prefix)

    found = settled(Lazy, {"n3": [NO_LEADER] * 1000}, N3_ALONE)
    assert isinstance(found, Settled)
    assert list(found.views) == ["n1", "n2"]


@pytest.mark.parametrize("kind", [Group, Positions])
@pytest.mark.parametrize("net", [NET, N3_ALONE])
def test_who_refuses_for_a_while_is_asked_again(kind: type[Group], net: Net) -> None:
    found = settled(kind, {"n1": [NO_LEADER] * 5, "n2": [Unknown("later")] * 3}, net)
    assert isinstance(found, Settled)
    assert list(found.views) == list(net.nodes)


@pytest.mark.parametrize("kind", [Group, Positions])
def test_who_has_a_quorum_and_never_answers_is_not_at_rest(kind: type[Group]) -> None:
    for net, node in ((N3_ALONE, "n2"), (NET, "n3")):
        found = settled(kind, {node: [NO_LEADER] * 10**6}, net)
        assert isinstance(found, Unsettled)
        assert "n2 takes no mark" in found.reason or "no_quorum" in found.reason or node == "n3"


@pytest.mark.parametrize("kind", [Group, Positions])
def test_a_request_that_nobody_answered_does_not_land_in_the_middle_of_a_look(
    kind: type[Group],
) -> None:
    class Landing(kind):  # type: ignore[misc, valid-type]
        """The request lands on both nodes once n1 was read."""

        landed = False
        looks = 0

        def rows(self, node: str, prefix: str) -> Any:
            shown = [("rows", "a", {"text": "t1"})] if self.landed else []
            self.landed = True
            self.looks += node == "n1"
            return shown

    for unanswered, looks in ((True, 3), (False, 1)):
        nodes = Landing({})
        nodes.unanswered = unanswered
        found = asyncio.run(nodes.settle(NET, control=False, limit_s=1.0))
        assert isinstance(found, Settled)
        alike = found.views["n1"] == found.views["n2"] == found.views["n3"]
        assert (alike, nodes.looks) == (unanswered, looks)


class Together(Group):
    """Nodes that answer once all of them were asked, or with trouble."""

    waits = True

    def __init__(self, trouble: dict[str, list[Exception]]) -> None:
        super().__init__(trouble)
        self.waiting, self.all = 0, asyncio.Event()

    async def marks(self, node: str) -> Mapping[str, int]:  # type: ignore[override]
        self.waiting += 1
        if self.waiting == len(self.nodes):
            self.all.set()
        await self.all.wait()
        self.waiting -= 1
        self._answers(node)
        return self.taken


def test_nodes_whose_answers_are_waited_for_are_asked_at_the_same_time() -> None:
    found = settled(Together, {}, NET)
    assert isinstance(found, Settled)
    late = settled(Together, {"n1": [Unknown("a")], "n3": [Unknown("b")]}, NET)
    assert isinstance(late, Settled)
