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

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links. Raises `FaultError` if a dialler sees otherwise."""
        changed = sorted(self._cut ^ cut)
        await asyncio.gather(
            *(self.proxies[link].cut() for link in changed if link in cut),
            *(self.proxies[link].mend(quietly=True) for link in changed if link not in cut),
        )
        self._cut = cut
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
        await self.proxies[link].verify()

    async def check(self) -> None:
        """Raises `FaultError` if a dialler gets through a link that is cut, or hangs."""
        await asyncio.gather(*(self.proxies[link].verify() for link in sorted(self._cut)))

    async def close(self) -> None:
        """Let nobody in any more."""
        await asyncio.gather(*(proxy.close() for proxy in self.proxies.values()))
