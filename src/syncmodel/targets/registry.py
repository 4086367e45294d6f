"""The targets that can be asked for by name. Their code is imported when one is made."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.targets.base import Target


@frozen
class Kind:
    """A kind of target: `factory` ("module:name") is called with how many nodes, and which bugs.

    `waits`: it does real input and output, so its coroutines need an event loop.
    """

    name: str
    title: str
    factory: str
    waits: bool

    def make(self, count: int, bugs: Sequence[str] = ()) -> Target:
        """A target of nodes n1, n2, ...; nothing runs yet. Raises `UsageError` for no such bug."""
        module, _, name = self.factory.partition(":")
        target: Target = getattr(import_module(module), name)(count, tuple(bugs))
        return target


KINDS = (
    Kind(
        "embedded",
        "real processes of this computer, over SSH and HTTP",
        "syncmodel.targets.embedded:EmbeddedCluster",
        waits=True,
    ),
    Kind(
        "simulated",
        "the same nodes' cores joined in memory: thousands of steps a second",
        "syncmodel.targets.simulated:SimulatedCluster",
        waits=False,
    ),
)


def names() -> tuple[str, ...]:
    """The names that `get` knows."""
    return tuple(kind.name for kind in KINDS)


def get(name: str) -> Kind:
    """The kind of that name. Raises `UsageError`, which lists those that there are."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise UsageError(f"There is no target {name!r}; there are: {', '.join(names())}.")
