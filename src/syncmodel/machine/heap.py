"""A search that runs for days keeps little, and holds little: holes in the heap are given back.

What sockets read comes in buffers of up to 256 KiB, and small things that stay come to lie above
them: so the C library's heap grows by holes, though what is in use stays the same (docs/edges.md
has figures). `malloc_trim(3)` returns the free pages between what is in use, in a few milliseconds.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

#: After so many sequences. It costs a thousandth of them on the simulator, and nothing elsewhere.
EVERY = 100


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
