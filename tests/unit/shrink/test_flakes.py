"""Failures that show in a fifth of their runs: shrunk to their shortest form, told as k of n."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from random import Random

import pytest
from attrs import frozen
from noisy_runs import noisy
from supertest import create_case, delete_case, fully_connected, update_case

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.values import Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.minimize import Budget, Minimizer
from syncmodel.shrink.odds import MOST_TRIES
from syncmodel.steps import Concurrently, Cut, Heal, Restart, Step

NET = fully_connected(3)
OFTEN = 0.2


class OneRow(SimulatedCluster):
    """Now and then a delete is answered, and not done; each has a coin of its own."""

    def __init__(self, count: int, coin: Random) -> None:
        super().__init__(count)
        self.coin = coin

    async def write(self, node: str, write: Write) -> Outcome:
        if write.op == "delete" and self.misses():
            return accepted()
        return await super().write(node, write)

    def misses(self) -> bool:
        """Whether it is not done."""
        return self.coin.random() < OFTEN


class OneRun(OneRow):
    """In some runs no delete is done: many rows at once say no more than one."""

    async def begin(self, net: Net) -> None:
        self.missed = super().misses()
        await super().begin(net)

    def misses(self) -> bool:
        return self.missed


class Race(OneRow):
    """Two requests at the same time: now and then one of them gets lost; in a burst, hardly."""

    inside = 0

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        self.inside = 1
        outcomes = await super().together(calls)
        self.inside = 0
        return outcomes

    async def write(self, node: str, write: Write) -> Outcome:
        self.inside += bool(self.inside)
        if self.inside == 3 and self.misses():
            self.inside = 1
            return accepted()
        return await super().write(node, write)


@frozen
class Flake:
    """A kind of target, and its shortest run that fails."""

    target: type[OneRow]
    steps: tuple[Step, ...]


FLAKES = (
    Flake(OneRow, (create_case("n1", "c1", "t1"), delete_case("n1", "c1"))),
    Flake(OneRun, (create_case("n1", "c1", "t1"), delete_case("n1", "c1"))),
    Flake(
        OneRow,
        (
            Cut("n1", "n2"),
            create_case("n2", "c1", "t1"),
            Heal(),
            Restart("n1"),
            update_case("n3", "c1", "t2"),
            delete_case("n1", "c1"),
        ),
    ),
    Flake(
        Race,
        (Concurrently((create_case("n1", "c1", "t1"), create_case("n2", "c2", "t2"))),),
    ),
)


def found(flake: Flake, seed: int) -> tuple[Counterexample, SimulatedCluster]:
    """A long run that was seen to fail, and the target that it failed on."""
    coin = Random(seed)
    for attempt in range(1_000):
        target = flake.target(3, coin)
        steps = noisy(NET, flake.steps, Random(f"{seed} {attempt}"))
        result = Straight().run(run(target, NET, steps))
        if result.divergences and len(result.steps) >= 8:
            return Counterexample.of(NET, result), target
    raise AssertionError("it never failed")


def shrunk(flake: Flake, seed: int) -> bool:
    """Whether it comes to two steps within the budget, and is told as k of n."""
    long, target = found(flake, seed)
    minimizer = Minimizer(target, long)
    short = Straight().run(minimizer.run())
    assert minimizer.effort.executions <= Budget().executions + 3 * MOST_TRIES
    if not 0 < short.failed <= short.runs:
        return False
    return short.length == 2


def test_a_flake_is_shrunk_to_its_shortest_form() -> None:
    assert sum(shrunk(FLAKES[0], seed) for seed in range(3)) >= 2


@pytest.mark.longer
@pytest.mark.parametrize("flake", FLAKES)
def test_a_flake_is_shrunk_so_within_200_runs_in_9_of_10_seeds(flake: Flake) -> None:
    assert sum(shrunk(flake, seed) for seed in range(10)) >= 9


def test_copies_are_asked_only_where_they_show_what_one_shows() -> None:
    """What has a coin for a whole run fails no sooner in many rows; what has one for each does."""
    asked = []
    for flake in FLAKES[:2]:
        long, target = found(flake, 1)
        minimizer = Minimizer(target, long)
        Straight().run(minimizer.run())
        asked.append(minimizer.chances.in_copies)
    assert asked[0].failed
    assert asked[1].failed <= 1
