"""What a step is, and what it may ask of the system that it is performed on.

A step has four faces: `enabled` and `advance` read and make plans, `expect` moves the belief,
`perform` does it to a live system. Most steps only declare what they ask (`asks`), how they change
the net (`rewire`) and whose application they disturb (`disturbs`); the faces follow from that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeVar

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.model.belief import Belief, Write
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.judge import ABSENT, fold
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.plan import Plan
from syncmodel.record import Record
from syncmodel.steps.scope import Scope


class Request(Record):
    """One request to the plugin API, in names without the run's prefix.

    `method` on `table`, or on the row `name` of it, or on an `action` of that row. The target adds
    what belongs to the wire: path, run id, prefixes.
    """

    method: str
    table: str
    name: str
    action: str | None = None
    body: Mapping[str, Any] | None = None


class Target(Protocol):
    """What every system under test offers a step: requests, and several of them at once."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes by name, in order."""

    async def request(self, node: str, request: Request) -> Outcome:
        """Send one plugin request to one node."""

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """Do several things at once, in no promised order; outcomes in the order given."""


# What only some targets can do. They say so by name, for every step asks: a protocol would be
# compared member by member each time.


class CutsLinks(ABC):
    """A target whose directed links can be cut."""

    @property
    @abstractmethod
    def cut(self) -> frozenset[Link]:
        """The links that are cut now."""

    @abstractmethod
    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links. Raises `FaultError` if a probe says otherwise."""


class Resyncs(ABC):
    """A target whose nodes can be told to ask their peers for what they lack."""

    @abstractmethod
    async def resync(self, node: str, *, full: bool) -> Outcome:
        """The node asks its peers again; for everything, if `full`."""


class Deploys(ABC):
    """A target whose nodes have generations."""

    @abstractmethod
    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """Roll these nodes out, or back, to the generation, and wait until it is done."""


class Stops(ABC):
    """A target whose nodes can be killed and started."""

    @abstractmethod
    async def crash(self, node: str) -> None:
        """Kill the node's application. Raises `FaultError` if it still answers."""

    @abstractmethod
    async def restart(self, node: str) -> None:
        """Stop it in order if it runs, then start it. Raises `FaultError` if it does not come."""


Ability = TypeVar("Ability")


def able(target: object, ability: type[Ability]) -> Ability:
    """The target, if it has this ability.

    Raises `UsageError` that names the ability if it has not.
    """
    if not isinstance(target, ability):
        raise UsageError(
            f"The target {type(target).__name__} can't do this step: it lacks the ability "
            f"{ability.__name__}. Leave such steps out, or choose another target."
        )
    return target


@frozen
class Step:
    """One step of a run: a value, whose JSON form has `op` and the fields."""

    op: ClassVar[str]

    @classmethod
    def family(cls) -> str:
        """The family of the step: the file of the vocabulary that it is in."""
        return cls.__module__.rpartition(".")[2]

    # --- what a step declares ------------------------------------------------------------------

    def asks(self) -> Write | None:
        """The write that this step asks for, if it is one."""
        return None

    def rewire(self, net: Net) -> Net:
        """The net after this step."""
        return net

    def becomes(self, net: Net, outcome: Outcome) -> Net:
        """The net once this step has had this outcome."""
        return self.rewire(net)

    def disturbs(self) -> frozenset[str]:
        """The nodes whose application goes down on the way, though it may be up again after."""
        return frozenset()

    def mark(self, plan: Plan) -> Plan:
        """The plan with what this step uses up: rows and tokens. The net is not its business."""
        return plan

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raise `DivergenceFound` if the outcome can't be; writes are judged by the belief.

        `shaky` are nodes whose application others may have stopped at that moment. A timeout is
        never a refusal.
        """
        if outcome.answer is Answer.REFUSED and self.asks() is None:
            excused = outcome.code in ABSENT and shaky & self.nodes()
            if not excused:
                raise DivergenceFound((self._not_done(outcome),))

    def _not_done(self, outcome: Outcome) -> Divergence:
        node = " and ".join(sorted(self.nodes())) or "the cluster"
        shown = f"{outcome.answer.value}: {outcome.code}"
        return Divergence(Kind.CONTROL_PLANE, node, None, f"done: {self}", shown)

    def nodes(self) -> frozenset[str]:
        """The nodes that this step names."""
        node = getattr(self, "node", None)
        return frozenset() if node is None else frozenset({node})

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """The steps of this kind that may be worth taking; the enabled ones among them count.

        What a random search draws from and an exhaustive one goes through. Compound steps have
        none: whoever generates composes them.
        """
        del plan, scope
        yield from ()

    # --- the four faces ------------------------------------------------------------------------

    def enabled(self, plan: Plan) -> bool:
        """May this step be generated here?"""
        raise NotImplementedError

    def advance(self, plan: Plan) -> Plan:
        """What the step alone makes of the plan."""
        return self.mark(plan).rewired(self.rewire(plan.net))

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        """What may be true once the step has had this outcome.

        Raises `DivergenceFound` if that outcome can't be.
        """
        self.judge(outcome, belief.net.down)
        write = self.asks()
        calls = [] if write is None else [(write, outcome)]
        return fold(belief, calls, self.becomes(belief.net, outcome), self.disturbs())

    async def perform(self, target: Target) -> Outcome:
        """Do it to a live system.

        Raises `InvalidRunError` where the tester could not do its part.
        """
        raise NotImplementedError
