"""Requests to a node that stood still are served before or after what came meanwhile."""

from __future__ import annotations

import asyncio
from itertools import combinations_with_replacement, product

import pytest
from supertest import create_case, delete_case, fully_connected, increment_case, update_case

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Concurrently, Pause, Resume, Step

#: One request of each kind to a node, numbered so that every one makes a value of its own.
KINDS = (
    lambda node, i: create_case(node, "c1", f"t{i}"),
    lambda node, i: update_case(node, "c1", f"t{i}"),
    lambda node, i: increment_case(node, "c1", i),
    lambda node, _: delete_case(node, "c1"),
)
WITHOUT_ANSWER = tuple(product(range(4), range(4)))
MEANWHILE = (1, 2, 3)
AT_ONCE = tuple(combinations_with_replacement(range(4), 2))


def steps(late: tuple[int, int], other: int, together: tuple[int, int]) -> list[Step]:
    first, second = (KINDS[kind]("n2", 2**i) for i, kind in enumerate(late, 2))
    simultaneous = tuple(KINDS[kind]("n2", 2**i) for i, kind in enumerate(together, 5))
    meanwhile = KINDS[other]("n1", 2)
    return [
        create_case("n1", "c1", "t1"),
        Pause("n2"),
        first,
        meanwhile,
        second,
        Resume("n2"),
        Concurrently(simultaneous),
    ]


@pytest.mark.parametrize(
    "network", [None, *(pytest.param(n, marks=pytest.mark.long) for n in range(5))]
)
def test_what_got_no_answer_may_have_been_served_before_what_came_meanwhile(
    network: int | None,
) -> None:
    every = list(product(WITHOUT_ANSWER, MEANWHILE, AT_ONCE))
    for late, other, together in every if network is not None else every[::5]:
        taken = steps(late, other, together)
        target = SimulatedCluster(2, (), network)
        result = asyncio.run(run(target, fully_connected(2), taken))
        assert result.verdict is Verdict.PASS, (taken, result.divergences)
