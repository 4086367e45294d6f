"""Whether packets pass a link as they should: numbered datagrams, and how they arrive.

They are read by raw sockets, before the kernel looks at checksums and drops what is damaged. No
node listens for datagrams.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence

from syncmodel.faults import bad_line

#: Datagrams of one look, and the bytes of each: few enough for a narrow line to have room for.
COUNT, SIZE = 40, 1000
#: No more of them come after so long a silence, seconds.
SILENCE_S = 0.06
#: So often it is looked until what is expected is seen.
LOOKS = 6
#: What they take on a narrow line, at least, seconds.
NARROW_S = 0.7 * (COUNT - 1) * SIZE / bad_line.BYTES_S
_HEADERS = 28  # of IPv4 and UDP, on sockets of ours
FINE = "nothing"


async def sees(
    sender: socket.socket,
    receiver: socket.socket,
    to: tuple[str, int],
    wrong: str,
    delay_s: float = 0.0,
) -> str:
    """What is wrong with the way from a datagram socket to a raw one, which takes so long:
    `wrong`, as soon as that is seen, or else what was seen last."""
    seen = frozenset[str]()
    for _ in range(LOOKS):
        seen = await _look(sender, receiver, to, delay_s)
        if wrong in seen or (wrong == FINE and not seen):
            return wrong
    return " and ".join(sorted(seen)) or FINE


async def _look(
    sender: socket.socket, receiver: socket.socket, to: tuple[str, int], delay_s: float
) -> frozenset[str]:
    loop = asyncio.get_running_loop()
    mark = secrets.token_bytes(8)
    bodies = [mark + bytes([number]) + bytes(SIZE - len(mark) - 1) for number in range(COUNT)]
    for body in bodies:
        sender.sendto(body, to)
    numbers: list[int] = []
    came_s: list[float] = []
    hurt = 0
    while True:
        try:
            async with asyncio.timeout(SILENCE_S + delay_s):
                packet = await loop.sock_recv(receiver, 2 * SIZE)
        except TimeoutError:
            return told(numbers, hurt, came_s[-1] - came_s[0] if came_s else 0.0)
        body = packet[_HEADERS:]
        if body in bodies:
            numbers.append(body[len(mark)])
            came_s.append(loop.time())
        elif body.startswith(mark) or len(body) == SIZE:
            hurt += 1


def told(numbers: Sequence[int], hurt: int, took_s: float) -> frozenset[str]:
    """What is wrong with a way by which these came, in this order, and so many damaged ones."""
    distinct = list(dict.fromkeys(numbers))
    signs = {
        bad_line.LOSS: len(distinct) + hurt < COUNT,
        bad_line.DUPLICATES: len(distinct) < len(numbers),
        bad_line.DISORDER: distinct != sorted(distinct),
        bad_line.DAMAGE: hurt > 0,
        bad_line.NARROW: took_s >= NARROW_S,
    }
    return frozenset(name for name, is_so in signs.items() if is_so)
