"""A link hangs: cut, and nobody is told."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from syncmodel.model.outcome import Outcome, accepted
from syncmodel.steps.base import HangsLinks, Target, require
from syncmodel.steps.network import OneLink


@frozen
class Hang(OneLink):
    """The connections of one directed link stay open, and nothing passes.

    What ends a cut ends it too: the link can be dialled again, and its old connections are dead.
    """

    NEEDS: ClassVar[type[object] | None] = HangsLinks
    op: ClassVar[str] = "hang"

    async def perform(self, target: Target) -> Outcome:
        """Let it hang, probed by the target."""
        await require(target, HangsLinks).hang((self.from_node, self.to_node))
        return accepted()

    def __str__(self) -> str:
        return f"the link {self.from_node} -> {self.to_node} hangs"
