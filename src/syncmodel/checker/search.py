"""`check`: search a system and judge its properties.

`explore` walks; this module observes the walk and reaches a verdict.
"""

import time
from collections.abc import Callable, Sequence
from typing import Generic

import attrs

from syncmodel.checker.explore import End, Progress, Walk
from syncmodel.checker.liveness import Edges, Flags, point_of_no_return
from syncmodel.checker.meter import resident_mib
from syncmodel.checker.properties import Kind, Property, require_distinct_names
from syncmodel.checker.reduction import PartialOrder
from syncmodel.checker.space import path_to
from syncmodel.checker.system import A, S, System
from syncmodel.checker.verdict import (
    Bound,
    Bounds,
    Holds,
    Path,
    Statistics,
    Unknown,
    Unreached,
    Verdict,
    Violated,
)
from syncmodel.errors import UsageError


def check(
    system: System[S, A],
    properties: Sequence[Property[S]],
    bounds: Bounds = Bounds(),  # noqa: B008 -- a frozen value
    *,
    symmetry: Callable[[S], S] | None = None,
    reduce: PartialOrder[S, A] | None = None,
    progress: Callable[[Progress], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    memory_mib: Callable[[], float] = resident_mib,
) -> Verdict[S, A]:
    """Searches every reachable state, breadth first, and judges the properties.

    The answer is the same on every run (but for times and memory). An `always` ends the search at
    the first state that breaks it, which is a nearest one; the others are judged once the space is
    exhausted, and the first in the given order that failed is the verdict. `symmetry` is a
    `canonical` function; it and `reduce` are explained in `reduction`. `progress` is called
    every 1,024 states, and once a second. `clock` tells seconds; `memory_mib` the memory of this
    process.

    Raises UsageError if there is no initial state, if names repeat, or if `reduce` meets a liveness
    property; whatever the system's own functions raise passes through.
    """
    require_distinct_names(properties)
    _require_no_liveness(properties, reduce)
    watch: _Watch[S, A] = _Watch(properties)
    walk = Walk(
        system=system,
        bounds=bounds,
        clock=clock,
        memory_mib=memory_mib,
        visit=watch.visit,
        cross=watch.cross if watch.liveness else None,
        canonical=symmetry,
        reduce=reduce,
        progress=progress,
    )
    before_mib = memory_mib()
    end = walk.run()
    statistics = _statistics(walk, watch, before_mib)
    if not statistics.states:
        raise UsageError("The system has no initial state, so every property would hold of it.")
    return _Judge(watch, walk, statistics).verdict(end)


def _require_no_liveness(
    properties: Sequence[Property[S]], reduce: PartialOrder[S, A] | None
) -> None:
    refused = [p.name for p in properties if p.kind.is_liveness]
    if reduce is not None and refused:
        raise UsageError(
            f"A partial-order reduction loses liveness, so it can't judge {refused}: check these "
            f"in a search of their own, without `reduce`."
        )


def _statistics(walk: Walk[S, A], watch: "_Watch[S, A]", before_mib: float) -> Statistics:
    return Statistics(
        states=len(walk.space),
        transitions=walk.transitions,
        depth=walk.depth,
        whole_depth=walk.whole_depth,
        seconds=walk.seconds(),
        own_bytes=walk.space.own_bytes() + watch.own_bytes(),
        grown_mib=max(0.0, walk.memory_mib() - before_mib),
    )


@attrs.frozen
class _Live(Generic[S]):
    """A liveness property, what it says of each state, and the edges that count for it."""

    property: Property[S]
    satisfied: Flags = attrs.field(factory=bytearray)
    edges: Edges = attrs.field(factory=Edges)


class _Watch(Generic[S, A]):
    """What the properties see while the search runs."""

    def __init__(self, properties: Sequence[Property[S]]) -> None:
        self.properties = properties
        self.always = [p for p in properties if p.kind is Kind.ALWAYS]
        self.unseen = [p for p in properties if p.kind is Kind.SOMETIMES]
        self.liveness = [_Live(p) for p in properties if p.kind.is_liveness]
        self.first_seen: dict[str, int] = {}
        self.broken: tuple[Property[S], int] | None = None

    def visit(self, state: S, number: int) -> bool:
        """True if the state breaks an `always`."""
        for wanted in self.always:
            if not wanted.holds(state):
                self.broken = (wanted, number)
                return True
        if self.unseen:
            self._look_for(state, number)
        for live in self.liveness:
            live.satisfied.append(bool(live.property.holds(state)))
        return False

    def cross(self, source: int, action: A, target: int) -> None:
        for live in self.liveness:
            if live.property.by(action):
                live.edges.add(source, target)

    def own_bytes(self) -> int:
        return sum(len(live.satisfied) + live.edges.own_bytes() for live in self.liveness)

    def _look_for(self, state: S, number: int) -> None:
        seen = [p for p in self.unseen if p.holds(state)]
        for wanted in seen:
            self.first_seen[wanted.name] = number
            self.unseen.remove(wanted)


@attrs.frozen
class _Judge(Generic[S, A]):
    """From what was seen to the verdict."""

    watch: _Watch[S, A]
    walk: Walk[S, A]
    statistics: Statistics

    def verdict(self, end: Bound | End) -> Verdict[S, A]:
        if self.watch.broken is not None:
            return self._violated(*self.watch.broken)
        if isinstance(end, Bound):
            return Unknown(
                bound=end,
                statistics=self.statistics,
                witnesses=self._witnesses(),
                unseen=tuple(p.name for p in self.watch.unseen),
            )
        return self._of_whole_space()

    def _of_whole_space(self) -> Verdict[S, A]:
        live_by_name = {live.property.name: live for live in self.watch.liveness}
        unseen = {p.name for p in self.watch.unseen}
        for asked in self.watch.properties:
            if asked.name in unseen:
                return Unreached(property=asked, statistics=self.statistics)
            if asked.name in live_by_name:
                live = live_by_name[asked.name]
                lost = point_of_no_return(asked.kind, live.satisfied, live.edges)
                if lost is not None:
                    return self._violated(asked, lost)
        return Holds(statistics=self.statistics, witnesses=self._witnesses())

    def _violated(self, broken: Property[S], number: int) -> Violated[S, A]:
        return Violated(
            property=broken,
            path=self._path(number),
            statistics=self.statistics,
            witnesses=self._witnesses(),
        )

    def _witnesses(self) -> dict[str, Path[S, A]]:
        return {name: self._path(number) for name, number in self.watch.first_seen.items()}

    def _path(self, number: int) -> Path[S, A]:
        return path_to(number, self.walk.space, self.walk.system, self.walk.canonical)
