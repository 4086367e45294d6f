"""The decisions in a virtual world: what is delivered next, what the clocks show, what breaks.

One schedule takes things in turn, the other draws them from a seed and from what was done so far.
A schedule never changes the world itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol
from zlib import crc32

from syncmodel.reference.simulated.coming import Coming, Deliverable

SKEW_LIMIT_S = 60


class Schedule(Protocol):
    """The decisions of one run after another."""

    def begin(self) -> None:
        """A new run begins: the same decisions again, as long as the same is done."""

    def heard(self, act: str) -> None:
        """This is done next, in words."""

    def skews_s(self, names: Sequence[str]) -> dict[str, int]:
        """How far each node's clock is ahead, in seconds."""

    def ticks(self) -> int:
        """How many tenths of a second pass before the next request."""

    def crossings(self) -> int:
        """How many things are delivered before the next act, without waiting for rest."""

    def pick(self, choices: Coming) -> Deliverable:
        """What is delivered next; `choices` is not empty."""

    def breaks(self, count: int) -> int | None:
        """Which of this many connections breaks now, if any."""

    def repeats(self) -> bool:
        """Whether the next message comes twice."""

    def order(self, count: int) -> list[int]:
        """In which order this many simultaneous requests are carried out."""


class InTurn:
    """Each link's oldest message in turn; between rests nothing travels, and nothing breaks."""

    def __init__(self) -> None:
        self._last: Deliverable | None = None

    def begin(self) -> None:
        self._last = None

    def heard(self, act: str) -> None:
        del act

    def skews_s(self, names: Sequence[str]) -> dict[str, int]:
        return dict.fromkeys(names, 0)

    def ticks(self) -> int:
        return 1

    def crossings(self) -> int:
        return 0

    def pick(self, choices: Coming) -> Deliverable:
        self._last = choices.after(self._last)
        return self._last

    def breaks(self, count: int) -> int | None:
        del count
        return None

    def repeats(self) -> bool:
        return False

    def order(self, count: int) -> list[int]:
        return list(range(count))


def _skew_s(rng: Random) -> int:
    anything = rng.randint(-SKEW_LIMIT_S, SKEW_LIMIT_S)
    return rng.choice((0, 0, 0, 1, -1, SKEW_LIMIT_S, -SKEW_LIMIT_S, anything))


class Drawn:
    """Any link next; some messages cross in between, and some connections break.

    Every decision follows from the seed and from what was done so far in the run: so runs differ
    from each other, and the same steps make the same run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = Random(seed)
        self.begin()

    def begin(self) -> None:
        self._salt = crc32(str(self._seed).encode())
        self._rng.seed(self._salt)
        self._pace: tuple[int, ...] = (1,)

    def heard(self, act: str) -> None:
        self._salt = crc32(act.encode(), self._salt)
        self._rng.seed(self._salt)

    def skews_s(self, names: Sequence[str]) -> dict[str, int]:
        # From a separate generator, one node after the other: so one more node that never runs
        # changes nothing in a run.
        rng = Random(crc32(b"clocks", self._salt))
        # Slow, mostly: real runs write many times a second, and stamps are whole seconds.
        self._pace = rng.choice(((1,), (1,), (0,), (0, 1, 1, 5), (0, 10, 30)))
        if rng.random() < 0.5:
            return dict.fromkeys(names, 0)
        return {name: _skew_s(rng) for name in names}

    def ticks(self) -> int:
        return self._rng.choice(self._pace)

    def crossings(self) -> int:
        return self._rng.choice((0, 0, 1, 3, 8))

    def pick(self, choices: Coming) -> Deliverable:
        return choices.at(self._rng.random())

    def breaks(self, count: int) -> int | None:
        return int(self._rng.random() * count) if count and self._rng.random() < 0.05 else None

    def repeats(self) -> bool:
        return self._rng.random() < 0.02

    def order(self, count: int) -> list[int]:
        places = list(range(count))
        self._rng.shuffle(places)
        return places
