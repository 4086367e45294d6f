"""What two long tuples differ in that are mostly the same: found without looking at each item."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")

#: From so many items on it takes longer to find out than to look up that it was found out.
LONG = 64


class _Same:
    """A tuple by its identity, which it keeps."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Any, ...]) -> None:
        self.items = items

    def __hash__(self) -> int:
        return id(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.items is other.items


def differing(before: tuple[T, ...], after: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Both without their common beginning and end."""
    if before is after:
        return (), ()
    if len(before) < LONG:
        return _differing(before, after)
    # Several ask this of the same two, one after the other.
    gone, came = _remembered(_Same(before), _Same(after))
    return gone, came


@lru_cache(maxsize=8)
def _remembered(before: _Same, after: _Same) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return _differing(before.items, after.items)


def _differing(before: tuple[T, ...], after: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
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
