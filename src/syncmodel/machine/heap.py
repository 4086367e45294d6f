"""A long search gives free pages between what is in use back to the system.

The C library's heap of a live tester gets holes, though what it has in use stays the same
(docs/edges.md has figures); why has not been looked for. `malloc_trim(3)` returns them.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from itertools import count
from typing import Any

#: After so many sequences: one call takes some milliseconds, as many simulated ones some seconds.
EVERY = 100

#: The sequences of this process, of all its searches: many short ones have the same holes.
_ended = count(1)


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
