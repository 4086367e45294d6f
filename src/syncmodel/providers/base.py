"""What a provider of machines is: few requests to its API, and what its troubles mean.

Everything that has a price or belongs to one that has is marked with a lease and with when it ends,
so that anybody can find and destroy it. Not here: what is done with them in which order, again, or
after all (`renting`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from attrs import field, frozen

from syncmodel.errors import InvalidRunError, UsageError

#: The label that says whose it is, and the one that says until when, in seconds since 1970.
LEASE, EXPIRES = "syncmodel", "syncmodel-expires"
SERVER = "server"
#: Whether something that was asked for is done. Raises `FailedError` if it never will be.
Pending = Callable[[], bool]


class ProviderError(InvalidRunError):
    """A provider could not give, or take back, what was asked for."""


class CostError(UsageError):
    """What is asked for may cost more than is allowed; nothing was rented."""


class TroubleError(Exception):
    """What the API said, by what it means for who asked."""


class BusyError(TroubleError):
    """Nothing was done, and the same may be asked again later."""


class LostError(TroubleError):
    """There is no answer, so it may have been done."""


class StrangeHostError(LostError):
    """Nobody knows the host. Its words are for people: who named it has to act, unless it was
    known before."""


class NoRoomError(TroubleError):
    """There is none of this size at this place now."""


class TakenError(TroubleError):
    """The name is in use; perhaps by what was asked for, if an answer was lost."""


class GoneError(TroubleError):
    """It is not there (any more)."""


class FailedError(TroubleError):
    """It was begun and can't be brought to its end."""


@frozen
class Mark:
    """Whose something is, and until when."""

    lease: str
    expires: int

    @property
    def labels(self) -> dict[str, str]:
        """The same as labels, where a provider has them."""
        return {LEASE: self.lease, EXPIRES: str(self.expires)}

    def named(self, what: str) -> str:
        """The name of something of this lease; also a valid name of a host."""
        return f"syncmodel-{self.lease}-{what}"


@frozen
class Wanted:
    """One machine: its node, what it may be and where (tried in turn), and its first orders."""

    node: str
    sizes: tuple[str, ...]
    places: tuple[str, ...]
    image: str
    key: str
    user_data: str = field(default="", repr=False)


@frozen
class Thing:
    """Something that is marked: a server, or what one needs. `expires` is None if nobody can read
    it; `address` is where a server is reached, empty as long as it has none."""

    kind: str
    id: str
    name: str
    lease: str
    expires: int | None
    place: str = ""
    size: str = ""
    address: str = ""
    private: str = ""

    def __str__(self) -> str:
        """For people."""
        return f"{self.kind} {self.name}"


Prices = Mapping[tuple[str, str], Decimal]


class Provider(ABC):
    """One account at one provider. Its methods block; each is one attempt.

    What they raise is the client's own; `meant` says which `TroubleError` (or, if nothing helps,
    which error for people) that is.
    """

    name: ClassVar[str]
    #: What is tried in turn if nobody says otherwise.
    sizes: ClassVar[tuple[str, ...]]
    places: ClassVar[tuple[str, ...]]
    image: ClassVar[str]

    @property
    def secrets(self) -> Sequence[str]:
        """What may appear in no message."""
        return ()

    @abstractmethod
    def prices(self, sizes: Sequence[str], places: Sequence[str]) -> Prices:
        """EUR for each begun hour, all included, of those sizes and places that there are."""

    @abstractmethod
    def check(self, wanted: Wanted, place: str) -> None:
        """Raise `UsageError` if there is no such image."""

    @abstractmethod
    def share(self, mark: Mark, wanted: Wanted) -> Any:
        """What the machines of a lease share (a key, a network), made unless it is there."""

    @abstractmethod
    def make(self, mark: Mark, wanted: Wanted, size: str, place: str, shared: Any) -> Thing:
        """Rent a machine."""

    @abstractmethod
    def start(self, thing: Thing, wanted: Wanted) -> Pending:
        """Do what is left until it runs; nothing if it was done before."""

    @abstractmethod
    def things(self, lease: str | None) -> list[Thing]:
        """All that has this lease's mark, or any, at every place; in the order to remove it."""

    @abstractmethod
    def remove(self, thing: Thing) -> Pending:
        """Give it back."""

    @abstractmethod
    def meant(self, error: Exception) -> Exception:
        """What an exception of the client means."""


def expiry(text: str | None) -> int | None:
    """What the label says, if it is a time."""
    return int(text) if text and text.isascii() and text.isdigit() else None


def of_status(status: int, words: str) -> TroubleError | None:
    """What an HTTP status means with any API, if it is one to live with."""
    if status in (423, 429, 503):
        return BusyError(words)
    if status >= 500:
        return LostError(words)
    return GoneError(words) if status == 404 else None
