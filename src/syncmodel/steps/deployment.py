"""Generations: nodes are rolled out to a later one and rolled back to an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Deploys, Step, Target, require
from syncmodel.steps.mistakes import each_once
from syncmodel.steps.scope import Scope

#: The code of a deployment that is done, and has run other migrations than its preview named.
OTHERWISE = "previewed otherwise"


@frozen
class Deployment(Step):
    """Some nodes change their generation, in no promised order; their applications restart."""

    NEEDS: ClassVar[type[object] | None] = Deploys
    back: ClassVar[bool]
    on: tuple[str, ...]
    generation: int

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Each node alone, and at once all nodes for which the generation lies the right way."""
        for generation in scope.rollback_to if cls.back else scope.rollout_to:
            apt = tuple(
                node
                for node in plan.net.up
                if (generation < plan.net.running[node]) == cls.back
                and generation != plan.net.running[node]
            )
            yield from (cls((node,), generation) for node in apt)
            if len(apt) > 1:
                yield cls(apt, generation)

    def nodes(self) -> frozenset[str]:
        return frozenset(self.on)

    def disturbs(self) -> frozenset[str]:
        return frozenset(self.on)

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if its outcome is unknown: nothing is sure then."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        Step.judge(self, outcome, shaky)

    def rewire(self, net: Net) -> Net:
        return net.deploy(self.on, self.generation)

    def mistake(self) -> str | None:
        return each_once(self.on)

    def enabled(self, plan: Plan) -> bool:
        """The generation exists and lies ahead (for a rollback: behind) of every node named."""
        net = plan.net
        return (
            self.mistake() is None
            and set(self.on) <= set(net.up)
            and self.generation in net.generations
            and all(
                self.generation < net.running[n] if self.back else self.generation > net.running[n]
                for n in self.on
            )
        )

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Deploys).deploy(self.on, self.generation, back=self.back)


@frozen
class Rollout(Deployment):
    """Install and switch; up migrations run before the switch is committed."""

    op: ClassVar[str] = "rollout"
    back: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"{' and '.join(self.on)}: rollout to generation {self.generation}"


@frozen
class Rollback(Deployment):
    """Switch back; down migrations drop what the older generation does not know."""

    op: ClassVar[str] = "rollback"
    back: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{' and '.join(self.on)}: rollback to generation {self.generation}"
