"""What can happen next in a mesh, as a set that a value can carry: the bits of one number.

Every link has three places in it: its dial, its next request, its next message. So a delivery
changes only its own bits, and the next one is picked without a look at every link: a mesh of n
nodes has n(n-1) links, and a write takes as many deliveries. `world` decides what the bits are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import or_
from typing import Final, Literal, NamedTuple, overload

from attrs import field, frozen

from syncmodel.model.net import Link

What = Literal["dial", "ask", "tell"]
#: In the order in which they are listed for one link, which is that of their names too.
WHATS: Final[tuple[What, ...]] = ("ask", "dial", "tell")
ASK: Final = 0b001
DIAL: Final = 0b010
TELL: Final = 0b100
#: Up to this many set bits, stepping one by one is quicker than a binary search.
FEW: Final = 6


class Deliverable(NamedTuple):
    """Something that can happen now, on a link (relay, dialler).

    "dial": the dialler connects; "ask": the relay gets the oldest request; "tell": the dialler gets
    the oldest message.
    """

    what: What
    link: Link


@frozen(eq=False)
class Places:
    """Which bit stands for what, among these links; in their order, as they are listed.

    `shift` is where a link's own three bits begin: `TELL << shift[link]` is its next message.
    """

    links: tuple[Link, ...]
    every: tuple[Deliverable, ...] = field(init=False, repr=False)
    shift: Mapping[Link, int] = field(init=False, repr=False)
    #: For each link the `ASK` bits of all that compare greater, for each kind all bits of the kinds
    #: that do: by their names, so that from ten nodes on this is not the order of `links`.
    _later_links: Mapping[Link, int] = field(init=False, repr=False)
    _later_whats: Mapping[What, int] = field(init=False, repr=False)

    @every.default
    def _each(self) -> tuple[Deliverable, ...]:
        return tuple(Deliverable(what, link) for link in self.links for what in WHATS)

    @shift.default
    def _shift(self) -> dict[Link, int]:
        return {link: len(WHATS) * number for number, link in enumerate(self.links)}

    @_later_links.default
    def _by_name(self) -> dict[Link, int]:
        backwards = sorted(self.links, reverse=True)
        bits = [ASK << self.shift[link] for link in backwards]
        return dict(zip(backwards, accumulate(bits, or_, initial=0), strict=False))

    @_later_whats.default
    def _by_kind(self) -> dict[What, int]:
        asks = sum(ASK << at for at in self.shift.values())
        return {"ask": asks * (DIAL | TELL), "dial": asks * TELL, "tell": 0}

    def later(self, than: Deliverable) -> int:
        """The bits of all that compare greater."""
        what, link = than
        return self._later_whats[what] | self._later_links[link] << WHATS.index(what)


@lru_cache(maxsize=16)
def places(links: tuple[Link, ...]) -> Places:
    """The places of these links, made once: all setups of as many nodes share them."""
    return Places(links)


class Coming(Sequence[Deliverable]):
    """All that can happen now, in a fixed order: that of the links. A value."""

    __slots__ = ("_bits", "_places")

    def __init__(self, places: Places, bits: int) -> None:
        """The members whose bits are set."""
        self._places = places
        self._bits = bits

    def __len__(self) -> int:
        return self._bits.bit_count()

    def __bool__(self) -> bool:
        return self._bits != 0

    def __iter__(self) -> Iterator[Deliverable]:
        every, bits = self._places.every, self._bits
        while bits:
            lowest = bits & -bits
            yield every[lowest.bit_length() - 1]
            bits ^= lowest

    @overload
    def __getitem__(self, number: int) -> Deliverable: ...
    @overload
    def __getitem__(self, number: slice) -> list[Deliverable]: ...
    def __getitem__(self, number: int | slice) -> Deliverable | list[Deliverable]:
        if isinstance(number, slice):
            return list(self)[number]
        size = self._bits.bit_count()
        if not -size <= number < size:
            raise IndexError(f"{size} things can happen; there is no number {number}")
        return self._places.every[_place(self._bits, number % size)]

    def at(self, share: float) -> Deliverable:
        """The one with this share of all before it, from 0 to less than 1.

        Raises IndexError if nothing can happen.
        """
        bits = self._bits
        if not bits:
            raise IndexError("nothing can happen")
        return self._places.every[_place(bits, int(share * bits.bit_count()))]

    def after(self, last: Deliverable | None) -> Deliverable:
        """The first that compares greater than `last`; the first of all if none does.

        Raises IndexError if nothing can happen.
        """
        bits = self._bits
        later = bits & self._places.later(last) if last is not None else 0
        bits = later or bits
        if not bits:
            raise IndexError("nothing can happen")
        return self._places.every[(bits & -bits).bit_length() - 1]


def _place(bits: int, number: int) -> int:
    """The place of the set bit with this many before it, by binary search; it must exist."""
    if number < FEW:
        for _ in range(number):
            bits &= bits - 1
        return (bits & -bits).bit_length() - 1
    place, width = 0, bits.bit_length()
    while width > 1:
        half = width >> 1
        lower = bits & ((1 << half) - 1)
        count = lower.bit_count()
        if number < count:
            bits, width = lower, half
        else:
            bits >>= half
            number -= count
            place += half
            width -= half
    return place
