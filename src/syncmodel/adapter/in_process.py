"""Replicas that are objects of this process: libraries, CRDTs, anything with a merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from syncmodel.adapter.base import Adapter, unwritten
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.values import Row, Write


class InProcess(Adapter):
    """One replica for each node, made by `replica`; `self.at[node]` is it.

    With `refuses = False` the system itself knows no "exists" and "no such row" (most CRDTs): what
    a node shows then decides.
    """

    waits: ClassVar[bool] = False
    refuses: ClassVar[bool] = True

    at: Mapping[str, Any]

    def replica(self, node: str) -> Any:
        """A new, empty replica."""
        raise unwritten(self, "replica")

    async def begin(self, net: Net) -> None:
        """New replicas."""
        self.at = {node: await self.call(self.replica, node) for node in self.nodes}
        self.cut = net.cut

    async def write(self, node: str, write: Write) -> Outcome:
        """As `Adapter.write`; refused here where the system does not know how to."""
        if not self.refuses:
            code = await self._refusal(node, write)
            if code is not None:
                return refused(code)
        return await super().write(node, write)

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Nothing is carried over these links."""
        self.cut = cut

    async def _refusal(self, node: str, write: Write) -> str | None:
        """Why the node must refuse it, by what it shows."""
        view = await self.read(node)
        shown = {row for row, _ in view.rows}
        has: Callable[[Row], bool] = shown.__contains__
        return write.refusal(has, has, upserts=self.guarantees.upserts)
