"""The verdicts of a check, and its bounds. Values only.

A verdict is one of four: `Holds` and `Unreached` speak of an exhausted space, `Violated` comes with
a path that anyone can follow, and everything cut short by a bound is `Unknown`.
"""

import enum
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeAlias

import attrs

from syncmodel.checker.properties import Property
from syncmodel.checker.system import A, S
from syncmodel.errors import UsageError


def _positive_or_none(_instance: object, attribute: Any, value: float | None) -> None:
    if value is not None and value <= 0:
        raise UsageError(
            f"{attribute.name} must be above 0, or None for no bound; it is {value!r}."
        )


@attrs.frozen(kw_only=True)
class Bounds:
    """Where a search stops. A space that just fits is exhausted: a bound is hit only by what would
    lie beyond it. Raises UsageError for a bound that is not positive.

    `max_depth` counts actions from an initial state. `max_memory_mib` is the memory of the whole
    process (resident set, MiB), looked at every 1,024 states: set it some way below the memory of
    the machine.
    """

    max_states: int | None = attrs.field(default=1_000_000, validator=_positive_or_none)
    max_depth: int | None = attrs.field(default=None, validator=_positive_or_none)
    max_seconds: float | None = attrs.field(default=None, validator=_positive_or_none)
    max_memory_mib: float | None = attrs.field(default=None, validator=_positive_or_none)


class Bound(enum.Enum):
    """Which bound was hit; the value is its name in `Bounds`."""

    STATES = "max_states"
    DEPTH = "max_depth"
    SECONDS = "max_seconds"
    MEMORY = "max_memory_mib"


@attrs.frozen(kw_only=True)
class Statistics:
    """What a search did. Under a reduction all of it counts the reduced graph.

    `depth` is that of the deepest state found; every state up to `whole_depth` was found.
    `transitions` counts every edge, also those to known states. `own_bytes` is what the
    checker's tables take (for each liveness property also eight bytes an edge), the states
    themselves not counted; `grown_mib` is by how much the process
    grew in the meantime, all counted (0 for small spaces).
    """

    states: int
    transitions: int
    depth: int
    whole_depth: int
    seconds: float
    own_bytes: int
    grown_mib: float

    @property
    def bytes_per_state(self) -> float:
        """Measured memory per state, state and tables together; noise below some 50,000 states."""
        return self.grown_mib * 2**20 / self.states if self.states else 0.0

    def __str__(self) -> str:
        return f"{self.states} states, {self.transitions} transitions, depth {self.depth}"


@attrs.frozen
class Path(Generic[S, A]):
    """A run: where it starts, then each action with the state it led to."""

    start: S
    steps: tuple[tuple[A, S], ...] = ()

    @property
    def actions(self) -> tuple[A, ...]:
        return tuple(action for action, _ in self.steps)

    @property
    def states(self) -> tuple[S, ...]:
        """The start included, so one more than there are actions."""
        return (self.start, *(state for _, state in self.steps))

    @property
    def end(self) -> S:
        return self.steps[-1][1] if self.steps else self.start

    def __len__(self) -> int:
        return len(self.steps)

    def __bool__(self) -> bool:
        return True  # A path without a step is a path still.


@attrs.frozen(kw_only=True)
class Holds(Generic[S, A]):
    """The whole space was searched and every property is as it should be.

    `witnesses` has, for each `sometimes`, a path to where it was first seen.
    """

    outcome: ClassVar[str] = "holds"
    statistics: Statistics
    witnesses: Mapping[str, Path[S, A]]

    def __str__(self) -> str:
        return f"holds: {self.statistics}"


@attrs.frozen(kw_only=True)
class Violated(Generic[S, A]):
    """A property is broken, and `path` shows it.

    For `always` it ends in a state that breaks the property. For the liveness kinds it ends at the
    point of no return: the first state after which no run reaches what the property asks for.
    Without a partial-order reduction no shorter path does so. `statistics` are those at that time,
    `witnesses` those of each `sometimes` that was seen by then.
    """

    outcome: ClassVar[str] = "violated"
    property: Property[S]
    path: Path[S, A]
    statistics: Statistics
    witnesses: Mapping[str, Path[S, A]] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return (
            f"violated: {self.property.kind.value} {self.property.name!r} "
            f"after {len(self.path)} actions ({self.statistics})"
        )


@attrs.frozen(kw_only=True)
class Unreached(Generic[S]):
    """The whole space was searched and a `sometimes` is true nowhere in it. There is no path to
    show: the likeliest cause is a model that can't get there, not a system that is wrong."""

    outcome: ClassVar[str] = "unreached"
    property: Property[S]
    statistics: Statistics

    def __str__(self) -> str:
        return f"unreached: sometimes {self.property.name!r} is true in none of {self.statistics}"


@attrs.frozen(kw_only=True)
class Unknown(Generic[S, A]):
    """A bound was hit first. No `always` is broken by any state found so far, so by none up to
    depth `statistics.whole_depth`; `unseen` are the `sometimes` still waiting."""

    outcome: ClassVar[str] = "unknown"
    bound: Bound
    statistics: Statistics
    witnesses: Mapping[str, Path[S, A]]
    unseen: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"unknown: {self.bound.value} was hit after {self.statistics}; "
            f"complete up to depth {self.statistics.whole_depth}"
        )


Verdict: TypeAlias = Holds[S, A] | Violated[S, A] | Unreached[S] | Unknown[S, A]
