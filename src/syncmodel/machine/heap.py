"""What a search asks of its process's memory.

Free pages between what is in use go back to the system: the C library's heap of a live tester gets
holes, though what it has in use stays the same (docs/edges.md has figures); why has not been looked
for. `malloc_trim(3)` returns them. And while a search runs, garbage is looked for less often.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from typing import Any

#: After so many sequences: one call takes some milliseconds, as many simulated ones some seconds.
EVERY = 100

#: New objects after which Python looks for cycles among them (its usual 700 cost a twentieth of a
#: simulated step, as a step makes many values that live as long as its run, and few cycles).
NEW_OBJECTS = 20_000

#: The sequences of this process, of all its searches: many short ones have the same holes.
_ended = count(1)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often; afterwards as often as before, also where it is never looked for
    or less often still."""
    usual = gc.get_threshold()
    young, *older = usual
    gc.set_threshold(max(young, NEW_OBJECTS) if young else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def sequence_ended() -> None:
    """Give back what is free, every so many sequences of this process."""
    if next(_ended) % EVERY == 0:
        give_back()


def give_back() -> bool:
    """Return free pages to the system; whether there were any. The C library must be glibc, else
    nothing is done."""
    trim = _malloc_trim()
    return trim is not None and bool(trim(0))


@lru_cache(maxsize=1)
def _malloc_trim() -> Any:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim
