"""A backend of Hypothesis that draws plainly from the seed: `settings(backend="syncmodel")`.

Every sequence has its own generator, made of the search's seed and the sequence's number. So
the k-th sequence is the same under pytest and on the command line, in one process or in several, on
every version of Python, whatever modules are loaded. Hypothesis' usual backend depends on more: it
mixes in constants of the loaded modules, and makes most test cases out of earlier ones.

The interface is Hypothesis' own: "Alternative backends" in its documentation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, ClassVar, Literal

from syncmodel.strategies.inside import AVAILABLE_PROVIDERS, PrimitiveProvider

#: What a test asks for: `settings(backend=PLAIN)`.
PLAIN = "syncmodel"
#: How much longer than necessary texts and bytes may be.
LONGER = 20
#: Integers without bounds lie between these.
LEAST, MOST = -(2**63), 2**63 - 1
#: Beyond this many values a float's 53 bits do not reach all of them.
BY_FLOAT = 2**50
#: Hypothesis draws with this chance whether to stop a run early, so that it can shorten runs. Ours
#: are shortened in another way, and have all their steps.
EARLY_STOP = 2**-16
#: Floats that are drawn without bounds lie between these.
FLOAT_LIMIT = 1e9

#: Gives the generator of the next sequence, while a search runs.
Source = Callable[[], Random]


class Plain(PrimitiveProvider):
    """Draws each value evenly from its range."""

    lifetime: ClassVar[Literal["test_case"]] = "test_case"
    _source: ClassVar[Source | None] = None

    def __init__(self, conjecturedata: Any, /) -> None:
        """A generator for one sequence; without a search, for a test case of Hypothesis' seed."""
        super().__init__(conjecturedata)
        if conjecturedata is None:
            # Used only for its observations of the whole test.
            self._rng = Random(0)
        elif Plain._source is not None:
            self._rng = Plain._source()
        else:
            self._rng = Random(conjecturedata._random.getrandbits(64))
        self._random = self._rng.random

    @classmethod
    @contextmanager
    def drawing_from(cls, source: Source) -> Iterator[None]:
        """Until this ends, sequences have their generators from there."""
        before, Plain._source = Plain._source, source
        try:
            yield
        finally:
            Plain._source = before

    def draw_boolean(self, p: float = 0.5) -> bool:
        """True with that chance."""
        return p > EARLY_STOP and self._random() < p

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,
        shrink_towards: int = 0,
    ) -> int:
        """Any integer of the range, each as likely, or by these weights."""
        if weights:
            return self._rng.choices(tuple(weights), tuple(weights.values()))[0]
        if min_value is None:
            min_value = LEAST if max_value is None else min(LEAST, max_value - MOST)
        if max_value is None:
            max_value = max(MOST, min_value + MOST)
        count = max_value - min_value + 1
        if count == 1:
            return min_value
        if count < BY_FLOAT:
            return min_value + int(self._random() * count)
        return self._rng.randint(min_value, max_value)

    def draw_float(
        self,
        *,
        min_value: float = -math.inf,
        max_value: float = math.inf,
        allow_nan: bool = True,
        smallest_nonzero_magnitude: float = 0.0,
    ) -> float:
        """Any float of the range; an infinite range is cut at a billion beyond its finite end."""
        low = min_value if math.isfinite(min_value) else min(-FLOAT_LIMIT, max_value - FLOAT_LIMIT)
        high = max_value if math.isfinite(max_value) else max(FLOAT_LIMIT, low + FLOAT_LIMIT)
        # Halves, so that the width of the widest range is no overflow.
        value = 2 * (low / 2 + self._random() * (high / 2 - low / 2))
        value = min(max(value, low), high)
        if 0 < abs(value) < smallest_nonzero_magnitude:
            return min(max(0.0, low), high)
        return value

    def draw_string(self, intervals: Any, *, min_size: int = 0, max_size: int = 10**9) -> str:
        """A text of these characters."""
        return "".join(
            chr(intervals[int(self._random() * len(intervals))])
            for _ in range(self._size(min_size, max_size) if len(intervals) else 0)
        )

    def draw_bytes(self, min_size: int = 0, max_size: int = 10**9) -> bytes:
        """Any bytes."""
        return self._rng.randbytes(self._size(min_size, max_size))

    def _size(self, least: int, most: int) -> int:
        return self._rng.randint(least, min(most, least + LONGER))


# By its name: all versions of Hypothesis that have this table understand that.
AVAILABLE_PROVIDERS[PLAIN] = f"{__name__}.{Plain.__name__}"
