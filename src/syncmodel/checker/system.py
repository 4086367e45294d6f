"""What can be checked: a system of states and actions, defined by three functions.

Only the protocol lives here. How it is searched is in `search`, ready-made examples in `toys`.
"""

from collections.abc import Hashable, Iterable
from typing import Protocol, TypeVar

S = TypeVar("S", bound=Hashable)
A = TypeVar("A", bound=Hashable)


class System(Protocol[S, A]):
    """A transition system. All three functions are pure and deterministic, their order included:
    the checker keeps only *which* of a state's actions led on, and asks again to tell the path.

    States and actions are hashable values, equal exactly when nothing could tell them apart.
    """

    def initial(self) -> Iterable[S]:
        """The states in which the system may start: at least one."""
        ...

    def actions(self, state: S, /) -> Iterable[A]:
        """What may be tried in a state, each action once, always in the same order."""
        ...

    def next(self, state: S, action: A, /) -> S | None:
        """The state after the action, or None if it can't be taken here after all."""
        ...
