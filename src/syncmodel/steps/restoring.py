"""A machine's disk is copied, and later put back as it was then: rows, log and generation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.backups import Disks
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.mistakes import each_once
from syncmodel.steps.scope import Scope


class PutsBack(ABC):
    """A target whose nodes' disks can be copied, and put back."""

    @abstractmethod
    async def backup(self, nodes: Sequence[str]) -> None:
        """Copy the disk of each of these nodes, whether or not it runs. One copy is kept of each.

        Raises `InvalidRunError` if it can't be copied.
        """

    @abstractmethod
    async def restore(self, nodes: Sequence[str], *, plain: bool) -> None:
        """Kill these nodes, put back what was copied, and start them, all at once.

        `plain`: the files alone, with the old identity of the log; else as the system's own restore
        has it. Raises `FaultError` if a node does not come up.
        """


@frozen
class Backup(Step):
    """The disks of some nodes are copied; each node goes on."""

    NEEDS: ClassVar[type[object] | None] = PutsBack
    op: ClassVar[str] = "backup"
    on: tuple[str, ...]

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Each node alone, and all of them."""
        yield from (cls((node,)) for node in plan.net.nodes)
        if len(plan.net.nodes) > 1:
            yield cls(plan.net.nodes)

    def nodes(self) -> frozenset[str]:
        return frozenset(self.on)

    def alters(self) -> frozenset[str]:
        return frozenset(self.on)

    def disks(self) -> Disks:
        return Disks(saved=frozenset(self.on))

    def rewire(self, net: Net) -> Net:
        return net.backup(self.on)

    def mark(self, plan: Plan) -> Plan:
        return plan.copied(self.on)

    def mistake(self) -> str | None:
        return each_once(self.on)

    def enabled(self, plan: Plan) -> bool:
        return _usual(self.on, plan.net) and plan.net.paused.isdisjoint(self.on)

    async def perform(self, target: Target) -> Outcome:
        await require(target, PutsBack).backup(self.on)
        return accepted()

    def __str__(self) -> str:
        return f"{' and '.join(self.on)}: the disk is copied"


@frozen
class Restore(Step):
    """The disks of some nodes are as they were when they were copied, and the nodes run.

    `plain`: nobody told the node: it has its old log, under the old name.
    """

    NEEDS: ClassVar[type[object] | None] = PutsBack
    op: ClassVar[str] = "restore"
    on: tuple[str, ...]
    plain: bool

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Each node alone, and all of which there is a copy."""
        copied = tuple(node for node in plan.net.nodes if node in plan.net.backups)
        for plain in (False, True):
            yield from (cls((node,), plain) for node in copied)
            if len(copied) > 1:
                yield cls(copied, plain)

    def nodes(self) -> frozenset[str]:
        return frozenset(self.on)

    def disturbs(self) -> frozenset[str]:
        return frozenset(self.on)

    def disks(self) -> Disks:
        return Disks(restored=frozenset(self.on))

    def rewire(self, net: Net) -> Net:
        return net.restore(self.on)

    def mark(self, plan: Plan) -> Plan:
        return plan.over(plan.net.either(self.rewire(plan.net))).put_back(self.on).over(plan.net)

    def mistake(self) -> str | None:
        return each_once(self.on)

    def enabled(self, plan: Plan) -> bool:
        """There is a copy of each; nothing that a quorum accepted may be lost."""
        return (
            _usual(self.on, plan.net)
            and all(node in plan.net.backups for node in self.on)
            and not plan.net.quorum
        )

    async def perform(self, target: Target) -> Outcome:
        await require(target, PutsBack).restore(self.on, plain=self.plain)
        return accepted()

    def __str__(self) -> str:
        how = "put back, file by file" if self.plain else "restored"
        return f"{' and '.join(self.on)}: the disk is {how}, as it was copied"


def _usual(nodes: tuple[str, ...], net: Net) -> bool:
    """Whether these are nodes of the net, each once, and there are some.

    What else their disks say is as ever: what comes back of a disabled plugin, of what was to be
    booted, of members and of trust is left open.
    """
    told = {node for node, _ in (*net.away, *net.distrusts)}
    return (
        each_once(nodes) is None
        and set(nodes) <= set(net.nodes)
        and told.union(net.disabled, net.staged).isdisjoint(nodes)
    )
