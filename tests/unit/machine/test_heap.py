"""A long search gives back what it does not use, though something small lies above it."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from itertools import count

import pytest

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.machine import heap
from syncmodel.machine.search import searched
from syncmodel.reference.simulated import SimulatedCluster

PROGRAM = """
from pathlib import Path
from syncmodel.machine.heap import give_back

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) // 1024

many = [bytes(4_000) for _ in range(20_000)]
many = many[399::400]  # The last one is among them: nothing above the hole is free.
before = resident()
assert give_back()
print(before - resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
def test_holes_in_the_heap_are_given_back() -> None:
    said = subprocess.check_output([sys.executable, "-c", PROGRAM], text=True)
    assert int(said) > 30, "of 76 MiB that were freed"


@pytest.mark.parametrize("searches", [(7,), (1, 2, 1, 1, 2)])
def test_searches_do_it_now_and_then(
    searches: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(heap, "give_back", lambda: told.append(1))
    monkeypatch.setattr(heap, "EVERY", 3)
    monkeypatch.setattr(heap, "_ended", count(1))
    for sequences in searches:
        settings = Settings(nodes=2, sequences=sequences, steps=2, seed=1)
        searched(SimulatedCluster(2), Straight(), settings)
    assert len(told) == 2


def test_another_c_library_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: object) -> None:
        raise OSError("no such library")

    heap._malloc_trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", none)
    assert not heap.give_back()
    monkeypatch.undo()
    heap._malloc_trim.cache_clear()


@pytest.mark.parametrize(
    ("usual", "meanwhile"),
    [(700, 20_000), (50_000, 50_000), (0, 0)],
    ids=["usual", "less", "never"],
)
def test_garbage_is_looked_for_less_often_while_a_search_runs(usual: int, meanwhile: int) -> None:
    before, seen = gc.get_threshold(), set[int]()
    gc.set_threshold(usual, *before[1:])
    try:
        settings = Settings(nodes=2, sequences=1, steps=2, seed=1)
        searched(
            SimulatedCluster(2), Straight(), settings, lambda _: seen.add(gc.get_threshold()[0])
        )
        assert gc.get_threshold() == (usual, *before[1:])
    finally:
        gc.set_threshold(*before)
    assert seen == {meanwhile}
