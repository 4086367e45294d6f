"""How a run begins: on used machines, on new ones, on those of another target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import Result
from syncmodel.engine.session import Session
from syncmodel.errors import FaultError, UsageError
from syncmodel.model.divergence import Kind
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.base import Settled, Target, Unsettled
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
LEFT = View(((Row("cases", "c1"), Value((("title", "t1"), ("counter", 0)))),))
BROKEN = RuntimeError("the disk is gone")


class Fresh(SimulatedCluster):
    """Its first begins fail like this, and its first rests show what an earlier run left."""

    def __init__(self, *fails: Exception, dirty: int = 0) -> None:
        super().__init__(2)
        self.fails, self.dirty = list(fails), dirty
        self.begins = 0
        self.looked: list[bool] = []

    async def begin(self, net: Net) -> None:
        self.begins += 1
        if self.fails:
            raise self.fails.pop(0)
        await super().begin(net)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        self.looked.append(control)
        settled = await super().settle(net, control=control, limit_s=limit_s)
        if self.dirty and isinstance(settled, Settled):
            self.dirty -= 1
            return Settled(dict.fromkeys(settled.views, LEFT), settled.control)
        return settled


class Used(Fresh):
    """The same, whose machines another run used."""

    used = True

    def passed(self) -> None:
        """Nothing to keep."""

    def renew(self) -> None:
        """Nothing to renew."""


Another = Callable[[Target], Awaitable[Target]]


def begun(target: Fresh, another: Another | None = None) -> tuple[Result, Session]:
    """A run without any step."""
    session = Session(target, NET, another=another)
    Straight().run(session.begin())
    return session.finish(), session


def in_place_of(target: Fresh) -> tuple[Another, list[Target]]:
    """What gives that target, and those in whose place it was asked for."""
    asked: list[Target] = []

    async def another(old: Target) -> Target:
        asked.append(old)
        return target

    return another, asked


def test_what_an_earlier_run_left_is_not_this_ones_fault() -> None:
    target = Used(dirty=1)
    result, _ = begun(target)
    assert result.verdict is Verdict.PASS
    assert target.begins == 2
    assert target.looked == [True, True]


@pytest.mark.parametrize(("kind", "dirty"), [(Fresh, 1), (Used, 2)])
def test_what_shows_on_new_machines_is_a_divergence(kind: type[Fresh], dirty: int) -> None:
    target = kind(dirty=dirty)
    result, _ = begun(target)
    assert result.keys == {(Kind.INVENTED.value, "cases")}
    assert target.begins == dirty
    assert target.looked == [True] * dirty


def test_used_machines_that_break_are_made_anew() -> None:
    target, (another, asked) = Used(BROKEN), in_place_of(Fresh())
    result, session = begun(target, another)
    assert result.verdict is Verdict.PASS
    assert session.target is target
    assert target.begins == 2
    assert not asked
    assert begun(Used(BROKEN))[0].verdict is Verdict.PASS


def test_a_target_whose_new_machines_break_is_replaced() -> None:
    target, other = Fresh(BROKEN), Fresh()
    another, asked = in_place_of(other)
    result, session = begun(target, another)
    assert result.verdict is Verdict.PASS
    assert session.target is other
    assert asked == [target]
    assert (target.begins, other.begins) == (1, 1)


def test_what_breaks_twice_can_not_be_performed() -> None:
    another, _ = in_place_of(Fresh(BROKEN))
    for result, _ in (begun(Used(BROKEN, BROKEN)), begun(Fresh(BROKEN), another)):
        assert result.verdict is Verdict.INVALID
        assert "the disk is gone" in result.reason
    faulty = Used(BROKEN, FaultError("the link is still cut"))
    assert begun(faulty)[0].reason.startswith("the link is still cut")


def test_a_mistake_is_not_tried_again() -> None:
    target = Used(UsageError("there is no node n3"))
    with pytest.raises(UsageError, match="n3"):
        begun(target)
    assert target.begins == 1
    with pytest.raises(RuntimeError, match="the disk is gone") as found:
        begun(Fresh(BROKEN))
    assert found.value.__notes__ == ["while making the nodes ready for a run"]
