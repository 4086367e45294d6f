"""How long an answer is waited for: of a node that stands still only a moment.

What it was asked before or is asked now may yet happen, so that its outcome is unknown.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable

from syncmodel.model.outcome import Outcome, unknown

#: Seconds.
MOMENT_S = 0.2


class Patience:
    """The bounds of what nodes are being asked; `paused` are those that stand still."""

    def __init__(self) -> None:
        self.paused: frozenset[str] = frozenset()
        self._asking = defaultdict[str, set[asyncio.Timeout]](set)

    async def outcome(
        self, node: str, asking: Awaitable[Outcome], usual_s: float | None = None
    ) -> Outcome:
        """The node's answer, or that nobody knows; `usual_s` bounds it where the node goes on."""
        bounds = self._asking[node]
        limit_s = MOMENT_S if node in self.paused else usual_s
        try:
            async with asyncio.timeout(limit_s) as bound:
                bounds.add(bound)
                try:
                    return await asking
                finally:
                    bounds.discard(bound)
        except TimeoutError:
            return unknown(f"no answer in {limit_s or MOMENT_S:g} s")

    def stand_still(self, nodes: frozenset[str]) -> None:
        """Exactly these nodes stand still from now on."""
        until_s = asyncio.get_running_loop().time() + MOMENT_S
        for node in nodes - self.paused:
            for bound in self._asking[node]:
                bound.reschedule(until_s)
        self.paused = nodes
