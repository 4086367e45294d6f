"""Links between machines whose packets pass a router of ours: cut, hung and slowed down there.

A link (a, b) is what b dials: the relay of a. It is cut by packets that are answered with a reset,
and its connections end at both machines. It hangs by packets that are dropped; the connections
that it had then are dead for good, and nobody is told. It is slow, or a bad line, by a detour
(`slow_lane`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol, TypeVar

from syncmodel.errors import FaultError
from syncmodel.faults.link_probe import Seen
from syncmodel.faults.packet_filter import PacketFilter
from syncmodel.faults.packet_probe import FINE, sees
from syncmodel.faults.slow_lane import SlowLane
from syncmodel.faults.tcp_sockets import ESTABLISHED, SYN_SENT, Connection, connections, destroy
from syncmodel.model.net import Link

#: How long a dialler waits to be sure of silence; and otherwise, which costs nothing where it is
#: answered, seconds. A computer that is overloaded takes seconds to answer.
SILENCE_S, PROBE_S = 0.05, 8.0
#: Nobody listens there.
NOBODYS_PORT = 9
#: A handshake that loses a packet sends it again after a second (RFC 6298).
AGAIN_S = 4.0
#: How long a dead connection stays dead: until both ends have long given it up. Its dialler may
#: have done so sooner, and dial from the same port.
DEAD_S = 3600
NEW = "tcp flags & (fin | syn | rst | ack) == syn"
_RULES = """
set cut {{ type ipv4_addr . ipv4_addr; }};
set hung {{ type ipv4_addr . ipv4_addr; }};
set slow {{ type ipv4_addr . ipv4_addr; }};
set dead {{ type ipv4_addr . inet_service . ipv4_addr . inet_service; flags dynamic,timeout; }};
chain aside {{ type filter hook prerouting priority -150;
  iifname "{device}" return;
  ip saddr . ip daddr @slow meta l4proto {{ tcp, udp }} th dport {port} meta mark set {mark};
  ip daddr . ip saddr @slow meta l4proto {{ tcp, udp }} th sport {port} meta mark set {mark};
}};
chain through {{ type filter hook forward priority 0;
  ip saddr . ip daddr @cut tcp dport {port} reject with tcp reset;
  ip daddr . ip saddr @cut tcp sport {port} reject with tcp reset;
  ip saddr . ip daddr @hung tcp dport {port} drop;
  ip daddr . ip saddr @hung tcp sport {port} drop;
  {new} delete @dead {{ ip saddr . tcp sport . ip daddr . tcp dport }};
  ip saddr . tcp sport . ip daddr . tcp dport @dead drop;
  ip daddr . tcp dport . ip saddr . tcp sport @dead drop;
}};
"""

Given = TypeVar("Given")


class Wires(Protocol):
    """What the network of the machines lets be made: descriptors, each of which is the caller's.

    Of a machine that is not up there is None.
    """

    #: Names the network's table, and marks its packets.
    number: int
    #: The device of the detour.
    device: str

    def filter(self) -> socket.socket:
        """The other end of an nft(8) in the router."""

    async def dialler(self, node: str) -> int | None:
        """A TCP socket of that machine."""

    async def kernel(self, node: str) -> int | None:
        """A sock_diag(7) socket of that machine."""

    async def sender(self, node: str) -> int | None:
        """A UDP socket of that machine."""

    async def receiver(self, node: str) -> int | None:
        """A raw socket of that machine, which gets every UDP datagram."""

    async def detour(self) -> int:
        """The device by which marked packets go, as a tun(4)."""


class RoutedLinks:
    """The links between these machines. Always close it."""

    def __init__(self, addresses: Mapping[str, str], port: int, wires: Wires) -> None:
        self._addresses = addresses
        self._port = port
        self._wires = wires
        self._filter: PacketFilter | None = None
        self._lane: SlowLane | None = None
        self._cut: frozenset[Link] = frozenset()
        self._hung: frozenset[Link] = frozenset()
        self._slow: dict[Link, float] = {}
        self._wrong: dict[Link, str] = {}
        self._changes = 0
        self._silenced: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Have every link whole. Raises `FaultError`."""
        mark, device = self._wires.number, self._wires.device
        self._filter = PacketFilter(self._wires.filter(), f"syncmodel{mark}")
        await self._filter.open(_RULES.format(device=device, mark=mark, port=self._port, new=NEW))

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links. Raises `FaultError` if a dialler sees otherwise."""
        new, gone = sorted(cut - self._cut), sorted(self._cut - cut)
        hung = [link for link in gone if link in self._hung]
        healed = [link for link in gone if link not in self._hung]
        # What was slow arrives before it is cut.
        for link in new:
            await self._quicken(link)
        await self._rule(
            *self._changed("add", "cut", new),
            *self._changed("delete", "cut", healed),
            *self._changed("delete", "hung", hung),
        )
        self._cut, self._hung = cut, self._hung - set(hung)
        await asyncio.gather(
            *(self._break(link) for link in new),
            # Who was dialling is not kept waiting by the pauses of TCP.
            *(self._break(link, SYN_SENT) for link in hung),
        )
        await asyncio.gather(*map(self._verify, (*new, *gone)))

    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link. Raises `FaultError` if a dialler sees otherwise."""
        await self._quicken(link)
        was_cut = [link] if link in self._cut - self._hung else []
        await self._rule(
            *self._changed("add", "hung", [link]), *self._changed("delete", "cut", was_cut)
        )
        self._cut |= {link}
        self._hung |= {link}
        dead = [one for one in await self._of(link, link[1]) if one.state == ESTABLISHED]
        if dead:
            ends = (
                f"{one.here[0]} . {one.here[1]} . {one.there[0]} . {one.there[1]}" for one in dead
            )
            await self._rule(
                self._elements("add", "dead", (f"{e} timeout {DEAD_S}s" for e in ends))
            )
        await self._verify(link)

    async def slow(self, link: Link, delay_s: float) -> None:
        """What passes over this link takes so long. Raises `FaultError` if it does not."""
        self._slow[link] = delay_s
        await self._pace(link)
        await self._verify(link)

    async def impair(self, link: Link, wrong: str) -> None:
        """This is wrong with the line of this link. Raises `FaultError` if it is not."""
        self._wrong[link] = wrong
        await self._pace(link)
        if link[0] not in self._silenced:
            await asyncio.gather(*(self._watch(link, ends) for ends in (link, link[::-1])))

    async def quicken(self) -> None:
        """No link is slow, or a bad line, any more."""
        for link in sorted({*self._slow, *self._wrong}):
            await self._quicken(link)

    async def hurry(self, nodes: frozenset[str]) -> None:
        """These nodes are down or stand still: what they had sent arrives now, or never."""
        fallen, self._silenced = nodes - self._silenced, nodes
        for link in sorted({*self._slow, *self._wrong}):
            await self._pace(link)
            # What was lost on the way is sent again by their kernels, at any time.
            if link in self._wrong and link[0] in fallen:
                await self._break(link)

    def expect_silence(self, nodes: frozenset[str]) -> None:
        """A node that stands still is dialled all the same: its kernel answers."""

    async def check(self) -> None:
        """Raises `FaultError` if a dialler gets through a link that is cut, or hangs."""
        await asyncio.gather(*map(self._verify, sorted(self._cut)))

    async def close(self) -> None:
        """Take the filters away."""
        if self._lane is not None:
            self._lane.close()
            self._lane = None
        if self._filter is not None:
            await self._filter.close()
            self._filter = None

    # --- the filter ----------------------------------------------------------------------------

    def _way(self, link: Link) -> tuple[str, str]:
        """Who dials whom."""
        return self._addresses[link[1]], self._addresses[link[0]]

    def _changed(self, verb: str, name: str, links: Collection[Link]) -> list[str]:
        ways = (" . ".join(self._way(link)) for link in links)
        return [self._elements(verb, name, ways)] if links else []

    def _elements(self, verb: str, name: str, elements: Iterable[str]) -> str:
        assert self._filter is not None
        return f"{verb} element {self._filter.table} {name} {{ {', '.join(elements)} }}"

    async def _rule(self, *commands: str) -> None:
        assert self._filter is not None
        await self._filter.run(*commands)

    async def _pace(self, link: Link) -> None:
        """Have a link as slow, and as bad, as it is to be, while its sender lives."""
        lives = link[0] not in self._silenced
        delay_s = self._slow.get(link, 0.0) if lives else 0.0
        wrong = self._wrong.get(link, FINE) if lives else FINE
        if self._lane is None:
            self._lane = SlowLane(await self._wires.detour(), self._port)
        self._changes += 1
        told = None if wrong == FINE else wrong
        self._lane.treat(self._way(link), delay_s, told, self._changes)
        # It is there already, or not any more, as often as not: neither is an error.
        await self._rule(*self._changed("add", "slow", [link]))
        if not delay_s and told is None:
            await self._rule(*self._changed("delete", "slow", [link]))

    async def _quicken(self, link: Link) -> None:
        if link in self._slow or link in self._wrong:
            self._slow.pop(link, None)
            self._wrong.pop(link, None)
            await self._pace(link)

    # --- connections ---------------------------------------------------------------------------

    async def _of(self, link: Link, node: str) -> list[Connection]:
        """The connections of a link, as one of its two machines has them."""
        return await self._asked(node, lambda kernel: self._belonging(link, kernel)) or []

    async def _break(self, link: Link, state: int | None = None) -> None:
        """End the connections of a link, at both ends; only those in that state."""

        def ended(kernel: socket.socket) -> None:
            for one in self._belonging(link, kernel):
                if state is None or one.state == state:
                    destroy(kernel, one)

        try:
            await asyncio.gather(*(self._asked(node, ended) for node in link))
        except OSError as error:
            raise FaultError(f"The connections of a link can't be ended here: {error}") from error

    def _belonging(self, link: Link, kernel: socket.socket) -> list[Connection]:
        dialler, relay = self._way(link)
        ends = {(dialler, relay, True), (relay, dialler, False)}
        return [
            one
            for one in connections(kernel)
            if (one.here[0], one.there[0], one.there[1] == self._port) in ends
            and self._port in (one.here[1], one.there[1])
        ]

    async def _asked(self, node: str, ask: Callable[[socket.socket], Given]) -> Given | None:
        made = await self._wires.kernel(node)
        if made is None:
            return None
        with socket.socket(fileno=made) as kernel:
            return ask(kernel)

    # --- probes --------------------------------------------------------------------------------

    async def _verify(self, link: Link) -> None:
        """Raises `FaultError` where a dialler does not see what it should."""
        a, b = link
        delay_s = 0.0 if a in self._silenced else self._slow.get(link, 0.0)
        limit_s = SILENCE_S if link in self._hung else PROBE_S + 2 * delay_s
        if self._wrong.get(link, FINE) != FINE:
            limit_s += AGAIN_S
        seen, took_s, why = await self._dial(link, b, limit_s)
        if seen is None:
            return  # a machine that is not up dials nobody
        expected = Seen.HANGS if link in self._hung else Seen.REFUSED
        if link in self._cut:
            if seen is not expected:
                raise FaultError(f"The link {a} -> {b} is cut, and {b} sees {seen.value}{why}.")
            return
        if seen is Seen.REFUSED:
            # A relay that is down refuses at home, too; it may come up meanwhile.
            at_home, _, _ = await self._dial(link, a, limit_s)
            if at_home is not Seen.THROUGH:
                return
            seen, took_s, why = await self._dial(link, b, limit_s)
            if seen is None:
                return
        if seen is not Seen.THROUGH:
            raise FaultError(f"The link {a} -> {b} is whole, and {b} sees {seen.value}{why}.")
        if took_s < 2 * delay_s:
            told = f"takes {delay_s} s each way, and {b} was let in after {took_s:.3f} s"
            raise FaultError(f"The link {a} -> {b} {told}.")

    async def _watch(self, link: Link, ends: tuple[str, ...]) -> None:
        """Raises `FaultError` where packets from the second of these to the first do not pass as
        they should on this link."""
        to, sender = ends
        made = await self._wires.sender(sender), await self._wires.receiver(to)
        if None in made:
            return  # a machine that is not up
        ours, theirs = (socket.socket(fileno=one) for one in made)
        with ours, theirs:
            theirs.setblocking(False)
            # The relay's port, at its own end.
            here, there = (self._port, 0) if sender == link[0] else (0, self._port)
            ours.bind((self._addresses[sender], here))
            place = (self._addresses[to], there or NOBODYS_PORT)
            wrong = self._wrong[link]
            seen = await sees(ours, theirs, place, wrong, self._slow.get(link, 0.0))
        if seen != wrong:
            told = f"from {sender} to {to} there is to be wrong: {wrong}, and is: {seen}"
            raise FaultError(f"On the link {link[0]} -> {link[1]}, {told}.")

    async def _dial(self, link: Link, node: str, limit_s: float) -> tuple[Seen | None, float, str]:
        """What that machine sees when it dials the relay of the link, after how long, and what else
        its kernel says of it, in parentheses."""
        made, why = await self._wires.dialler(node), ""
        if made is None:
            return None, 0.0, why
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        with socket.socket(fileno=made) as dialler:
            dialler.setblocking(False)
            try:
                async with asyncio.timeout(limit_s):
                    await loop.sock_connect(dialler, (self._addresses[link[0]], self._port))
                seen = Seen.THROUGH
            except TimeoutError:
                seen = Seen.THROUGH if _is_connected(dialler) else Seen.HANGS
            except ConnectionRefusedError:
                seen = Seen.REFUSED
            except OSError as error:
                seen, why = Seen.RESET, f" ({error.strerror})"
        return seen, loop.time() - started_s, why


def _is_connected(dialler: socket.socket) -> bool:
    """Whether it is, though our own loop stood still until it was too late to be told."""
    try:
        dialler.getpeername()
    except OSError:
        return False
    return True
