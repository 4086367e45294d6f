"""A connection that must end is waited for, and no longer than that."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest
from supertest import fully_connected

from syncmodel.model.members import Member, MembersView
from syncmodel.model.view import ControlView
from syncmodel.steps import Leave, Pause
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.parted import control

NET = fully_connected(3)


def view(*connected: str) -> ControlView:
    members = tuple(Member(name, name, "active", trusted=True) for name in NET.nodes)
    said = MembersView(members, members, frozenset(connected))
    return ControlView(2, 2, (2, 2), 1, (), healthy=True, members=said)


class Node:
    """A node that shows these, one after the other, and then the last one."""

    def __init__(self, *views: ControlView) -> None:
        self.views, self.asked = list(views), 0

    async def control(self) -> ControlView:
        self.asked += 1
        return self.views.pop(0) if len(self.views) > 1 else self.views[0]


def seen(nodes: dict[str, Node], *steps: Leave | Pause, limit_s: float) -> dict[str, ControlView]:
    net = NET
    for step in steps:
        net = step.rewire(net)

    async def main() -> dict[str, ControlView]:
        deadline_s = asyncio.get_running_loop().time() + limit_s
        return await control(cast("dict[str, LiveNode]", nodes), net, deadline_s)

    return asyncio.run(main())


def test_a_node_that_is_still_connected_to_who_left_is_asked_again() -> None:
    nodes = {"n1": Node(view("n2", "n3"), view("n2", "n3"), view("n2")), "n2": Node(view("n1"))}
    found = seen(nodes, Leave("n3"), limit_s=10)
    assert found == {"n1": view("n2"), "n2": view("n1")}
    assert (nodes["n1"].asked, nodes["n2"].asked) == (3, 1)


def test_one_that_stays_connected_is_shown_so_at_the_deadline() -> None:
    began = time.monotonic()
    assert seen({"n1": Node(view("n3"))}, Leave("n3"), limit_s=0.2) == {"n1": view("n3")}
    assert 0.2 < time.monotonic() - began < 2


@pytest.mark.parametrize("steps", [(), (Leave("n3"), Pause("n3"))], ids=str)
def test_nobody_waits_for_members_or_for_who_stands_still(steps: tuple[Leave | Pause]) -> None:
    nodes = {"n1": Node(view("n2", "n3"))}
    seen(nodes, *steps, limit_s=10)
    assert nodes["n1"].asked == 1
