"""The history of a run: one stream of typed entries, which every report consumes.

An observer is any callable that takes an entry. Entries are plain values; reports decide how to
show them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from syncmodel.model.divergence import Divergence
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.view import ControlView, View
from syncmodel.model.world import World
from syncmodel.record import Record
from syncmodel.steps.base import Step


class Verdict(Enum):
    """What a run says about the system. `UNKNOWN` and `INVALID` are never a pass."""

    PASS = "pass"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"
    INVALID = "invalid"


class Began(Record):
    """A run began on this net, to which that was promised; `number` counts the runs of this process
    from 1."""

    number: int
    net: Net
    guarantees: Guarantees | None = None


class Taken(Record):
    """Step `index` (from 1) of the run is about to be performed."""

    index: int
    step: Step


class Performed(Record):
    """Step `index` (from 1) of the run has had its outcome."""

    index: int
    step: Step
    outcome: Outcome
    seconds: float


class Rested(Record):
    """The system came to rest after step `index` and was compared without a divergence.

    `before` and `after` are the worlds around the step, for observers that count what happened.
    `control` is filled where the control plane was looked at.
    """

    index: int
    views: Mapping[str, View | None]
    how: str
    seconds: float
    before: World
    after: World
    control: Mapping[str, ControlView] = {}


class Ended(Record):
    """The run is over. `index` is the step that decided it; `views` is the last sight, if any.

    `rested`: that sight is of the rest after this very step, and `control` of the same moment.
    """

    index: int
    verdict: Verdict
    divergences: tuple[Divergence, ...] = ()
    reason: str = ""
    views: Mapping[str, View | None] | None = None
    control: Mapping[str, ControlView] = {}
    rested: bool = False


Entry = Began | Taken | Performed | Rested | Ended
Observer = Callable[[Entry], None]


def nobody(entry: Entry) -> None:
    """An observer that ignores everything."""


def all_of(*observers: Observer) -> Observer:
    """An observer that hands every entry to each of these, in order."""
    observers = tuple(one for one in observers if one is not nobody)
    if len(observers) == 1:
        return observers[0]

    def observe(entry: Entry) -> None:
        for observer in observers:
            observer(entry)

    return observe
