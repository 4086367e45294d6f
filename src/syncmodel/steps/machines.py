"""A machine selects what it will boot, and boots it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.scope import Scope


class Boots(ABC):
    """A target whose machines can be told what to boot, and be booted."""

    @abstractmethod
    async def select(self, node: str, generation: int) -> Outcome:
        """Have the node's machine boot that generation from the next time on; no sooner."""

    @abstractmethod
    async def reboot(self, node: str) -> None:
        """Kill all of a machine, and boot it. Raises `FaultError` if it does not come up."""


@frozen
class Select(Step):
    """Another generation is selected; what runs goes on, and nothing is migrated."""

    NEEDS: ClassVar[type[object] | None] = Boots
    op: ClassVar[str] = "select"
    node: str
    generation: int

    @classmethod
    def family(cls) -> str:
        """A deployment."""
        return "deployment"

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        net = plan.net
        for generation in sorted({*scope.rollout_to, *scope.rollback_to}):
            for node in net.up:
                if net.selected(node) != generation:
                    yield cls(node, generation)

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        return net.select(self.node, self.generation)

    def enabled(self, plan: Plan) -> bool:
        """The node runs, and would boot another one. What is disabled is not half switched."""
        net = plan.net
        there = self.node in net.up and self.node not in net.disabled
        return (
            there
            and self.generation in net.generations
            and net.selected(self.node) != self.generation
        )

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if its outcome is unknown: nothing is sure then."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        Step.judge(self, outcome, shaky)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Boots).select(self.node, self.generation)

    def __str__(self) -> str:
        return f"{self.node}: generation {self.generation} is selected for the next boot"


@frozen
class Reboot(Step):
    """The machine loses its power, and boots what is selected; its application runs afterwards."""

    NEEDS: ClassVar[type[object] | None] = Boots
    op: ClassVar[str] = "reboot"
    node: str

    @classmethod
    def family(cls) -> str:
        """The life of a node."""
        return "lifecycle"

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.nodes)

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        return net.boot(self.node)

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.nodes

    async def perform(self, target: Target) -> Outcome:
        await require(target, Boots).reboot(self.node)
        return accepted()

    def __str__(self) -> str:
        return f"{self.node}: the machine reboots"
