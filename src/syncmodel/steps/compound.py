"""Steps made of steps: a burst, simultaneous steps, and a request that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.judge import fold
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, compound
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Request, Step, Target
from syncmodel.steps.data import (
    CreateCase,
    CreateEvent,
    Data,
    DeleteCase,
    DeleteEvent,
    UpdateCase,
)
from syncmodel.steps.network import Links
from syncmodel.steps.scope import Scope, next_title

#: Why a bad request may have to be refused.
WHY = ("unreachable", "no_plugin", "no_such_row", "missing_case", "malformed")


@frozen
class Burst(Step):
    """One after another, without coming to rest in between."""

    op: ClassVar[str] = "burst"
    steps: tuple[Step, ...]

    def nodes(self) -> frozenset[str]:
        return frozenset().union(*(step.nodes() for step in self.steps))

    def enabled(self, plan: Plan) -> bool:
        """Each is enabled after those before it; a burst holds no burst."""
        for step in self.steps:
            if isinstance(step, Burst) or not step.enabled(plan):
                return False
            plan = step.advance(plan)
        return bool(self.steps)

    def advance(self, plan: Plan) -> Plan:
        return reduce(lambda plan, step: step.advance(plan), self.steps, plan)

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        for step, part in zip(self.steps, outcome.parts, strict=True):
            belief = step.expect(belief, part)
        return belief

    async def perform(self, target: Target) -> Outcome:
        return compound(tuple([await step.perform(target) for step in self.steps]))

    def __str__(self) -> str:
        return "in a burst: " + "; ".join(map(str, self.steps))


@frozen
class Concurrently(Step):
    """All at once, from different clients, no order promised."""

    op: ClassVar[str] = "concurrently"
    steps: tuple[Step, ...]

    def nodes(self) -> frozenset[str]:
        return frozenset().union(*(step.nodes() for step in self.steps))

    def disturbs(self) -> frozenset[str]:
        return frozenset().union(*(step.disturbs() for step in self.steps))

    def rewire(self, net: Net) -> Net:
        return reduce(lambda net, step: step.rewire(net), self.steps, net)

    def becomes(self, net: Net, outcome: Outcome) -> Net:
        for step, part in zip(self.steps, outcome.parts, strict=True):
            net = step.becomes(net, part)
        return net

    def enabled(self, plan: Plan) -> bool:
        """Each is enabled by itself, and what they change does not overlap."""
        if len(self.steps) < 2 or not all(
            not isinstance(step, Burst | Concurrently | Refused) and step.enabled(plan)
            for step in self.steps
        ):
            return False
        disturbed = [node for step in self.steps for node in step.disturbs()]
        return (
            sum(isinstance(step, Links) for step in self.steps) <= 1
            and len(set(disturbed)) == len(disturbed)
            and self._tokens_differ(plan)
        )

    def _tokens_differ(self, plan: Plan) -> bool:
        """No sibling uses a token of another, and an event has one case."""
        for step in self.steps:
            if not isinstance(step, Data):
                continue
            if isinstance(step, CreateEvent):
                if plan.events.get(step.event, step.case) != step.case or step.body in plan.titles:
                    return False
            elif (
                getattr(step, "title", None) in plan.titles
                or getattr(step, "by", None) in plan.increments
            ):
                return False
            plan = step.mark(plan)
        return True

    def advance(self, plan: Plan) -> Plan:
        """Whatever was up at any moment may have carried any of the writes."""
        after = self.rewire(plan.net)
        during = plan.over(plan.net.either(after))
        marked = reduce(lambda plan, step: step.mark(plan), self.steps, during)
        return marked.over(plan.net).rewired(after)

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        calls = []
        for step, part in zip(self.steps, outcome.parts, strict=True):
            # No node is disturbed by two siblings, so what a step stops itself excuses nothing.
            step.judge(part, belief.net.down | (self.disturbs() - step.disturbs()))
            write = step.asks()
            if write is not None:
                calls.append((write, part))
        return fold(belief, calls, self.becomes(belief.net, outcome), self.disturbs())

    async def perform(self, target: Target) -> Outcome:
        return compound(tuple(await target.together([s.perform(target) for s in self.steps])))

    def __str__(self) -> str:
        return "at the same time: " + "; ".join(map(str, self.steps))


@frozen
class Refused(Step):
    """A bad request: it must be refused with this error and change nothing.

    `why` is `no_such_row`, `missing_case`, `no_plugin`, `unreachable` or `malformed` (the request
    is then sent without its fields). Enabled only where the plan proves it. `expect` raises
    `InvalidRunError` where the request may yet land, because it timed out.
    """

    op: ClassVar[str] = "refused"
    step: Data
    why: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Bad requests of every kind that the plan can prove here, one row of each table."""
        for step in _requests(plan, scope):
            yield from (cls(step, why) for why in WHY)

    @classmethod
    def because(cls, why: str, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Those choices that have this reason."""
        yield from (cls(step, why) for step in _requests(plan, scope))

    def nodes(self) -> frozenset[str]:
        return self.step.nodes()

    def enabled(self, plan: Plan) -> bool:
        return self.step.node in plan.net.nodes and self._proved(plan)

    def _proved(self, plan: Plan) -> bool:
        """Whether the plan proves that the node must refuse for this reason."""
        net, node, step = plan.net, self.step.node, self.step
        creates = isinstance(step, CreateCase | CreateEvent)
        unheard = step.row() not in plan.may_show(node)
        match self.why:
            case "unreachable":
                return node in net.down
            case "no_plugin":
                return node not in net.down and net.plugin(node) is None
            case "no_such_row":
                return net.carries(node) and not creates and unheard
            case "missing_case":
                return (
                    net.carries(node)
                    and isinstance(step, CreateEvent)
                    and unheard
                    and step.asks().needs not in plan.may_show(node)
                )
            case "malformed":
                return net.carries(node) and creates
            case _:
                return False

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        if outcome.answer is Answer.REFUSED and outcome.code == self.why:
            return belief
        if outcome.answer is Answer.UNKNOWN:
            if self.why in ("no_such_row", "missing_case"):
                raise InvalidRunError(
                    f"A request that must be refused timed out ({self}); it may yet land once what "
                    f"it lacks has come, and nothing could be said of this row any more."
                )
            return belief
        kind = Kind.WRONGLY_ACCEPTED if outcome.ok else Kind.WRONGLY_REFUSED
        shown = "accepted" if outcome.ok else f"refused: {outcome.code}"
        row = self.step.row()
        raise DivergenceFound(
            (Divergence(kind, self.step.node, row, f"refused: {self.why}", shown),)
        )

    async def perform(self, target: Target) -> Outcome:
        request = self.step.request()
        if self.why == "malformed":
            request = Request(request.method, request.table, request.name, request.action, {})
        return await target.request(self.step.node, request)

    def __str__(self) -> str:
        return f"refused ({self.why}): {self.step}"


def _requests(plan: Plan, scope: Scope) -> Iterator[Data]:
    """A create, an update and a delete of every row of the scope on each node, whoever has it."""
    token = next_title(plan)
    for node in plan.net.nodes:
        for case in scope.cases:
            yield CreateCase(node, case, token)
            yield UpdateCase(node, case, token)
            yield DeleteCase(node, case)
        for event in scope.events:
            yield CreateEvent(node, event, plan.events.get(event, scope.cases[0]), token)
            yield DeleteEvent(node, event)
