"""Links that are cut on the hosts themselves: packets are rejected by nft(8), in a table of ours.

A link (a, b) is what b dials: every address of a's relay, from every address of b. It is cut at
both ends, each connection on it is destroyed where the kernel can (ss -K), and new ones are
refused. It hangs by packets that are dropped; the connections that it had then are dead, and nobody
is told. Each entry of the table ends by itself, so that nothing outlives its tester for long. What
is in force is probed through b's sshd, which dials as b's node would.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Iterable, Mapping

import asyncssh

from syncmodel.errors import FaultError, TransportError
from syncmodel.inventory import reading
from syncmodel.inventory.file import Host, Inventory
from syncmodel.inventory.links import NeverSlow, dials
from syncmodel.inventory.reading import Place
from syncmodel.model.net import Link
from syncmodel.transport import ssh

TABLE = "inet syncmodel"
#: What nobody renews ends after so long; it is renewed when half of that is over.
TIMEOUT_S = 240
PROBE_S = 5.0
#: How long a dialler waits to be sure of silence.
SILENCE_S = 0.3
_GUIX = "/run/current-system/profile"
PATH = f"/usr/sbin:/sbin:/usr/bin:/bin:{_GUIX}/sbin:{_GUIX}/bin"

# `dialled`: places of peers' relays. `diallers`: peers' addresses with the port of our own relay.
# `mute_` are those of links that hang; `dead` the connections that these had, dialler first. Whose
# dialler has given one up may dial from the same port: that is a new one.
# Resets pass, else those of our own would not arrive: who dials would wait and not be refused.
_NEW = "tcp flags & (fin | syn | rst | ack) == syn"
_CHAINS = """\
chain cut_out{v} {{
  type filter hook output priority -10
  {ip} daddr . tcp dport @mute_dialled{v} drop
  {ip} daddr . tcp sport @mute_diallers{v} drop
  {new} delete @dead{v} {{ {ip} saddr . tcp sport . {ip} daddr . tcp dport }}
  {ip} saddr . tcp sport . {ip} daddr . tcp dport @dead{v} drop
  {ip} daddr . tcp dport . {ip} saddr . tcp sport @dead{v} drop
  tcp flags & rst != 0 accept
  {ip} daddr . tcp dport @dialled{v} reject with tcp reset
  {ip} daddr . tcp sport @diallers{v} reject with tcp reset
}}
chain cut_in{v} {{
  type filter hook input priority -10
  {ip} saddr . tcp sport @mute_dialled{v} drop
  {ip} saddr . tcp dport @mute_diallers{v} drop
  {new} delete @dead{v} {{ {ip} saddr . tcp sport . {ip} daddr . tcp dport }}
  {ip} saddr . tcp sport . {ip} daddr . tcp dport @dead{v} drop
  {ip} daddr . tcp dport . {ip} saddr . tcp sport @dead{v} drop
  tcp flags & rst != 0 accept
  {ip} saddr . tcp sport @dialled{v} drop
  {ip} saddr . tcp dport @diallers{v} reject with tcp reset
}}
"""
_NAMES = ("dialled", "diallers", "mute_dialled", "mute_diallers")
_PLACE = "ipv{v}_addr . inet_service"
_SETS = "".join(
    f"set {name}{v} {{ type {kind.format(v=v)}; flags {flags}; }}\n"
    for name, kind, flags in (
        *((name, _PLACE, "timeout") for name in _NAMES),
        ("dead", f"{_PLACE} . {_PLACE}", "dynamic,timeout"),
    )
    for v in (4, 6)
)
_RULES = _SETS + "".join(_CHAINS.format(ip=ip, v=v, new=_NEW) for ip, v in (("ip", 4), ("ip6", 6)))
_FRESH = f"add table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{_RULES}}}\n"
_EMPTY = "".join(f"flush set {TABLE} {name}{v}\n" for name in _NAMES for v in (4, 6))


class PacketLinks(NeverSlow):
    """The links between hosts of an inventory. Always close it."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = math.ceil(timeout_s)
        self._connections: Mapping[str, asyncssh.SSHClientConnection] = {}
        self._hosts: Mapping[str, Host] = {}
        self._nft = ""
        self._cut = frozenset[Link]()
        self._hung = frozenset[Link]()
        self._said_s = 0.0

    async def open(
        self, inventory: Inventory, connections: Mapping[str, asyncssh.SSHClientConnection]
    ) -> None:
        """Make the table on every host; nothing is cut. Raises `TransportError`."""
        self._connections, self._hosts, self._nft = connections, inventory.hosts, inventory.nft
        await asyncio.gather(*(self._rule(node, _FRESH) for node in self._hosts))
        self._cut = self._hung = frozenset()

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these. Raises `FaultError` if a dialler sees otherwise."""
        changed = self._cut ^ cut
        self._cut, self._hung = cut, self._hung & cut
        await self._put({node for link in changed for node in link})
        broken = changed & cut
        await asyncio.gather(*(self._destroy(link) for link in broken))
        await self._verify(changed)

    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link, with its connections open. Raises `FaultError` if a
        dialler sees otherwise."""
        self._cut |= {link}
        self._hung |= {link}
        await self._put(link)
        await self._bury(link)
        await self._verify([link])

    async def check(self) -> None:
        """Renew every cut, and look at it. Raises `FaultError` if a dialler gets through."""
        await self._put({node for link in self._cut for node in link})
        await self._verify(self._cut)

    async def keep(self) -> None:
        """Renew what is cut, before it ends by itself. Raises `FaultError` if it may have ended."""
        age_s = time.monotonic() - self._said_s
        if self._cut and age_s > self._timeout_s:
            raise FaultError(f"Nobody renewed the cuts for {age_s:.0f} s, so they have ended.")
        if self._cut and age_s > self._timeout_s / 2:
            await self.check()

    async def again(self, node: str) -> None:
        """Its table is gone; the other end of each link has held what is cut."""
        await self._rule(node, _FRESH)
        await self._put([node])

    async def close(self) -> None:
        """Nothing is cut, and the tables are gone, where the hosts can still be reached."""
        hosts, self._hosts = self._hosts, {}
        for node in hosts:
            if not self._connections[node].is_closed():
                await self._rule(node, f"add table {TABLE}\ndelete table {TABLE}\n", hosts[node])
        self._cut = self._hung = frozenset()

    async def _put(self, nodes: Collection[str]) -> None:
        """What is cut at these nodes is just what is to be."""
        await asyncio.gather(*(self._rule(node, _EMPTY + self._entries(node)) for node in nodes))
        self._said_s = time.monotonic()

    def _entries(self, node: str) -> str:
        lines = ""
        for before, links in (("", self._cut - self._hung), ("mute_", self._hung)):
            dialled = {place for a, b in links if b == node for place in self._hosts[a].relay}
            diallers = {
                Place(peer.host, own.port)
                for a, b in links
                if a == node
                for peer in self._hosts[b].relay
                for own in self._hosts[a].relay
            }
            lines += self._adding(f"{before}dialled", dialled)
            lines += self._adding(f"{before}diallers", diallers)
        return lines

    def _adding(self, name: str, places: Iterable[Place]) -> str:
        lines = ""
        for v in (4, 6):
            own = sorted(f"{p.host} . {p.port}" for p in places if (":" in p.host) is (v == 6))
            entries = ", ".join(f"{one} timeout {self._timeout_s}s" for one in own)
            lines += f"add element {TABLE} {name}{v} {{ {entries} }}\n" if own else ""
        return lines

    async def _rule(self, node: str, script: str, host: Host | None = None) -> None:
        """Have the host's nft read this."""
        sudo = (host or self._hosts[node]).sudo
        command = f"{sudo}env PATH={PATH} {self._nft} -f -"
        code, said = await self._run(node, command, script)
        if code != 0:
            raise TransportError(
                f"{node} can't cut links: `{command}` says {said[-300:] or 'nothing'}; install "
                f"nftables, and let it be run (see `sudo`), or write another way of `cuts`."
            )

    async def _destroy(self, link: Link) -> None:
        """Destroy the connections of a link at both ends, where the kernel can: else they break
        when something is sent."""
        a, b = (self._hosts[node] for node in link)
        ends = {
            b.node: [f"dst {_in_ss(place)}" for place in a.relay],
            a.node: [
                f"'( sport = :{own.port} and dst {_in_ss(Place(peer.host, 0))} )'"
                for own in a.relay
                for peer in b.relay
            ],
        }
        for node, filters in ends.items():
            sudo = self._hosts[node].sudo
            each = [f"{sudo}env PATH={PATH} ss -K -t {one} >/dev/null 2>&1" for one in filters]
            await self._run(node, "; ".join(each), "")

    async def _bury(self, link: Link) -> None:
        """The connections that a link has now are dead at both ends, and stay so when it is whole
        again, for as long as anything lasts here. Nobody is told."""
        a, b = (self._hosts[node] for node in link)
        command = "; ".join(listing(f"dst {_in_ss(place)}") for place in a.relay)
        code, said = await self._run(b.node, command, "")
        if code != 0:
            raise FaultError(f"{b.node} does not list its connections: {said[-300:]}")
        lines = ""
        for here, there in ends(said):
            tuple_ = f"{here.host} . {here.port} . {there.host} . {there.port}"
            v = 6 if ":" in here.host else 4
            lines += f"add element {TABLE} dead{v} {{ {tuple_} timeout {self._timeout_s}s }}\n"
        if lines:
            await asyncio.gather(*(self._rule(node, lines) for node in link))

    async def _run(self, node: str, command: str, script: str) -> tuple[int, str]:
        connection = self._connections[node]
        try:
            async with asyncio.timeout(PROBE_S * 2):
                done = await ssh.with_session(lambda: connection.run(command, input=script), node)
        except TimeoutError:
            raise TransportError(f"{node} did not end `{command}` in {PROBE_S * 2} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise TransportError(f"{node} did not run `{command}`: {error}") from error
        said = "".join(str(one or "") for one in (done.stdout, done.stderr)).strip()
        return -1 if done.exit_status is None else done.exit_status, said

    async def _verify(self, links: Collection[Link]) -> None:
        """Raises `FaultError` where a dialler does not see what it should."""
        await asyncio.gather(
            *(self._probe(link, place) for link in links for place in self._hosts[link[0]].relay)
        )

    async def _probe(self, link: Link, place: Place) -> None:
        a, b = link
        if link in self._hung:
            await self._probe_silence(link, place)
            return
        passes = await dials(self._connections[b], place, PROBE_S)
        if passes is (link not in self._cut):
            return
        if passes:
            raise FaultError(f"The link {a} -> {b} was cut, and {b} gets through to {place}.")
        # A relay that is down refuses at home, too.
        if await dials(self._connections[a], place, PROBE_S):
            raise FaultError(f"The link {a} -> {b} was healed, and {b} can't dial {place}.")

    async def _probe_silence(self, link: Link, place: Place) -> None:
        a, b = link
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        passes = await dials(self._connections[b], place, SILENCE_S)
        if passes:
            raise FaultError(f"The link {a} -> {b} hangs, and {b} gets through to {place}.")
        if loop.time() - started_s < SILENCE_S:
            raise FaultError(f"The link {a} -> {b} hangs, and {b} is refused by {place}.")


def listing(which: str) -> str:
    """The command by which a host lists those of its connections that this filter of ss(8) takes;
    `ends` reads what that says."""
    return f"env PATH={PATH} ss -Htn state established {which}"


def ends(said: str) -> set[tuple[Place, Place]]:
    """Both ends of each connection, the host's own first. Raises `ValueError`."""
    each = {(words[-2], words[-1]) for line in said.splitlines() if (words := line.split())}
    return {
        (reading.place(_without_zone(here)), reading.place(_without_zone(there)))
        for here, there in each
    }


def _without_zone(end: str) -> str:
    """A place as ss(8) has it, without its interface, and in IPv4 where it is that."""
    host, _, port = end.rpartition(":")
    host = host.strip("[]").partition("%")[0].removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _in_ss(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{host}:{place.port}" if place.port else host
