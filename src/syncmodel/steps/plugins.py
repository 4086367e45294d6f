"""One node's plugin is disabled, which keeps its data, or uninstalled, which drops it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model import losses
from syncmodel.model.belief import Belief
from syncmodel.model.cases import Fold, State
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, accepted, refused
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.scope import Scope

#: How an uninstall is refused that was not confirmed.
UNCONFIRMED = "data_loss_unconfirmed"


class Uninstalls(ABC):
    """A target whose nodes' plugin can be disabled and uninstalled."""

    @abstractmethod
    async def disable(self, node: str) -> Outcome:
        """Stop the plugin and keep its tables; no migration runs. Wait for the end of the job."""

    @abstractmethod
    async def uninstall(self, node: str, *, confirmed: bool) -> Outcome:
        """Take the plugin out with its tables, and wait for the end of the job.

        Where it is not `confirmed`: refused (`UNCONFIRMED`), and nothing happened. What it says
        would be lost is the outcome's `row`, as `model.losses` has it; None if it says nothing.
        """


@frozen
class Takeout(Step):
    """One node loses its plugin, and goes to the generation that has all but that."""

    NEEDS: ClassVar[type[object] | None] = Uninstalls
    node: str

    @classmethod
    def family(cls) -> str:
        """A deployment."""
        return "deployment"

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node})

    def leads_to(self, net: Net) -> int | None:
        """The generation that has all but the plugin, if there is one."""
        return net.schema.bare[net.running[self.node]]

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if its outcome is unknown: nothing is sure then."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        Step.judge(self, outcome, shaky)


@frozen
class Disable(Takeout):
    """The runtime goes, and the data stays: no migration runs."""

    op: ClassVar[str] = "disable"

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.carriers)

    def rewire(self, net: Net) -> Net:
        bare = self.leads_to(net)
        return net if bare is None else net.disable(self.node, bare)

    def enabled(self, plan: Plan) -> bool:
        """The node runs with the plugin, and there is a generation without it."""
        net = plan.net
        there = net.carries(self.node) and self.node not in net.staged
        return there and self.leads_to(net) is not None

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Uninstalls).disable(self.node)

    def __str__(self) -> str:
        return f"{self.node}: the plugin is disabled"


@frozen
class Uninstall(Takeout):
    """The runtime goes, and the data with it: down migrations run. Unconfirmed it is refused."""

    op: ClassVar[str] = "uninstall"
    confirmed: bool

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        for node in plan.net.up:
            if plan.net.has_tables(node):
                yield from (cls(node, confirmed) for confirmed in (True, False))

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node}) if self.confirmed else frozenset()

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        bare = self.leads_to(net)
        return net.deploy((self.node,), bare) if self.confirmed and bare else net

    def enabled(self, plan: Plan) -> bool:
        """The node has the plugin's tables, and there is a generation without it."""
        net = plan.net
        there = self.node in net.up and net.has_tables(self.node) and self.node not in net.staged
        return there and self.leads_to(net) is not None

    def due(self) -> Outcome:
        """Refused where it is not confirmed."""
        return accepted() if self.confirmed else refused(UNCONFIRMED)

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """What is not confirmed must be refused, and with that code."""
        if self.confirmed or outcome.code != UNCONFIRMED:
            Takeout.judge(self, outcome, shaky)
        if not self.confirmed and outcome.ok:
            expected = f"refused: {UNCONFIRMED}, of: {self}"
            raise DivergenceFound(
                (Divergence(Kind.CONTROL_PLANE, self.node, None, expected, "done"),)
            )

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        """What is not confirmed says what would be lost, and that must be so."""
        if outcome.code == UNCONFIRMED and outcome.row is not None:
            losses.check(belief, self.node, outcome.row)
        return Takeout.expect(self, belief, outcome)

    def follow(self, state: State, outcome: Outcome, folded: Fold[State]) -> State:
        """What is said of losses is held against the belief alone."""
        return Takeout.follow(self, state, outcome, folded)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Uninstalls).uninstall(self.node, confirmed=self.confirmed)

    def __str__(self) -> str:
        how = "" if self.confirmed else ", which nobody confirms"
        return f"{self.node}: the plugin is uninstalled{how}"
