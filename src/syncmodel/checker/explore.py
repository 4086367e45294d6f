"""The breadth-first walk itself: every state once, in a fixed order, until a bound is hit.

It knows no properties: it shows each new state to `visit` and each edge to `cross`. `search` and
`graph` use these.
"""

import enum
from collections.abc import Callable, Iterable
from typing import Generic

import attrs

from syncmodel.checker.reduction import PartialOrder
from syncmodel.checker.space import ROOT, Space
from syncmodel.checker.system import A, S, System
from syncmodel.checker.verdict import Bound, Bounds

PULSE_STATES = 1024
"""How many states are expanded between two looks at the memory, and between two reports."""
PULSE_S = 1.0
"""After so long there is a report all the same: a state may take its time."""


class End(enum.Enum):
    """How a walk ended, when no bound ended it."""

    EXHAUSTED = "every state was expanded"
    STOPPED = "`visit` asked for it"


class _Stop(Exception):  # noqa: N818 -- control flow out of two loops, not an error
    def __init__(self, why: Bound | End) -> None:
        self.why = why


@attrs.frozen(kw_only=True)
class Progress:
    """Where a running search stands. `waiting`: states found at this depth, not yet expanded."""

    states: int
    transitions: int
    depth: int
    waiting: int
    seconds: float


@attrs.define(kw_only=True)
class Walk(Generic[S, A]):
    """One walk over a system. `run` it once; afterwards the fields tell how far it got.

    `visit(state, number)` returns True to stop. `cross(source, action, target)` gets numbers.
    """

    system: System[S, A]
    bounds: Bounds
    clock: Callable[[], float]
    memory_mib: Callable[[], float]
    visit: Callable[[S, int], bool]
    cross: Callable[[int, A, int], None] | None = None
    canonical: Callable[[S], S] | None = None
    reduce: PartialOrder[S, A] | None = None
    progress: Callable[[Progress], None] | None = None
    space: Space[S, A] = attrs.field(factory=Space)
    transitions: int = 0
    depth: int = 0
    whole_depth: int = -1
    _expanded: int = 0
    _began: float = 0.0
    _reported: float = 0.0

    def run(self) -> Bound | End:
        """Walks until the space is exhausted, a bound is hit or `visit` says stop."""
        self._began = self.clock()
        try:
            level = self._roots()
            self.whole_depth = 0
            while level:
                level = self._expand(level)
                self.whole_depth = self.depth
        except _Stop as stop:
            return stop.why
        return End.EXHAUSTED

    def seconds(self) -> float:
        return self.clock() - self._began

    def _roots(self) -> list[S]:
        roots: list[S] = []
        for choice, start in enumerate(self.system.initial()):
            state = start if self.canonical is None else self.canonical(start)
            if state not in self.space.numbers:
                self._found(state, ROOT, choice, 0)
                roots.append(state)
        return roots

    def _expand(self, level: list[S]) -> list[S]:
        """The states first reached from this level, which is the last one in the space."""
        numbers, cross, may_grow = self.space.numbers, self.cross, not self._at_max_depth()
        following: list[S] = []
        number, depth = len(self.space) - len(level), self.depth + 1
        for left, state in zip(range(len(level), 0, -1), level, strict=True):
            self._check_limits(left)
            for choice, action, target in self._successors(state, number):
                self.transitions += 1
                known = numbers.get(target)
                if known is None:
                    if not may_grow:
                        raise _Stop(Bound.DEPTH)
                    known = self._found(target, number, choice, depth)
                    following.append(target)
                if cross is not None:
                    cross(number, action, known)
            number += 1
        return following

    def _successors(self, state: S, number: int) -> Iterable[tuple[int, A, S]]:
        step, canonical = self.system.next, self.canonical
        edges = [
            (choice, action, target)
            for choice, action in enumerate(self.system.actions(state))
            if (target := step(state, action)) is not None
        ]
        if canonical is not None:
            edges = [(choice, action, canonical(target)) for choice, action, target in edges]
        if self.reduce is not None:
            return self._ample(self.reduce, state, number, edges)
        return edges

    def _ample(
        self, reduce: PartialOrder[S, A], state: S, number: int, edges: list[tuple[int, A, S]]
    ) -> list[tuple[int, A, S]]:
        unknown = len(self.space)
        for ample in reduce.candidates(state, [action for _, action, _ in edges]):
            kept = [edge for edge in edges if edge[1] in ample]
            if any(self.space.numbers.get(target, unknown) > number for _, _, target in kept):
                return kept
        return edges

    def _found(self, state: S, parent: int, choice: int, depth: int) -> int:
        limit = self.bounds.max_states
        if limit is not None and len(self.space) >= limit:
            raise _Stop(Bound.STATES)
        number = self.space.add(state, parent, choice)
        self.depth = depth
        if self.visit(state, number):
            raise _Stop(End.STOPPED)
        return number

    def _at_max_depth(self) -> bool:
        return self.bounds.max_depth is not None and self.depth >= self.bounds.max_depth

    def _check_limits(self, left: int) -> None:
        limit_s = self.bounds.max_seconds
        if limit_s is not None and self.seconds() >= limit_s:
            raise _Stop(Bound.SECONDS)
        if self._expanded % PULSE_STATES == 0 or (
            self.progress is not None and self.seconds() - self._reported >= PULSE_S
        ):
            self._pulse(left)
        self._expanded += 1

    def _pulse(self, left: int) -> None:
        limit_mib = self.bounds.max_memory_mib
        if limit_mib is not None and self.memory_mib() >= limit_mib:
            raise _Stop(Bound.MEMORY)
        if self.progress is not None:
            self._reported = self.seconds()
            self.progress(
                Progress(
                    states=len(self.space),
                    transitions=self.transitions,
                    depth=self.depth,
                    waiting=left,
                    seconds=self._reported,
                )
            )
