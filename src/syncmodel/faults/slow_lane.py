"""Slow links: packets that are led aside to a device of ours, and come back from it later.

No kernel module is needed for it, and packets of other links don't come here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from ipaddress import IPv4Address

#: Who dials whom, by address.
Way = tuple[str, str]
_LONGEST_PACKET = 1 << 16


class SlowLane:
    """The packets of ways to `port`, from the device with this descriptor, which is ours then."""

    def __init__(self, device: int, port: int) -> None:
        self._device = device
        self._port = port
        self._delays_s: dict[Way, float] = {}
        self._waiting: dict[Way, deque[tuple[asyncio.TimerHandle, bytes]]] = {}
        asyncio.get_running_loop().add_reader(device, self._take)

    def delay(self, way: Way, delay_s: float) -> None:
        """What is led aside from this way takes so long; what waits already arrives now."""
        self._delays_s[way] = delay_s
        for timer, packet in self._waiting.pop(way, ()):
            timer.cancel()
            self._pass(packet)

    def close(self) -> None:
        """Give the device back; what waits is lost."""
        asyncio.get_running_loop().remove_reader(self._device)
        for waiting in self._waiting.values():
            for timer, _ in waiting:
                timer.cancel()
        self._waiting.clear()
        os.close(self._device)

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._hold(os.read(self._device, _LONGEST_PACKET))

    def _hold(self, packet: bytes) -> None:
        way = way_of(packet, self._port)
        delay_s = 0.0 if way is None else self._delays_s.get(way, 0.0)
        if way is None or not delay_s:
            self._pass(packet)
            return
        timer = asyncio.get_running_loop().call_later(delay_s, self._next, way)
        self._waiting.setdefault(way, deque()).append((timer, packet))

    def _next(self, way: Way) -> None:
        _, packet = self._waiting[way].popleft()
        self._pass(packet)

    def _pass(self, packet: bytes) -> None:
        # A device that takes no more has lost it, as a network may.
        with contextlib.suppress(OSError):
            os.write(self._device, packet)


def way_of(packet: bytes, port: int) -> Way | None:
    """Who dialled whom for this packet of TCP over IPv4, either way; None for any other packet."""
    if len(packet) < 24 or packet[0] >> 4 != 4 or packet[9] != 6:
        return None
    size = (packet[0] & 0xF) * 4
    source, target = (str(IPv4Address(packet[at : at + 4])) for at in (12, 16))
    ports = [int.from_bytes(packet[at : at + 2], "big") for at in (size, size + 2)]
    if ports[1] == port:
        return source, target
    return (target, source) if ports[0] == port else None
