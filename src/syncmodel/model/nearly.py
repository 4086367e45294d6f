"""What two long tuples differ in that are mostly the same: found without looking at each item."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def differing(before: tuple[T, ...], after: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Both without their common beginning and end."""
    if before is after:
        return (), ()
    start = _common(before, after)
    one, other = before[start:], after[start:]
    end = _common(one[::-1], other[::-1])
    return one[: len(one) - end], other[: len(other) - end]


def _common(one: tuple[T, ...], other: tuple[T, ...]) -> int:
    """How many items they begin with that are equal. Tuples of the same items compare quickly."""
    equal, most = 0, min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    while most - equal > 1:
        middle = (equal + most) // 2
        if one[equal:middle] == other[equal:middle]:
            equal = middle
        else:
            most = middle
    return equal
