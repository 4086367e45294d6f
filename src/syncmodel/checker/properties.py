"""What may be asked of a system: named properties of single states, of four kinds.

This module says what each kind promises; `search` (always, sometimes) and `liveness` (eventually,
converges) decide it.
"""

import enum
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import attrs

from syncmodel.errors import UsageError

T = TypeVar("T", contravariant=True)  # noqa: PLC0105 -- a property of more serves for less


class Kind(enum.Enum):
    """How the states that satisfy a property must lie in the state graph."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    EVENTUALLY = "eventually"
    CONVERGES = "converges"

    @property
    def is_liveness(self) -> bool:
        """Whether it is a property of the whole graph, known only once all of it is."""
        return self in (Kind.EVENTUALLY, Kind.CONVERGES)


def _every_action(_action: Hashable) -> bool:
    return True


@attrs.frozen
class Property(Generic[T]):
    """A named predicate on states and its kind. Make one with the functions of this module.

    `by` counts for the liveness kinds alone: which actions go on happening.
    """

    name: str
    kind: Kind
    holds: Callable[[T], bool]
    by: Callable[[Any], bool] = _every_action


def always(name: str, holds: Callable[[T], bool]) -> Property[T]:
    """`holds` is true in every reachable state. Pair it with a `sometimes`: see there."""
    return Property(name, Kind.ALWAYS, holds)


def sometimes(name: str, holds: Callable[[T], bool]) -> Property[T]:
    """`holds` is true in some reachable state. A space that has no such state is `Unreached`:
    the sign of a model in which the interesting thing never happens, so that an `always` about it
    passes vacuously."""
    return Property(name, Kind.SOMETIMES, holds)


def eventually(
    name: str, holds: Callable[[T], bool], *, by: Callable[[Any], bool] = _every_action
) -> Property[T]:
    """From every reachable state a state in which `holds` is true stays reachable.

    On a finite graph that is the same as: every attracting component (a set of states that is
    never left again; a state without successors is one) has such a state somewhere. So it is also
    the same as "every fair run comes to it again and again", where fair means that an action which
    is possible again and again in a state is taken from that state again and again.

    `by` names the actions that go on happening: the graph is then cut down to their edges, while
    the states stay those that all the actions reach. So "whatever went wrong, delivering alone
    brings it about" is `by=is_delivery`.

    What it can't see: a run that goes round in a circle for ever although a way out stays possible
    (a livelock under a scheduler that is not fair), nor how long it takes.
    """
    return Property(name, Kind.EVENTUALLY, holds, by)


def converges(
    name: str, holds: Callable[[T], bool], *, by: Callable[[Any], bool] = _every_action
) -> Property[T]:
    """Every state of every attracting component satisfies `holds`: each fair run comes to a point
    from which on it is true for good. Stronger than `eventually`; blind in the same two places,
    and `by` means the same."""
    return Property(name, Kind.CONVERGES, holds, by)


def require_distinct_names(properties: Sequence[Property[Any]]) -> None:
    """Raises UsageError if two properties share a name: a verdict could not tell them apart."""
    twice = [name for name, n in Counter(p.name for p in properties).items() if n > 1]
    if twice:
        raise UsageError(f"Each property needs its own name; given more than once: {twice}.")
