"""What a tester holds does not grow with the number of sequences.

But for caches that have a limit: with three nodes they are full after some thousand sequences.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis.strategies._internal.utils import clear_strategy_cache

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.machine.search import searched
from syncmodel.reference.simulated import SimulatedCluster

#: What may be left over by chance: objects of the interpreter and of pytest.
SLACK_OBJECTS = 500


def caches() -> Iterator[Any]:
    """Every cache of a function of ours."""
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper):
            ours = (one.__module__ or "").startswith("syncmodel.")
            yield from (one,) if ours else ()


def search(seeds: range) -> None:
    for seed in seeds:
        settings = Settings(sequences=5, steps=12, seed=seed)
        searched(SimulatedCluster(3, (), seed), Straight(), settings)


def objects() -> int:
    """How many objects there are, without what is in a cache that has a limit."""
    for cache in [one for one in caches() if not no_limit(one)]:
        cache.cache_clear()
    clear_strategy_cache()
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.slow
def test_nothing_but_caches_grows_with_the_sequences() -> None:
    search(range(4))
    before = objects()
    search(range(4, 12))
    after = objects()
    assert after < before + SLACK_OBJECTS, f"{before} objects became {after}"


def test_what_is_cached_by_values_has_a_limit() -> None:
    """Those without one are asked with what the code itself has: classes, fields, few numbers."""
    search(range(2))
    endless = {cache: cache.cache_info().currsize for cache in caches() if no_limit(cache)}
    search(range(2, 8))
    grown = [
        one.__qualname__ for one, size in endless.items() if one.cache_info().currsize > size + 8
    ]
    assert grown == []


def no_limit(cache: Any) -> bool:
    return cache.cache_parameters()["maxsize"] is None
