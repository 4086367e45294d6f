"""What a system under test offers: a fresh start, steps, and a settled sight of itself.

Three methods are required (`begin`, `settle`, and a step's `request`, beside the plumbing of
`together` and `close`); the abilities that only some steps need are classes of their own in
`syncmodel.steps.base`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol, runtime_checkable

from syncmodel.model.net import Net
from syncmodel.model.view import ControlView, View
from syncmodel.record import Record
from syncmodel.steps.base import Target as StepTarget


class How(Enum):
    """How rest was known."""

    POSITION = "every log applied up to its end"
    QUIET = "unchanged for a while"


class Settled(Record):
    """The system is at rest, and this is what it showed at that position.

    `views` has every node that runs; None where the plugin API is not there. `control` is filled
    only where it was asked for.
    """

    views: Mapping[str, View | None]
    control: Mapping[str, ControlView]
    how: How = How.POSITION


class Unsettled(Record):
    """The limit ran out while nodes said that they were busy; `reason` says which, and of what."""

    reason: str


class Target(StepTarget, Protocol):
    """A system that runs are performed on, one after another."""

    async def begin(self, net: Net) -> None:
        """A fresh run: an id of its own, and links, lives and generations as `net` has them.

        Raises `InvalidRunError` if that can't be had.
        """

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Bring every component of `net` to rest and read it there; `control` asks for more."""

    async def close(self) -> None:
        """Nothing is left of the system: no process, no file."""


@runtime_checkable
class Reusable(Protocol):
    """A target that keeps its machines from one run to the next, as long as runs end well."""

    def passed(self) -> None:
        """The run that began last has passed. Without this word the next `begin` starts anew."""

    @property
    def used(self) -> bool:
        """Whether the next run has machines that another one used."""

    def renew(self) -> None:
        """The next `begin` starts anew, though the last run passed."""


#: Networks that are tried: messages in order first, then one for each seed.
SEEDS: tuple[int | None, ...] = (None, *range(20))


@runtime_checkable
class Networked(Protocol):
    """A target whose network is decided by a number, so that a run can be had again exactly."""

    def on_network(self, number: int | None) -> None:
        """Runs that begin from now on have this network; None delivers everything in order."""
