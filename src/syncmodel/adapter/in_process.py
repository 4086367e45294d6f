"""Replicas that are objects of this process: libraries, CRDTs, anything with a merge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from syncmodel.adapter.base import Adapter, unwritten
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.values import Row, Write


class InProcess(Adapter):
    """One replica for each node, made by `replica`; `self.at[node]` is it.

    With `refuses = False` the system itself knows no "exists" and "no such row" (most CRDTs): what
    a node shows then decides, and the node takes one write after the other.
    """

    waits: ClassVar[bool] = False
    refuses: ClassVar[bool] = True

    at: Mapping[str, Any]

    def replica(self, node: str) -> Any:
        """A new, empty replica."""
        raise unwritten(self, "replica")

    def discard(self, replica: Any) -> Any:
        """Nobody needs this replica any more: end what it has open (optional)."""

    async def begin(self, net: Net) -> None:
        """New replicas."""
        await self.close()
        self.at = made = dict[str, Any]()
        for node in self.nodes:
            made[node] = await self.call(self.replica, node)
        self._turns = {node: asyncio.Lock() for node in self.nodes}
        self.cut, self.unanswered = net.cut, False

    async def close(self) -> None:
        """Leave nothing of the replicas."""
        for replica in getattr(self, "at", {}).values():
            await self.call(self.discard, replica)
        self.at = {}

    async def write(self, node: str, write: Write) -> Outcome:
        """As `Adapter.write`; refused here where the system does not know how to."""
        if self.refuses:
            return await super().write(node, write)
        # Another write between the look and this one would make the refusal ours.
        async with self._turns[node]:
            code = await self._refusal(node, write)
            return await super().write(node, write) if code is None else refused(code)

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Nothing is carried over these links."""
        self.cut = cut

    async def _refusal(self, node: str, write: Write) -> str | None:
        """Why the node must refuse it, by what it shows."""
        view = await self.read(node)
        shown = {row for row, _ in view.rows}
        has: Callable[[Row], bool] = shown.__contains__
        return write.refusal(has, has, upserts=self.guarantees.upserts)
