"""What a lease is called, and what it costs at most."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from decimal import Decimal

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.providers.base import CostError, Prices, Wanted

#: What a lease is called: no letters that are taken for others.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_lease() -> str:
    """A name that nobody has used."""
    return "".join(secrets.choice(LETTERS) for _ in range(10))


@frozen
class Line:
    """What a machine costs for each begun hour, in EUR, at the most expensive of its choices."""

    wanted: Wanted
    choices: tuple[tuple[str, str], ...]
    hourly: Decimal


@frozen
class Quote:
    """What a lease costs at most, if it ends when it should."""

    lines: tuple[Line, ...]
    hours: int

    @property
    def total(self) -> Decimal:
        """In EUR."""
        return sum((line.hourly for line in self.lines), Decimal(0)) * self.hours


def priced(provider: str, wanted: Wanted, prices: Prices) -> Line:
    """Where that provider has it, and for how much. Raises `UsageError` if nowhere."""
    choices = tuple(
        (size, place) for size in wanted.sizes for place in wanted.places if (size, place) in prices
    )
    if not choices:
        known = ", ".join(sorted({f"{size} at {place}" for size, place in prices}))
        raise UsageError(
            f"{provider} has no {' or '.join(wanted.sizes)} at {' or '.join(wanted.places)}"
            f"{f'; it has {known}' if known else ''}: name others with --size and --place."
        )
    return Line(wanted, choices, max(prices[choice] for choice in choices))


def hours(ttl_s: int) -> int:
    """Begun hours, which are what is paid for."""
    return max(1, -(-ttl_s // 3600))


def guard(quotes: Iterable[Quote], at_most: Decimal) -> None:
    """Raise `CostError` if it may cost more."""
    total = sum((quote.total for quote in quotes), Decimal(0))
    if total > at_most:
        raise CostError(
            f"That may cost {total:.2f} EUR, and --at-most allows {at_most:.2f}: allow more, or "
            "ask for fewer or smaller machines, or for less time. Nothing was rented."
        )
