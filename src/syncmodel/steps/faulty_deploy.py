"""Deployments that meet a fault: one that fails before its end changes nothing, and one that is
interrupted goes on to its end. Never is anything between.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.asked import ABSENT
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, accepted, refused
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.mistakes import one_of
from syncmodel.steps.scope import Scope


@frozen
class DeployFault:
    """What a deployment meets: `words` follow "in which".

    `ends`: the code with which it must then end; None: it must be done all the same. `back`:
    whether a rollback can meet it too.
    """

    name: str
    words: str
    ends: str | None
    back: bool = True


#: By name. What each end means for a node is in docs/semantics.md, section 6.
FAULTS = {
    fault.name: fault
    for fault in (
        DeployFault(
            "substitute-missing", "a substitute is missing", "aborted: missing_substitutes", False
        ),
        DeployFault("migration-fails", "a migration fails", "failed: migration_failed"),
        DeployFault("disk-full", "the disk is full at the commit", "failed: disk_full"),
        DeployFault(
            "activation-fails",
            "the new generation does not come up",
            "failed: application_failed",
            False,
        ),
        DeployFault("aborted", "the job is aborted while it migrates", "aborted: aborted"),
        DeployFault("second-job", "another one is asked for, and must be refused", None),
        DeployFault("killed-before-commit", "the machine dies before the commit", None),
        DeployFault("killed-after-commit", "the machine dies after the commit", None),
    )
}
#: Those that a rollout can meet, and those that a rollback can.
MET = {
    back: [one.name for one in FAULTS.values() if one.back or not back] for back in (False, True)
}


class DeploysAmidFaults(ABC):
    """A target whose nodes have generations, and whose deployments can be made to fail."""

    @abstractmethod
    async def faulty_deploy(self, node: str, generation: int, fault: str, *, back: bool) -> Outcome:
        """Roll one node out, or back; the job meets the fault, one of `FAULTS`. Wait for its end.

        The outcome is accepted if the job is done, and else refused with the job's state and code
        ("failed: migration_failed"). Raises `FaultError` if the job did not meet the fault.
        """


@frozen
class FaultyDeploy(Step):
    """One node's rollout or rollback meets a fault; its application may restart."""

    NEEDS: ClassVar[type[object] | None] = DeploysAmidFaults
    back: ClassVar[bool]
    node: str
    generation: int
    fault: str

    @classmethod
    def family(cls) -> str:
        """A deployment."""
        return "deployment"

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        running = plan.net.running
        for generation in scope.rollback_to if cls.back else scope.rollout_to:
            for node in plan.net.up:
                if generation != running[node] and (generation < running[node]) == cls.back:
                    for fault in FAULTS.values():
                        if fault.back or not cls.back:
                            yield cls(node, generation, fault.name)

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        """As without the fault, or as if nothing had been tried."""
        done = self._meets is not None and self._meets.ends is None
        return net.deploy((self.node,), self.generation) if done else net

    def mistake(self) -> str | None:
        return one_of("fault", self.fault, MET[self.back])

    def enabled(self, plan: Plan) -> bool:
        """The generation exists, lies the right way, and the fault can be met on it. (What a
        machine that waits for its boot does with one is left open.)"""
        net = plan.net
        if self.node not in net.up or self.generation not in net.generations:
            return False
        if self.node in net.staged:
            return False
        running = net.running[self.node]
        if self.mistake() is not None:
            return False
        return self.generation < running if self.back else self.generation > running

    def due(self) -> Outcome:
        """Refused with what it meets, where that ends it."""
        ends = None if self._meets is None else self._meets.ends
        return accepted() if ends is None else refused(ends)

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if its outcome is unknown: nothing is sure then."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        due = self.due()
        if due.ok:
            Step.judge(self, outcome, shaky)
        elif outcome.ok or outcome.code != due.code:
            if outcome.code in ABSENT and self.node in shaky:
                return
            shown = "done" if outcome.ok else str(outcome.code)
            expected = f"{due.code}, of: {self}"
            found = Divergence(Kind.CONTROL_PLANE, self.node, None, expected, shown)
            raise DivergenceFound((found,))

    async def perform(self, target: Target) -> Outcome:
        faulty = require(target, DeploysAmidFaults)
        return await faulty.faulty_deploy(self.node, self.generation, self.fault, back=self.back)

    def __str__(self) -> str:
        verb = "rollback" if self.back else "rollout"
        words = self.fault if self._meets is None else self._meets.words
        return f"{self.node}: {verb} to generation {self.generation}, in which {words}"

    @property
    def _meets(self) -> DeployFault | None:
        """The fault; None where a file has a name that is none."""
        return FAULTS.get(self.fault)


@frozen
class FaultyRollout(FaultyDeploy):
    """A rollout that meets a fault."""

    op: ClassVar[str] = "faulty_rollout"
    back: ClassVar[bool] = False


@frozen
class FaultyRollback(FaultyDeploy):
    """A rollback that meets a fault."""

    op: ClassVar[str] = "faulty_rollback"
    back: ClassVar[bool] = True
