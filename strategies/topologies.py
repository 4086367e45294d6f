"""Where a run starts: how many nodes, on which generation each."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from syncmodel.model.net import Net, fully_connected
from syncmodel.strategies.inside import Picked

PLUGIN, NEWER, BARE = 2, 3, 1


@cache
def beginnings(nodes: int) -> tuple[Net, ...]:
    """The nets that runs begin on, each as often as it is to be chosen: whole networks, three in
    five with every node on the plugin; else one node is newer, or without the plugin."""
    net = fully_connected(nodes, PLUGIN)
    odd = [net.deploy((name,), generation) for generation in (NEWER, BARE) for name in net.nodes]
    return (net,) * (3 * nodes) + tuple(odd)


def topologies(nodes: int) -> st.SearchStrategy[Net]:
    """Any of the beginnings, for a Hypothesis test of yours."""
    return st.sampled_from(beginnings(nodes))


class _Beginnings(Picked[Net]):
    def pick(self, machine: Any, rng: Random) -> Net:
        return rng.choice(beginnings(machine.size))

    def __repr__(self) -> str:
        return "any_beginning()"


def any_beginning() -> st.SearchStrategy[Net]:
    """Any of the beginnings with as many nodes as the machine has."""
    return _Beginnings()
