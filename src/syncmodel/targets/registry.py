"""The targets that can be asked for by name. Their code is imported when one is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.targets.base import Target


@frozen
class Kind:
    """A kind of target: `make` gives one of so many nodes n1, n2, ..., with these planted bugs.

    Nothing runs yet then; `make` raises `UsageError` for an unknown bug. `waits`: the target does
    real input and output, so its coroutines need an event loop.
    """

    name: str
    title: str
    make: Callable[[int, Sequence[str]], Target]
    waits: bool


def _embedded(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.targets.embedded import EmbeddedCluster

    return EmbeddedCluster(count, bugs)


def _simulated(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.targets.simulated import SimulatedCluster

    return SimulatedCluster(count, bugs)


EMBEDDED = Kind(
    "embedded", "real processes of this computer, over SSH and HTTP", _embedded, waits=True
)
SIMULATED = Kind("simulated", "the nodes' cores joined in memory", _simulated, waits=False)
KINDS = (EMBEDDED, SIMULATED)


def names() -> tuple[str, ...]:
    """The names that `get` knows."""
    return tuple(kind.name for kind in KINDS)


def get(name: str) -> Kind:
    """The kind of that name. Raises `UsageError`, which lists those that there are."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise UsageError(f"There is no target {name!r}; there are: {', '.join(names())}.")
