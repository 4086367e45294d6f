"""Slow links and bad lines: packets that are led aside to a device of ours, and come back from it.

No kernel module is needed for it, and packets of other links don't come here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from heapq import heappop, heappush
from ipaddress import IPv4Address
from itertools import count

from syncmodel.faults.bad_line import BadLine

#: Who dials whom, by address.
Way = tuple[str, str]
_LONGEST_PACKET = 1 << 16
#: TCP and UDP.
_PROTOCOLS = (6, 17)


class SlowLane:
    """The packets of ways to `port`, from the device with this descriptor, which is ours then."""

    def __init__(self, device: int, port: int) -> None:
        self._device = device
        self._port = port
        self._delays_s: dict[Way, float] = {}
        #: By way, and whether it is from who dials.
        self._lines: dict[tuple[Way, bool], BadLine] = {}
        #: When each packet is due, its number, and the packet: a heap.
        self._waiting: dict[Way, list[tuple[float, int, bytes]]] = {}
        self._timers: dict[Way, set[asyncio.TimerHandle]] = {}
        self._numbers = count()
        asyncio.get_running_loop().add_reader(device, self._take)

    def treat(self, way: Way, delay_s: float, wrong: str | None = None, seed: int = 0) -> None:
        """What is led aside from this way takes so long, over a line with this wrong (see
        `bad_line`); what waits already arrives now."""
        self._delays_s[way] = delay_s
        for forth in (True, False):
            self._lines.pop((way, forth), None)
            if wrong is not None:
                self._lines[way, forth] = BadLine(wrong, 2 * seed + forth)
        for timer in self._timers.pop(way, ()):
            timer.cancel()
        for _, _, packet in sorted(self._waiting.pop(way, ())):
            self._pass(packet)

    def close(self) -> None:
        """Give the device back; what waits is lost."""
        asyncio.get_running_loop().remove_reader(self._device)
        for timers in self._timers.values():
            for timer in timers:
                timer.cancel()
        self._waiting.clear()
        os.close(self._device)

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._hold(os.read(self._device, _LONGEST_PACKET))

    def _hold(self, packet: bytes) -> None:
        way = way_of(packet, self._port)
        if way is None:
            self._pass(packet)
            return
        line = self._lines.get((way, str(IPv4Address(packet[12:16])) == way[0]))
        delay_s = self._delays_s.get(way, 0.0)
        if line is None:
            self._later(way, delay_s, packet)
            return
        for more_s, one in line.passed(packet, asyncio.get_running_loop().time()):
            self._later(way, delay_s + more_s, one)

    def _later(self, way: Way, delay_s: float, packet: bytes) -> None:
        if not delay_s:
            self._pass(packet)
            return
        loop = asyncio.get_running_loop()
        due_s = loop.time() + delay_s
        heappush(self._waiting.setdefault(way, []), (due_s, next(self._numbers), packet))
        timers = self._timers.setdefault(way, set())

        def arrive() -> None:
            timers.discard(timer)
            self._pass(heappop(self._waiting[way])[2])

        timer = loop.call_at(due_s, arrive)
        timers.add(timer)

    def _pass(self, packet: bytes) -> None:
        # A device that takes no more has lost it, as a network may.
        with contextlib.suppress(OSError):
            os.write(self._device, packet)


def way_of(packet: bytes, port: int) -> Way | None:
    """Who dialled whom for this packet over IPv4, either way; None for any other packet.

    Of TCP, and of UDP, by which a probe looks.
    """
    if len(packet) < 24 or packet[0] >> 4 != 4 or packet[9] not in _PROTOCOLS:
        return None
    size = (packet[0] & 0xF) * 4
    source, target = (str(IPv4Address(packet[at : at + 4])) for at in (12, 16))
    ports = [int.from_bytes(packet[at : at + 2], "big") for at in (size, size + 2)]
    if ports[1] == port:
        return source, target
    return (target, source) if ports[0] == port else None
