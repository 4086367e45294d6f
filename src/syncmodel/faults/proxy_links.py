"""The links of a cluster on this machine: one proxy per directed link."""

from __future__ import annotations

import asyncio

from syncmodel.faults.link_proxy import Link, LinkProxy

#: How long a node that stands still is listened to, seconds.
SILENCE_S = 0.05


class ProxyLinks:
    """One proxy per directed link; a fault is probed after it is applied and after it is healed."""

    def __init__(self, proxies: dict[Link, LinkProxy]) -> None:
        self.proxies = proxies
        self._cut: frozenset[Link] = frozenset()
        self._silent: frozenset[str] = frozenset()
        self._slow: dict[Link, float] = {}
        self._silenced: frozenset[str] = frozenset()

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links. Raises `FaultError` if a dialler sees otherwise."""
        changed = sorted(self._cut ^ cut)
        await asyncio.gather(
            *(self.proxies[link].cut() for link in changed if link in cut),
            *(self.proxies[link].mend(quietly=True) for link in changed if link not in cut),
        )
        self._cut = cut
        for link in changed:
            self._slow.pop(link, None)
        await asyncio.gather(*(self._verify(link) for link in changed))

    def expect_silence(self, nodes: frozenset[str]) -> None:
        """These nodes stand still: who dials them over a whole link meets silence."""
        self._silent = nodes

    async def _verify(self, link: Link) -> None:
        proxy = self.proxies[link]
        await (proxy.verify(SILENCE_S) if link[0] in self._silent else proxy.verify())

    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link. Raises `FaultError` if a dialler sees otherwise."""
        await self.proxies[link].hang()
        self._cut |= {link}
        self._slow.pop(link, None)
        await self.proxies[link].verify()

    async def slow(self, link: Link, delay_s: float) -> None:
        """What passes over this link takes so long. Raises `FaultError` if it does not."""
        self._slow[link] = delay_s
        await self._pace(link)
        await self._verify(link)

    async def quicken(self) -> None:
        """No link is slow any more."""
        for link in sorted(self._slow):
            await self.slow(link, 0.0)
        self._slow = {}

    async def hurry(self, nodes: frozenset[str]) -> None:
        """These nodes are down or stand still: what they had sent arrives now, though a link is
        slow, and not after the rest of all others."""
        self._silenced = nodes
        await asyncio.gather(*map(self._pace, sorted(self._slow)))

    async def _pace(self, link: Link) -> None:
        delay_s = 0.0 if link[0] in self._silenced else self._slow[link]
        proxy = self.proxies[link]
        await (proxy.delay(delay_s) if delay_s else proxy.mend())

    async def check(self) -> None:
        """Raises `FaultError` if a dialler gets through a link that is cut, or hangs."""
        await asyncio.gather(*(self.proxies[link].verify() for link in sorted(self._cut)))

    async def close(self) -> None:
        """Let nobody in any more."""
        await asyncio.gather(*(proxy.close() for proxy in self.proxies.values()))
