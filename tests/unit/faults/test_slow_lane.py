"""What is led aside comes back later, in order; what is hurried comes back now."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from syncmodel.faults.slow_lane import SlowLane, Way, way_of

PORT = 4001
WAY: Way = ("10.77.1.2", "10.77.1.1")


def packet(source: str, target: str, ports: tuple[int, int], body: bytes = b"") -> bytes:
    """TCP over IPv4, as far as anybody here looks at it."""
    head = bytes([0x45]) + bytes(8) + b"\x06" + bytes(2)
    ends = IPv4Address(source).packed + IPv4Address(target).packed
    return head + ends + b"".join(port.to_bytes(2, "big") for port in ports) + body


@contextlib.contextmanager
def lane() -> Iterator[tuple[SlowLane, socket.socket]]:
    """One over a socket in place of a device, and the other end of that."""
    ours, network = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    network.setblocking(False)
    made = SlowLane(os.dup(ours.fileno()), PORT)
    with ours, network:
        try:
            yield made, network
        finally:
            made.close()


def test_who_dialled_whom_is_told_by_the_port_and_either_way() -> None:
    there, here = WAY[1], WAY[0]
    assert way_of(packet(here, there, (50_000, PORT)), PORT) == WAY
    assert way_of(packet(there, here, (PORT, 50_000)), PORT) == WAY
    assert way_of(packet(here, there, (50_000, 22)), PORT) is None


@given(st.binary(max_size=60))
def test_no_packet_is_too_odd(data: bytes) -> None:
    way_of(data, PORT)


def test_packets_of_a_slow_way_come_back_later_and_in_order() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with lane() as (made, network):
            made.treat(WAY, 0.05)
            started_s = loop.time()
            sent = [packet(*WAY, (50_000, PORT), bytes([n])) for n in range(20)]
            for one in sent:
                network.send(one)
            other = packet("10.77.1.3", WAY[1], (50_000, PORT))
            network.send(other)
            assert await loop.sock_recv(network, 100) == other
            assert [await loop.sock_recv(network, 100) for _ in sent] == sent
            assert loop.time() - started_s >= 0.05

    asyncio.run(main())


def test_what_waits_comes_back_when_the_way_is_hurried() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with lane() as (made, network):
            made.treat(WAY, 3600.0)
            sent = [packet(*WAY, (50_000, PORT), bytes([n])) for n in range(3)]
            for one in sent:
                network.send(one)
            await asyncio.sleep(0)  # the loop looks for what has come
            await asyncio.sleep(0)
            made.treat(WAY, 0.0)
            async with asyncio.timeout(5):
                assert [await loop.sock_recv(network, 100) for _ in sent] == sent

    asyncio.run(main())
