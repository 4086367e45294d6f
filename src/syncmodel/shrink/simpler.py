"""Which of two scripts is the simpler one, and simpler forms of single steps. Pure.

A step that this file does not know weighs nothing and has no simpler form. Every form offered
weighs less than what it stands for, so trying them terminates.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from itertools import combinations

from attrs import evolve

from syncmodel.engine.rename import tidy_names
from syncmodel.engine.script import Script, leaves, length
from syncmodel.model.columns import Token
from syncmodel.model.plan import Plan
from syncmodel.model.spreading import split
from syncmodel.steps.base import Step
from syncmodel.steps.clocks import Clock
from syncmodel.steps.compound import Burst, Concurrently
from syncmodel.steps.data import Add, Create, Set
from syncmodel.steps.deployment import Deployment, Rollback, Rollout
from syncmodel.steps.faulty_deploy import FaultyDeploy
from syncmodel.steps.fill import Fill
from syncmodel.steps.hanging import Hang
from syncmodel.steps.lifecycle import Crash, Restart
from syncmodel.steps.membership import Leave, Told
from syncmodel.steps.network import Cut, Heal, Mend, Partition
from syncmodel.steps.packets import NOTHING, Impair
from syncmodel.steps.purging import Purge
from syncmodel.steps.restoring import Backup, Restore
from syncmodel.steps.slowness import Slow
from syncmodel.steps.spoiling import PARTS, Spoil
from syncmodel.steps.standstill import Pause
from syncmodel.steps.sync import Resync


def cost(script: Script) -> tuple[int, ...]:
    """What a minimiser makes smaller: steps first, then nodes, simplicity, and tidy names."""
    usual = script.net.schema.usual
    unusual = sum(generation != usual for generation in script.net.running.values())
    return (
        length(script.steps),
        len(script.net.nodes),
        unusual,
        sum(map(weight, script.steps)) + _spare(script),
        tidy_names(script).changes,
    )


def _spare(script: Script) -> int:
    """How many columns creates give that they could leave out."""
    creates = [leaf for _, leaf in leaves(script.steps) if isinstance(leaf, Create)]
    return sum(len(create.spare(script.net.schema)) for create in creates)


@singledispatch
def weight(step: Step) -> int:  # noqa: ARG001 (what each registered kind of step needs)
    """How far a step is from the simplest of its length."""
    return 0


@singledispatch
def simpler(step: Step, script: Script) -> Iterator[Step]:  # noqa: ARG001 (as above)
    """Steps that may stand in its place, the most promising first."""
    return iter(())


def _compound(step: Burst | Concurrently) -> int:
    return sum(map(weight, step.steps))


weight.register(Burst, lambda step: 1 + _compound(step))
weight.register(Concurrently, lambda step: 2 + _compound(step))
weight.register(Add, lambda _: 1)
weight.register(Fill, lambda step: 1 + step.rows)
weight.register(Crash, lambda _: 1)
weight.register(Pause, lambda _: 2)
weight.register(Told, lambda _: 2)
weight.register(Clock, lambda step: 1 + abs(step.ahead_s))
weight.register(Cut, lambda _: 1)
weight.register(Hang, lambda _: 2)
weight.register(Slow, lambda step: 1 + step.delay_ms)
weight.register(Impair, lambda step: 1 + (step.wrong != NOTHING))
weight.register(Mend, lambda _: 1)
weight.register(Backup, lambda step: len(step.on))
weight.register(Restore, lambda step: 2 * len(step.on) + step.plain)
weight.register(Purge, lambda _: 1)
weight.register(Spoil, lambda step: 5 + [*PARTS].index(step.part))
weight.register(Resync, lambda step: int(step.full))
weight.register(FaultyDeploy, lambda step: 5 + step.generation)
weight.register(Deployment, lambda step: 3 * len(step.on) + step.generation)


@weight.register
def _(step: Partition) -> int:
    return 2 * len(step.groups) + sum(map(len, step.groups))


@simpler.register
def _(step: Concurrently, script: Script) -> Iterator[Step]:  # noqa: ARG001
    yield Burst(step.steps)


@simpler.register
def _(step: Add, script: Script) -> Iterator[Step]:
    table = script.net.schema.by_name[step.table]
    for column in table.changing("set", 1)[:1]:
        token = f"by{step.by}" if isinstance(column, Token) else -step.by
        yield Set(step.node, step.table, step.row, column.name, token)


@simpler.register
def _(step: Create, script: Script) -> Iterator[Step]:
    """Without any of the columns that it could leave out; without one."""
    spare = step.spare(script.net.schema)
    for left_out in dict.fromkeys((spare, *((name,) for name in spare))) if spare else ():
        yield evolve(step, values=tuple([v for v in step.values if v[0] not in left_out]))


@simpler.register
def _(step: Fill, script: Script) -> Iterator[Step]:
    """One create, then half as many rows, a quarter less, ..., one less."""
    if step.fits(Plan(script.net)):
        yield step.creates(script.net.schema)[0]
    less = step.rows // 2
    while less:
        yield evolve(step, rows=step.rows - less)
        less //= 2


@simpler.register
def _(step: Crash, script: Script) -> Iterator[Step]:  # noqa: ARG001
    yield Restart(step.node)


@simpler.register
def _(step: Slow, script: Script) -> Iterator[Step]:  # noqa: ARG001
    if step.delay_ms:
        yield evolve(step, delay_ms=0)


@simpler.register
def _(step: Spoil, script: Script) -> Iterator[Step]:  # noqa: ARG001
    simplest = next(iter(PARTS))
    if step.part != simplest:
        yield evolve(step, part=simplest)


@simpler.register
def _(step: Impair, script: Script) -> Iterator[Step]:  # noqa: ARG001
    if step.wrong != NOTHING:
        yield evolve(step, wrong=NOTHING)


@simpler.register
def _(step: Hang, script: Script) -> Iterator[Step]:  # noqa: ARG001
    yield Cut(step.from_node, step.to_node)


@simpler.register
def _(step: Clock, script: Script) -> Iterator[Step]:  # noqa: ARG001
    if step.ahead_s:
        yield evolve(step, ahead_s=0)


@simpler.register
def _(step: Pause, script: Script) -> Iterator[Step]:  # noqa: ARG001
    yield Crash(step.node)


@simpler.register
def _(step: Leave, script: Script) -> Iterator[Step]:
    """It is cut off instead, or down."""
    others = tuple(node for node in script.net.nodes if node != step.node)
    if len(others) == 1:
        yield Cut(others[0], step.node)
        yield Cut(step.node, others[0])
    yield Crash(step.node)


@simpler.register
def _(step: Mend, script: Script) -> Iterator[Step]:  # noqa: ARG001
    yield Heal()


@simpler.register
def _(step: Resync, script: Script) -> Iterator[Step]:  # noqa: ARG001
    if step.full:
        yield evolve(step, full=False)


@simpler.register
def _(step: FaultyDeploy, script: Script) -> Iterator[Step]:
    """The same without the fault; a restart; to another generation."""
    yield (Rollback if step.back else Rollout)((step.node,), step.generation)
    yield Restart(step.node)
    for generation in sorted(script.net.generations):
        if generation < step.generation:
            yield evolve(step, generation=generation)


@simpler.register
def _(step: Deployment, script: Script) -> Iterator[Step]:
    for node in step.on if len(step.on) > 1 else ():
        yield evolve(step, on=tuple(other for other in step.on if other != node))
    for generation in sorted(script.net.generations):
        if generation < step.generation:
            yield evolve(step, generation=generation)


@simpler.register
def _(step: Backup, script: Script) -> Iterator[Step]:  # noqa: ARG001
    for node in step.on if len(step.on) > 1 else ():
        yield evolve(step, on=tuple(other for other in step.on if other != node))


@simpler.register
def _(step: Restore, script: Script) -> Iterator[Step]:  # noqa: ARG001
    """A restart; one node less; the system's own way."""
    yield Restart(step.on[0])
    for node in step.on if len(step.on) > 1 else ():
        yield evolve(step, on=tuple(other for other in step.on if other != node))
    if step.plain:
        yield evolve(step, plain=False)


@simpler.register
def _(step: Partition, script: Script) -> Iterator[Step]:
    """A heal if it is one; one directed link between nodes that do something; fewer groups."""
    busy = _busy(script)
    links = sorted(split(script.net.nodes, step.groups))
    if not links:
        yield Heal()
    yield from (Cut(a, b) for a, b in links if a in busy and b in busy)
    if len(step.groups) > 2:
        for pair in combinations(step.groups, 2):
            rest = [group for group in step.groups if group not in pair]
            both = tuple(sorted({*pair[0], *pair[1]}))
            yield Partition((*rest, both))


def _busy(script: Script) -> set[str]:
    """The nodes that do more than stand on one side of a split."""
    quiet = (Partition, Heal)
    busy = [step.nodes() for step in script.steps if not isinstance(step, quiet)]
    named = frozenset[str]().union(*busy)
    return set(named if len(named) > 1 else script.net.nodes)
