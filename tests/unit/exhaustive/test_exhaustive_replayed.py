"""A black box, searched by performing every sequence of steps on it from the beginning."""

from __future__ import annotations

import pytest
from shop import Shop, Stamp

from syncmodel.checker import Bounds, Holds, Unknown, Verdict, Violated
from syncmodel.corpus.format import Confirmed
from syncmodel.engine.pool import Pool
from syncmodel.errors import InvalidRunError, UsageError
from syncmodel.exhaustive.counterexamples import counterexample_of
from syncmodel.exhaustive.limits import UNLIMITED, Limits
from syncmodel.exhaustive.replayed import Performed, Replayed, covered
from syncmodel.exhaustive.searches import Search, label, replaying
from syncmodel.exhaustive.stepwise import Then
from syncmodel.model.net import Net
from syncmodel.model.values import Row, Tombstone, Value
from syncmodel.steps import Create, Cut, Heal, Mend, Partition
from syncmodel.targets.base import Settled, Target, Unsettled
from syncmodel.targets.registry import kind_of

BOUNDS = Bounds()
EACH = {"users": 1, "carts": 1, "items": 1}


class TiesStay(Shop):
    """A shop in which the first of two writes with one time stays."""

    def hear(self, node: str, row: Row, stamp: Stamp, value: Value | Tombstone) -> None:
        had = self.known[node].get(row)
        if had is None or had[0].time < stamp.time:
            self.known[node][row] = (stamp, value)


class Breaks(Shop):
    """A shop that can't be cut: the run is invalid."""

    async def set_cut(self, cut: frozenset[tuple[str, str]]) -> None:
        raise InvalidRunError("The cable is out of reach.")


class Busy(Shop):
    """A shop that never rests once it was written to."""

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        if any(self.known.values()) and limit_s < 50:
            return Unsettled("it counts its money")
        return await super().settle(net, control=control, limit_s=limit_s)


Found = Verdict[Performed, Then]


def replays(found: Search) -> Replayed:
    assert isinstance(found.system, Replayed)
    return found.system


def searched(
    target: type[Target], limits: Limits, bounds: Bounds = BOUNDS
) -> tuple[Replayed, Found]:
    with Pool(kind_of(target)) as pool:
        found = replaying(pool, limits, bounds)
        return replays(found), found.run(bounds)


@pytest.mark.parametrize(
    ("limits", "runs"),
    [
        (Limits(schema=Shop.schema), 15),
        (Limits(schema=Shop.schema, burst=2), 41),
        (Limits(schema=Shop.schema, rows=EACH, writes=3), 171),
        (Limits(schema=Shop.schema, writes=1, cuts=1), 165),
    ],
    ids=str,
)
def test_every_sequence_is_performed(limits: Limits, runs: int) -> None:
    system, verdict = searched(Shop, limits)
    assert isinstance(verdict, Holds), str(verdict)
    assert verdict.statistics.states == runs
    assert verdict.statistics.transitions == runs - 1
    assert len(system.performed) <= runs
    assert not system.undecided


def test_what_was_covered_is_said() -> None:
    system, verdict = searched(Shop, Limits(schema=Shop.schema))
    assert covered(system, verdict) == (
        "Covered on a shop: every sequence within these limits, of up to 2 steps; 15 runs of 26 "
        "steps, each from the beginning.\n"
        "Not covered: the steps backup, clock, crash, disable, distrust, faulty_rollback, "
        "faulty_rollout, hang, join, leave, misuse, pause, purge, reactivate, read, reboot, "
        "restart, restore, resume, resync, rollback, rollout, select, spoil, trust, uninstall; "
        "other orders and times than those that the target itself chose."
    )


def test_a_bound_on_the_length_is_said() -> None:
    limits = Limits(schema=Shop.schema, cuts=UNLIMITED)
    system, verdict = searched(Shop, limits, Bounds(max_depth=2))
    assert isinstance(verdict, Unknown)
    assert "every sequence of up to 2 steps" in covered(system, verdict)
    assert "Not covered: longer sequences;" in covered(system, verdict)


def test_the_shortest_failing_run_is_found() -> None:
    limits = Limits(schema=Shop.schema, cuts=1)
    with Pool(kind_of(TiesStay)) as pool:
        found = replaying(pool, limits, Bounds())
        verdict = found.run(Bounds())
        assert isinstance(verdict, Violated)
        saved = counterexample_of(replays(found), verdict)
    assert saved is not None
    assert [type(step) for step in saved.steps[1:3]] == [Create, Create]
    assert isinstance(saved.steps[0], Cut | Partition)
    assert isinstance(saved.steps[3], Heal | Mend)
    assert saved.expected.divergence == ("flipped", "users")
    assert saved.confirmed == Confirmed(1, 1)
    assert "wrong: flipped: users/u1" in label(verdict.path.end)
    assert "every sequence of up to 3 steps" in covered(replays(found), verdict)


@pytest.mark.parametrize(
    ("target", "reason"), [(Breaks, "The cable is out of reach."), (Busy, "it counts its money")]
)
def test_a_run_without_a_verdict_is_no_pass(target: type[Target], reason: str) -> None:
    limits = Limits(schema=Shop.schema, writes=1, cuts=1)
    system, verdict = searched(target, limits)
    assert not isinstance(verdict, Violated)
    assert system.undecided
    assert "without a verdict (the first: " in covered(system, verdict)
    assert reason in covered(system, verdict)


def test_a_search_without_an_end_is_refused() -> None:
    with pytest.raises(UsageError, match="give --max-depth"):
        searched(Shop, Limits(schema=Shop.schema, cuts=UNLIMITED))
    with pytest.raises(UsageError, match="searches of the model"):
        searched(Shop, Limits(schema=Shop.schema, timeouts=1))
