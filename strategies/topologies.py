"""Where a run starts: how many nodes, on which generation each."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from syncmodel.model.net import Net, fully_connected
from syncmodel.model.schema import Schema
from syncmodel.strategies.inside import Picked


@lru_cache(maxsize=64)
def beginnings(schema: Schema, nodes: int, fixed: bool = False) -> tuple[Net, ...]:
    """The nets that runs begin on, each as often as it is to be chosen: whole networks, three in
    five with every node on the usual generation; else one node is on another one. `fixed`: no node
    can be brought to another one."""
    net = fully_connected(schema, nodes)
    if fixed:
        return (net,)
    others = [number for number in sorted(net.generations, reverse=True) if number != schema.usual]
    odd = [net.deploy((name,), number) for number in others for name in net.nodes]
    return (net,) * (3 * len(odd) // 2 or 1) + tuple(odd)


def topologies(schema: Schema, nodes: int) -> st.SearchStrategy[Net]:
    """Any of the beginnings, for a Hypothesis test of yours."""
    return st.sampled_from(beginnings(schema, nodes))


class _Beginnings(Picked[Net]):
    def pick(self, machine: Any, rng: Random) -> Net:
        return rng.choice(beginnings(machine.schema, machine.size, machine.fixed))

    def __repr__(self) -> str:
        return "any_beginning()"


def any_beginning() -> st.SearchStrategy[Net]:
    """Any of the beginnings with as many nodes as the machine has."""
    return _Beginnings()
