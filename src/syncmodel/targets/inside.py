"""What only some targets let a person see: each message of a run, and their nodes as they run.

A target declares them by inheritance, like the abilities of `steps.base`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from attrs import frozen

from syncmodel.model.view import View


class Carried(Enum):
    """What a message brings."""

    CONNECTION = "connection"
    QUESTION = "question"
    ROW = "row"
    NOTHING = "nothing"


@frozen
class Message:
    """What came from one node to another; `sent` is the number of the last moment before it was
    under way."""

    sender: str
    receiver: str
    carried: Carried
    sent: int


class Moment(Protocol):
    """Something that happened between two rests."""

    @property
    def number(self) -> int:
        """Which moment of its run it is, from 0."""

    @property
    def message(self) -> Message | None:
        """The message that came then; None: nothing did, or it is not known."""

    @property
    def words(self) -> str:
        """What happened, in a few words."""

    @property
    def views(self) -> Mapping[str, View | None]:
        """What each node that ran showed right after it; None without the plugin."""

    @property
    def under_way(self) -> int:
        """How many messages were still under way then."""


class Traces(ABC):
    """A target that can say, message by message, what happened between two rests."""

    @abstractmethod
    def trace(self) -> None:
        """Note all that happens, from now on."""

    @abstractmethod
    def traced(self) -> tuple[Moment, ...]:
        """What was noted since this was asked last, in order."""


#: What for, and the command: as a shell takes it.
Way = tuple[str, str]


class Reachable(ABC):
    """A target whose nodes a person can reach while they run."""

    @abstractmethod
    def ways(self) -> Mapping[str, Sequence[Way]]:
        """For each node the commands that reach it, as long as this run's nodes are there."""
