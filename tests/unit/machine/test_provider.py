"""The backend: each kind of value lies in its range, and follows from the seed alone."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.intervalsets import IntervalSet

from syncmodel.machine.provider import EARLY_STOP, PLAIN, Plain

TIMES = 2_000


def plain() -> Plain:
    with Plain.drawing_from(lambda: Random(1)):
        return Plain(object())


def test_booleans() -> None:
    drawn = plain()
    assert not any(drawn.draw_boolean(0) for _ in range(TIMES))
    assert all(drawn.draw_boolean(1) for _ in range(TIMES))
    assert 0.2 < sum(drawn.draw_boolean(0.25) for _ in range(TIMES)) / TIMES < 0.3
    assert not any(drawn.draw_boolean(EARLY_STOP) for _ in range(TIMES))


@pytest.mark.parametrize(
    ("least", "most"),
    [(0, 0), (-3, 4), (0, 2**64 - 1), (None, -(2**70)), (2**70, None), (None, None), (5, None)],
)
def test_integers(least: int | None, most: int | None) -> None:
    drawn = plain()
    values = [drawn.draw_integer(least, most) for _ in range(TIMES)]
    assert all(least is None or value >= least for value in values)
    assert all(most is None or value <= most for value in values)
    if (least, most) == (-3, 4):
        assert set(values) == set(range(-3, 5))


def test_integers_by_their_weights() -> None:
    drawn = plain()
    counts = Counter(drawn.draw_integer(0, 2, weights={0: 0.1, 2: 0.9}) for _ in range(TIMES))
    assert set(counts) == {0, 2}
    assert counts[2] > 7 * counts[0]


@pytest.mark.parametrize(
    ("least", "most"),
    [(0.0, 1.0), (-math.inf, math.inf), (-1e308, 1e308), (1e300, math.inf), (-math.inf, -1e12)],
)
def test_floats(least: float, most: float) -> None:
    drawn = plain()
    values = [drawn.draw_float(min_value=least, max_value=most) for _ in range(TIMES)]
    assert all(least <= value <= most and math.isfinite(value) for value in values)
    assert len(set(values)) > 1 or most > 1e300
    small = [drawn.draw_float(min_value=-1, max_value=1, smallest_nonzero_magnitude=0.5)]
    assert all(value == 0 or abs(value) >= 0.5 for value in small)


def test_texts_and_bytes() -> None:
    drawn = plain()
    letters = IntervalSet.from_string("abcxyz")
    texts = [drawn.draw_string(letters, min_size=2, max_size=5) for _ in range(TIMES)]
    assert {len(text) for text in texts} == {2, 3, 4, 5}
    assert set("".join(texts)) == set("abcxyz")
    assert drawn.draw_string(IntervalSet(())) == ""
    assert {len(drawn.draw_bytes(1, 3)) for _ in range(TIMES)} == {1, 2, 3}
    assert len(drawn.draw_bytes()) <= 20


def test_it_serves_any_test_of_hypothesis() -> None:
    """Without a search each test case has a generator of the test's own seed."""

    def values() -> list[object]:
        seen: list[object] = []

        @seed(7)
        @settings(
            backend=PLAIN, max_examples=30, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(st.tuples(st.integers(), st.text(), st.lists(st.booleans()), st.floats()))
        def test(value: object) -> None:
            seen.append(value)

        test()
        return seen

    assert str(values()) == str(values())
    assert len(values()) >= 30
