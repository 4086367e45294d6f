"""A bad line: which packets are lost, doubled, held back, damaged, or wait for their turn.

Pure but for its random numbers, which follow from a seed. The device is `slow_lane`'s.

Bad luck is bounded, as a node gives a connection up on which it hears nothing: what is lost or
damaged is followed by packets that pass (`SPARED`). A narrow line loses what it has no room for.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

#: How likely a packet meets what is wrong.
SHARE: Final = 0.25
#: So many packets of a way pass after one that was lost or damaged.
SPARED: Final = 3
#: The longest that a packet is held back, seconds: others overtake it.
HELD_S: Final = 0.02
#: Of a narrow line: what passes in a second, and what may wait, bytes.
BYTES_S: Final = 250_000
ROOM: Final = 64_000
#: What is wrong with a line of each of these names; see `steps.packets`.
LOSS, DUPLICATES, DISORDER, DAMAGE, NARROW = "loss", "duplicates", "disorder", "damage", "narrow"


class BadLine:
    """One way between two machines, one direction of it."""

    def __init__(self, wrong: str, seed: int) -> None:
        self._wrong = wrong
        self._rng = Random(seed)
        self._spared = 0
        self._free_at_s = 0.0

    def passed(self, packet: bytes, now_s: float) -> Iterator[tuple[float, bytes]]:
        """What comes out at the other end of this packet, and when, in seconds from now."""
        if self._wrong == NARROW:
            begins_s = max(now_s, self._free_at_s)
            if (begins_s - now_s) * BYTES_S <= ROOM:
                self._free_at_s = begins_s + len(packet) / BYTES_S
                yield self._free_at_s - now_s, packet
            return
        if self._rng.random() >= SHARE or self._spared:
            self._spared = max(0, self._spared - 1)
            yield 0.0, packet
        elif self._wrong == DISORDER:
            yield self._rng.uniform(HELD_S / 4, HELD_S), packet
        elif self._wrong == DUPLICATES:
            yield from ((0.0, packet), (0.0, packet))
        else:
            self._spared = SPARED
            if self._wrong == DAMAGE:
                yield 0.0, damaged(packet, self._rng)


def damaged(packet: bytes, rng: Random) -> bytes:
    """An IPv4 packet with one bit of what it carries turned over: no checksum misses that."""
    begin = (packet[0] & 0xF) * 4
    at = rng.randrange(begin * 8, len(packet) * 8)
    changed = bytearray(packet)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)
