"""Steps made of steps: a burst, simultaneous steps, and a request that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.backups import UNTOUCHED, Disks
from syncmodel.model.belief import Belief
from syncmodel.model.cases import Fold, State
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, compound
from syncmodel.model.plan import Plan
from syncmodel.model.reads import Look
from syncmodel.model.schema import Table
from syncmodel.model.values import Row
from syncmodel.steps.base import Call, Malforms, Step, Target, require, told
from syncmodel.steps.data import Create, Data, Delete, Set, fresh
from syncmodel.steps.disks import FullDisk, SlowDisk
from syncmodel.steps.fill import Fill
from syncmodel.steps.membership import Membership
from syncmodel.steps.mistakes import one_of
from syncmodel.steps.network import Links
from syncmodel.steps.packets import Impair
from syncmodel.steps.purging import Purge
from syncmodel.steps.scope import Scope
from syncmodel.steps.slowness import Slow
from syncmodel.steps.trusting import Trusting


@frozen
class Burst(Step):
    """One after another, without coming to rest in between."""

    op: ClassVar[str] = "burst"
    steps: tuple[Step, ...]

    def nodes(self) -> frozenset[str]:
        return frozenset().union(*(step.nodes() for step in self.steps))

    def mistake(self) -> str | None:
        return _mistake_within(self, 1, NO_BURST)

    def enabled(self, plan: Plan) -> bool:
        return self.planned(plan) is not None

    def planned(self, plan: Plan) -> Plan | None:
        """Each is enabled after those before it; a burst holds no burst, and no purge, before which
        all is at rest."""
        for step in self.steps:
            after = None if isinstance(step, NO_BURST) else step.planned(plan)
            if after is None:
                return None
            plan = after
        return plan if self.steps else None

    def advance(self, plan: Plan) -> Plan:
        return reduce(lambda plan, step: step.advance(plan), self.steps, plan)

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        for step, part in zip(self.steps, outcome.parts, strict=True):
            belief = step.expect(belief, part)
        return belief

    @property
    def is_followed(self) -> bool:
        return super().is_followed and all(step.is_followed for step in self.steps)

    def follow(self, state: State, outcome: Outcome, folded: Fold[State]) -> State:
        for step, part in zip(self.steps, outcome.parts, strict=True):
            state = step.follow(state, part, folded)
        return state

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

    def alters(self) -> frozenset[str]:
        return frozenset().union(*(step.alters() for step in self.steps))

    def disks(self) -> Disks:
        return reduce(Disks.and_also, [step.disks() for step in self.steps], UNTOUCHED)

    def rewire(self, net: Net) -> Net:
        return reduce(lambda net, step: step.rewire(net), self.steps, net)

    def becomes(self, net: Net, outcome: Outcome) -> Net:
        for step, part in zip(self.steps, outcome.parts, strict=True):
            net = step.becomes(net, part)
        return net

    def mistake(self) -> str | None:
        return _mistake_within(self, 2, ALONE)

    def enabled(self, plan: Plan) -> bool:
        """Each is enabled alone, and what they change does not overlap."""
        if len(self.steps) < 2 or not all(
            not isinstance(step, ALONE) and step.enabled(plan) for step in self.steps
        ):
            return False
        altered = [node for step in self.steps for node in step.alters()]
        return (
            sum(isinstance(step, Links | Slow | Impair) for step in self.steps) <= 1
            and len(set(altered)) == len(altered)
            and self._all_are_told()
            and self._few_wait(plan)
            and self._restores_alone()
            and self._tokens_differ(plan)
        )

    def _all_are_told(self) -> bool:
        """While members change no node's life does, as each is told; and a node whose trust changes
        is asked for nothing else, as nobody knows before or after which of both that is done."""
        changing = any(isinstance(step, Membership) for step in self.steps)
        asked = {step.node for step in self.steps if isinstance(step, Trusting)}
        return not (changing or asked) or all(
            isinstance(step, Membership | Trusting | Links | Slow | Impair)
            or not ((changing and step.alters()) or asked & step.nodes())
            for step in self.steps
        )

    def _few_wait(self, plan: Plan) -> bool:
        """Not hundreds of writes at once lose their answers, as their node stands still."""
        fills = {step.node for step in self.steps if isinstance(step, Fill)}
        return not fills or fills.isdisjoint(self.rewire(plan.net).paused)

    def _restores_alone(self) -> bool:
        """Nothing else is asked of a node whose disk is put back: it would be of either past."""
        restored = self.disks().restored
        named = (step.nodes() for step in self.steps if not step.disks().restored)
        return not restored or restored.isdisjoint(frozenset[str]().union(*named))

    def _tokens_differ(self, plan: Plan) -> bool:
        """No sibling uses a token of another, and a row refers to the same rows throughout."""
        for step in self.steps:
            if isinstance(step, Data | Fill):
                if not step.fits(plan):
                    return False
                if isinstance(step, Create):
                    refs = step.refs(plan.net.schema)
                    if plan.refs.get(step.key, refs) != refs:
                        return False
                plan = step.mark(plan)
        return True

    def advance(self, plan: Plan) -> Plan:
        """Whatever was up at any moment may have carried any of the writes."""
        after = self.rewire(plan.net)
        during = plan.over(plan.net.either(after))
        marked = reduce(lambda plan, step: step.mark(plan), self.steps, during)
        return marked.over(plan.net).rewired(after)

    @property
    def is_followed(self) -> bool:
        return super().is_followed and all(step.is_followed for step in self.steps)

    def follow(self, state: State, outcome: Outcome, folded: Fold[State]) -> State:
        calls, looks, net = list[Call](), list[tuple[Look, Outcome]](), state.net
        schema = net.schema
        for step, part in zip(self.steps, outcome.parts, strict=True):
            calls += step.calls(schema, part)
            look = step.looks()
            if look is not None:
                looks.append((look, part))
        try:
            for step, part in zip(self.steps, outcome.parts, strict=True):
                # No node is disturbed by two siblings, so what a step stops itself excuses nothing.
                step.judge(part, net.down | (self.disturbs() - step.disturbs()))
            after = self.becomes(net, outcome)
            return folded(state, calls, after, self.disturbs(), looks, disks=self.disks())
        except DivergenceFound as found:
            parts = zip(self.steps, outcome.parts, strict=True)
            asked = (told(step, part) for step, part in parts if step.asks(schema) or step.looks())
            raise found.about(tuple(asked)) from None

    async def perform(self, target: Target) -> Outcome:
        return compound(tuple(await target.together([s.perform(target) for s in self.steps])))

    def __str__(self) -> str:
        return "at the same time: " + "; ".join(map(str, self.steps))


@frozen
class Refused(Step):
    """A bad request: it must be refused with this error and change nothing.

    `why` is one of `PROOFS` (`malformed`: it is sent without its fields). Enabled only where the
    plan proves it. `expect` raises `InvalidRunError` where the request may yet land, because it
    timed out.
    """

    op: ClassVar[str] = "refused"
    step: Data
    why: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Bad requests of every kind that the plan can prove here, one row of each table."""
        for step in _requests(plan, scope):
            yield from (cls(step, why) for why in scope.refusals)

    @classmethod
    def because(cls, why: str, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Those choices that have this reason."""
        yield from (cls(step, why) for step in _requests(plan, scope))

    def nodes(self) -> frozenset[str]:
        return self.step.nodes()

    def mistake(self) -> str | None:
        return one_of("why", self.why, PROOFS)

    def enabled(self, plan: Plan) -> bool:
        return self.step.node in plan.net.nodes and self._proved(plan)

    def _proved(self, plan: Plan) -> bool:
        """Whether the plan proves that the node must refuse for this reason."""
        known = self.step.is_of(plan.net.schema) and self.mistake() is None
        return known and PROOFS[self.why](plan, self.step)

    def expect(self, belief: Belief, outcome: Outcome) -> Belief:
        if outcome.answer is Answer.REFUSED and outcome.code == self.why:
            return belief
        if outcome.answer is Answer.UNKNOWN:
            if self.why in ("no_such_row", "missing_reference"):
                raise InvalidRunError(
                    f"A request that must be refused timed out ({self}); it may yet land once what "
                    f"it lacks has come, and nothing could be said of this row any more."
                )
            return belief
        kind = Kind.WRONGLY_ACCEPTED if outcome.ok else Kind.WRONGLY_REFUSED
        shown = "accepted" if outcome.ok else f"refused: {outcome.code}"
        row = self.step.key
        found = Divergence(kind, self.step.node, row, f"refused: {self.why}", shown)
        raise DivergenceFound((found,)).about((told(self, outcome),))

    def follow(self, state: State, outcome: Outcome, folded: Fold[State]) -> State:
        """Time passes, in which earlier requests may land."""
        del outcome
        return folded(state, (), state.net)

    async def perform(self, target: Target) -> Outcome:
        if self.why != "malformed":
            return await self.step.perform(target)
        asked = self.step.asks(target.schema)
        return await require(target, Malforms).malformed(self.step.node, asked)

    def __str__(self) -> str:
        return f"refused ({self.why}): {self.step}"


#: What a burst does not hold, and what is not done beside something else.
NO_BURST = (Burst, Purge)
ALONE = (Burst, Concurrently, Refused, Purge, FullDisk, SlowDisk)


def _mistake_within(whole: Burst | Concurrently, least: int, never: tuple[type, ...]) -> str | None:
    """The first mistake of a step that holds at least so many others, and never such ones."""
    if len(whole.steps) < least:
        return f"`steps` takes at least {least}, not {len(whole.steps)}"
    for place, step in enumerate(whole.steps, 1):
        said = f"{whole.op} takes no {step.op}" if isinstance(step, never) else step.mistake()
        if said is not None:
            return f"its step {place} ({step.op}): {said}"
    return None


def _answers(plan: Plan, step: Data) -> bool:
    """Whether the node looks at its rows before it refuses."""
    return plan.net.writes(step.node) and not plan.net.quorum


def _lacks_reference(plan: Plan, step: Data) -> bool:
    shown = plan.may_show(step.node)
    if not isinstance(step, Create) or step.key in shown or not _answers(plan, step):
        return False
    return not shown.issuperset(step.needs(plan.net.schema))


def _lacks_row(plan: Plan, step: Data) -> bool:
    creates = isinstance(step, Create)
    return not creates and _answers(plan, step) and step.key not in plan.may_show(step.node)


def _lacks_plugin(plan: Plan, step: Data) -> bool:
    return step.node in plan.net.up and plan.net.plugin(step.node) is None


#: What proves that a node must refuse a request, by the code that it must give.
PROOFS: Mapping[str, Callable[[Plan, Data], bool]] = {
    "unreachable": lambda plan, step: step.node in plan.net.down,
    "no_plugin": _lacks_plugin,
    "read_only": lambda plan, step: step.node in plan.net.readers.intersection(plan.net.carriers),
    "no_such_row": _lacks_row,
    "missing_reference": _lacks_reference,
    "malformed": lambda plan, step: isinstance(step, Create) and _answers(plan, step),
}


def _requests(plan: Plan, scope: Scope) -> Iterator[Data]:
    """Every write of every row of the scope on each node, whether or not it has the row."""
    for node in plan.net.nodes:
        for table in plan.net.schema.tables:
            for name in scope.names(table.name):
                yield from _writes(plan, scope, node, table, name)


def _writes(plan: Plan, scope: Scope, node: str, table: Table, name: str) -> Iterator[Data]:
    row, values = Row(table.name, name), dict(fresh(table, plan))
    refs = plan.refs.get(row)
    for place, ref in enumerate(table.refs):
        values[ref.name] = scope.names(ref.table)[0] if refs is None else refs[place]
    given = tuple((c.name, values[c.name]) for c in table.columns if c.name in values)
    yield Create(node, table.name, name, given)
    version = plan.net.plugin(node) or 1
    for column in table.changing("set", version)[:1]:
        yield Set(node, table.name, name, column.name, column.fresh(plan.used(column)))
    yield Delete(node, table.name, name)
