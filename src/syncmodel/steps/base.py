"""What a step is, and what it may ask of the system that it is performed on.

A step has four faces: `enabled` and `advance` read and make plans, `expect` moves the belief,
`perform` does it to a live system. Most steps only declare what they ask (`asks`), how they change
the net (`rewire`) and whose application they disturb (`disturbs`); the faces follow from that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Sequence
from typing import ClassVar, Protocol, Self, TypeVar

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.model.asked import ABSENT
from syncmodel.model.backups import UNTOUCHED, Disks
from syncmodel.model.belief import Belief
from syncmodel.model.cases import Fold, State
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.judge import fold
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Answer, Outcome, accepted
from syncmodel.model.plan import MOST_WRITES, Plan
from syncmodel.model.reads import Look
from syncmodel.model.schema import Schema
from syncmodel.model.values import OPS, Write, written
from syncmodel.model.view import View
from syncmodel.steps.scope import Scope

#: A write, and what became of it.
Call = tuple[Write, Outcome]
#: Steps that are writes of a row: the belief judges their outcomes.
WRITES = frozenset(OPS.values())


class Target(Protocol):
    """What every system under test offers a step: writes, and several of them at once."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes by name, in order."""

    @property
    def schema(self) -> Schema:
        """What the nodes store."""

    async def write(self, node: str, write: Write) -> Outcome:
        """Ask one node for one write."""

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """Do several things at once, in no promised order; outcomes in the order given."""


# What only some targets can do. They declare it by inheritance, as every step asks: a protocol
# would be compared member by member each time.


#: What can be cut: each directed link by itself, or only both directions between two nodes.
DIRECTED, PAIRS = "directed", "pairs"


class CutsLinks(ABC):
    """A target whose links can be cut."""

    links: ClassVar[str] = DIRECTED

    @property
    @abstractmethod
    def cut(self) -> frozenset[Link]:
        """The links that are cut now."""

    @abstractmethod
    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Cut exactly these links. Raises `FaultError` if a probe says otherwise."""


class CutsOneWay(CutsLinks):
    """A target whose links can be cut in one direction. Nobody inherits it: `links` says so."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        # Not `issubclass`: that asks all subclasses of `CutsLinks`, and so this one, again.
        return CutsLinks in other.__mro__ and getattr(other, "links", None) == DIRECTED


class Reads(ABC):
    """A target whose nodes can be asked at any moment what they show."""

    @abstractmethod
    async def look(self, node: str, table: str, name: str | None) -> Outcome:
        """Ask one node for one row, or for a whole table (None): `shown(view)`, `refused(code)` or
        `unknown(...)`. A row that is not there is a view without it."""


class Malforms(ABC):
    """A target that can be sent bad requests."""

    @abstractmethod
    async def malformed(self, node: str, write: Write) -> Outcome:
        """Ask for the write, with what it should store left out."""


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


class HangsLinks(CutsLinks):
    """A target whose directed links can also be cut so that no node is told."""

    @abstractmethod
    async def hang(self, link: Link) -> None:
        """Let nothing pass over this link any more, with its connections open; it is cut until
        `set_cut` leaves it out, and its old connections stay dead then. Raises `FaultError`."""


class SlowsLinks(ABC):
    """A target whose directed links can be made slow."""

    @abstractmethod
    async def slow(self, link: Link, delay_ms: int) -> None:
        """What passes over this link takes so long from now on, in each direction, until it is set
        again, is cut, hangs, or the run ends. Raises `FaultError` if it does not."""


class Pauses(ABC):
    """A target whose nodes' applications can be made to stand still, and to go on."""

    @abstractmethod
    async def pause(self, node: str) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay open, and nothing answers or is lost.

        A write that was sent to it before, or is sent to it now, is `unknown` after a bound. Raises
        `FaultError` if it still answers.
        """

    @abstractmethod
    async def resume(self, node: str) -> None:
        """Let it go on (SIGCONT). Raises `FaultError` if it does not answer."""


class SetsClocks(ABC):
    """A target whose nodes' wall clocks can be set."""

    @abstractmethod
    async def set_clock(self, node: str, ahead_s: int) -> None:
        """The node's clock is so far ahead of the true time, over restarts too, until it is set
        again or the run ends. Raises `FaultError` if it does not show that."""


Ability = TypeVar("Ability")


def require(target: object, ability: type[Ability]) -> Ability:
    """The target, if it has this ability.

    Raises `UsageError` that names the missing ability.
    """
    if not isinstance(target, ability):
        raise UsageError(
            f"The target {type(target).__name__} can't do this step: it lacks the ability "
            f"{ability.__name__}. Leave such steps out, or choose another target."
        )
    return target


def answered(outcome: Outcome) -> str:
    """The answer to a step that holds no others, in words."""
    match outcome:
        case Outcome(answer=Answer.UNKNOWN, code=code):
            return f"no answer ({code})"
        case Outcome(answer=Answer.REFUSED, code=code):
            return f"refused: {code}"
        case Outcome(view=View(rows=rows)):
            return "; ".join(f"{row} ({value})" for row, value in rows) or "nothing"
        case Outcome(row=row):
            cells = ", ".join(f"{name} {written(value)}" for name, value in (row or {}).items())
            return f"accepted{cells and f' as {cells}'}"


