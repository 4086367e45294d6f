"""The kinds of targets that can be asked for by name, ours and anybody's.

A kind is registered by an entry point of the group `syncmodel.targets`; ours are too, in
pyproject.toml. Its code is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.targets.base import Target

GROUP = "syncmodel.targets"


@frozen
class TargetKind:
    """A kind of target: `make` gives one of so many nodes n1, n2, ..., with these planted bugs.

    Nothing runs yet then; `make` raises `UsageError` for an unknown bug. `waits`: the target does
    real input and output, so its coroutines need an event loop. `twin`: the name of the kind that
    runs the same nodes without any input or output, if there is one.
    """

    name: str
    title: str
    make: Callable[[int, Sequence[str]], Target]
    waits: bool
    twin: str | None = None


@cache
def _registered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def names() -> tuple[str, ...]:
    """The names that `get` knows."""
    return tuple(_registered())


def get(name: str) -> TargetKind:
    """The kind of that name. Raises `UsageError`, which lists those that there are."""
    point = _registered().get(name)
    if point is None:
        raise UsageError(f"There is no target {name!r}; there are: {', '.join(names())}.")
    kind = point.load()
    assert isinstance(kind, TargetKind), f"{point.value} is no TargetKind"
    return kind
