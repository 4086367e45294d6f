"""What a system under test offers: a fresh start, writes, and a settled sight of itself.

Your own target subclasses `Target` and, for the steps that need more than writes, the abilities
of `syncmodel.steps.base` (`CutsLinks`, `Stops`, ...).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.schema import Schema
from syncmodel.model.values import Write
from syncmodel.model.view import ControlView, View
from syncmodel.record import Record


class How(Enum):
    """How rest was known."""

    POSITION = "every log applied up to its end"
    MARKERS = "a row that was written last has come everywhere"
    QUIET = "unchanged for a while"


class Settled(Record):
    """The system is at rest, and this is what it showed at that position.

    `views` has every node that runs; None where it has no rows to show (without the plugin).
    `control` is filled only where it was asked for.
    """

    views: Mapping[str, View | None]
    control: Mapping[str, ControlView] = {}
    how: How = How.POSITION


class Unsettled(Record):
    """The limit ran out while nodes said that they were busy; `reason` says which, and of what.

    `final`: it is certain that they never come to rest like this, so no more patience is needed.
    """

    reason: str
    final: bool = False


async def all_at_once(calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
    """`Target.together` on an event loop. If one can't be done, the others are still waited for."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in done if isinstance(outcome, Outcome)]


class Target(ABC):
    """A system that runs are performed on, one after another.

    `schema` is what its nodes store and `guarantees` what it promises; `title` says in a few words
    what it is.
    """

    schema: ClassVar[Schema]
    guarantees: ClassVar[Guarantees] = Guarantees()
    title: ClassVar[str] = ""
    #: Whether its coroutines do real input and output, so that they need an event loop.
    waits: ClassVar[bool] = True
    #: How many nodes it has, where that is not anyone's to choose.
    size: ClassVar[int | None] = None
    #: How long one call of it may take, seconds; `settle` gets its own limit on top. After that it
    #: is said to hang, and the run to be unknown.
    hang_limit_s: ClassVar[float] = 600.0

    nodes: tuple[str, ...]

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """`count` nodes n1, n2, ...; nothing runs before `begin`.

        `bugs` are planted ones. Raises `UsageError` for an unknown one.
        """
        del bugs
        self.nodes = tuple(f"n{number}" for number in range(1, count + 1))

    @classmethod
    def unable(cls) -> frozenset[type[object]]:
        """Abilities that the class has, and this computer does not allow: they are not drawn."""
        return frozenset()

    @abstractmethod
    async def begin(self, net: Net) -> None:
        """A fresh run: nothing of an earlier one shows, and links, lives and generations are as
        `net` has them.

        Raises `InvalidRunError` if that is impossible.
        """

    @abstractmethod
    async def write(self, node: str, write: Write) -> Outcome:
        """Ask one node for one write; return its outcome, never raise the node's exception."""

    @abstractmethod
    async def read(self, node: str) -> View | None:
        """What the node shows now; None without the plugin."""

    @abstractmethod
    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Bring every component of `net` to rest and read it there; `control` asks for more."""

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """Do these at once, in no promised order; outcomes in the order given.

        One after another, where a target has no better way.
        """
        outcomes = list[Outcome]()
        try:
            for call in calls:
                outcomes.append(await call)
        finally:
            for call in calls:
                if isinstance(call, Coroutine):
                    call.close()
        return outcomes

    async def close(self) -> None:  # noqa: B027 (many have nothing to close)
        """Leave nothing of the system: no process, no file."""


@runtime_checkable
class Reusable(Protocol):
    """A target that keeps its machines from one run to the next, as long as runs end well."""

    def passed(self) -> None:
        """The run that began last has passed. Without this call the next `begin` starts anew."""

    @property
    def used(self) -> bool:
        """Whether the next run has machines that another one used."""

    def renew(self) -> None:
        """The next `begin` starts anew, though the last run passed."""


class Searchable(ABC):  # noqa: B024 (a promise, not a method)
    """A target whose nodes are values that can be searched exhaustively: see `exhaustive.cores`."""


#: Networks that are tried: messages in order first, then one for each seed.
SEEDS: tuple[int | None, ...] = (None, *range(20))


class Diagnosed(ABC):
    """A target that can say of each node what a person needs to find out what it did."""

    @abstractmethod
    async def artefacts(self, folder: Path) -> None:
        """Write it into a folder for each node, which is there afterwards; keys are left out.

        What can't be had is a file that says why.
        """


@runtime_checkable
class Networked(Protocol):
    """A target whose network is decided by a number, so that a run can be repeated exactly."""

    def on_network(self, number: int | None) -> None:
        """Runs that begin from now on have this network; None delivers everything in order."""