def told(step: Step, outcome: Outcome) -> str:
    """A step and its answer, in words."""
    return f"{step}: {answered(outcome)}"


def refusal(step: Step) -> str:
    """Why the plan refuses a step, without a full stop: a value that it never takes, or else what
    may be lacking where it stands."""
    return step.mistake() or (
        f"it can't be taken here; what it needs (a node that runs, a row written fewer than "
        f"{MOST_WRITES} times, a token that is still unused) is not there"
    )


#: Every imported kind of step, ours and third-party, by its `op`.
VOCABULARY: dict[str, type[Step]] = {}


@frozen
class Step:
    """One step of a run: a value, whose JSON form has `op` and the fields."""

    op: ClassVar[str]
    #: The ability that a target needs for this step, besides writes.
    NEEDS: ClassVar[type[object] | None] = None

    def __init_subclass__(cls) -> None:
        """Raises `UsageError` for a step whose `op` is taken."""
        op = vars(cls).get("op")
        if op is None:
            return
        other = VOCABULARY.get(op)
        if other is not None and (other.__module__, other.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            raise UsageError(
                f"{cls.__module__}.{cls.__qualname__} can't have the op {op!r}: "
                f"{other.__module__}.{other.__qualname__} has it."
            )
        # attrs makes each class twice; the second one has the slots, and stays.
        VOCABULARY[op] = cls

    @classmethod
    def family(cls) -> str:
        """The family of the step: the file of the vocabulary that it is in."""
        return cls.__module__.rpartition(".")[2]

    # --- what a step declares ------------------------------------------------------------------

    def asks(self, schema: Schema) -> Write | None:
        """The write that this step asks for, if it is one."""
        return None

    def calls(self, schema: Schema, outcome: Outcome) -> list[Call]:
        """Every write that this step asked for, with what became of it."""
        write = self.asks(schema)
        return [] if write is None else [(write, outcome)]

    def looks(self) -> Look | None:
        """The read that this step asks for, if it is one."""
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

    def disks(self) -> Disks:
        """The nodes whose disk it copies or puts back. Beside that no node is asked anything."""
        return UNTOUCHED

    def alters(self) -> frozenset[str]:
        """The nodes whose life, generation or clock it changes: of one node one step at a time."""
        return self.disturbs()

    def inspects(self) -> bool:
        """Whether the control plane is looked at after it, though it disturbs no application."""
        return False

    def mark(self, plan: Plan) -> Plan:
        """The plan with what this step uses up: rows and tokens. It does not change the net."""
        return plan

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raise `DivergenceFound` if the outcome can't be; writes are judged by the belief.

        `shaky` are nodes whose application others may have stopped at that moment. A timeout is
        never a refusal.
        """
        if outcome.answer is Answer.REFUSED and self.op not in WRITES:
            excused = outcome.code in ABSENT and shaky & self.nodes()
            if not excused:
                raise DivergenceFound((self._not_done(outcome),))

    def due(self) -> Outcome:
        """The outcome of this step on a system that does as it should, unless it is a write."""
        return accepted()

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
        none: the generator composes them.
        """
        del plan, scope
        yield from ()

    def mistake(self) -> str | None:
        """What is wrong with its values, whatever the plan is: a sentence that names the field and
        what it takes, without a full stop; None where nothing is. No such step is `enabled`."""
        return None

    # --- the four faces ------------------------------------------------------------------------

    def enabled(self, plan: Plan) -> bool:
        """May this step be generated here?"""
        raise NotImplementedError

    def advance(self, plan: Plan) -> Plan:
        """How the step alone changes the plan."""
        return self.mark(plan).rewired(self.rewire(plan.net))

    def planned(self, plan: Plan) -> Plan | None:
        """The plan after this step; None where it may not be generated."""
        return self.advance(plan) if self.enabled(plan) else None

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        """What may be true once the step has had this outcome.

        Raises `DivergenceFound` if that outcome can't be.
        """
        return self.follow(belief, outcome, fold)

    @property
    def is_followed(self) -> bool:
        """Whether `follow` says what `expect` does of a belief: not where a subclass has overridden
        only `expect`, as a step of somebody else's may."""
        expects, follows = (
            next(one for one in type(self).__mro__ if name in vars(one))
            for name in ("expect", "follow")
        )
        return issubclass(follows, expects)

    def follow(self, state: State, outcome: Outcome, folded: Fold[State]) -> State:
        """The same of whatever `folded` folds: a belief, or all `Cases`."""
        looks = () if (look := self.looks()) is None else ((look, outcome),)
        net = state.net
        try:
            self.judge(outcome, net.down)
            calls, after = self.calls(net.schema, outcome), self.becomes(net, outcome)
            return folded(state, calls, after, self.disturbs(), looks, disks=self.disks())
        except DivergenceFound as found:
            raise found.about((told(self, outcome),)) from None

    async def perform(self, target: Target) -> Outcome:
        """Do it to a live system.

        Raises `InvalidRunError` where the tester could not do its part.
        """
        raise NotImplementedError
