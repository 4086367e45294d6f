"""A step performed on a virtual world that the caller holds as a value.

The same `perform` as on live nodes, through a target that is only a place for the world while one
step lasts. Nothing is delivered and no time passes here; compare `reference.simulated.cluster`,
which asks a schedule for such things.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from syncmodel.engine.drive import Straight
from syncmodel.model.net import Link
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.schema import Schema
from syncmodel.model.values import Write
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import (
    VirtualWorld,
    acts,
    faulty,
    misusing,
    plugins,
    purging,
    restoring,
    spoiling,
    told,
)
from syncmodel.steps import Step
from syncmodel.steps.base import Deploys, HangsLinks, Pauses, Reads, Resyncs, SetsClocks, Stops
from syncmodel.steps.faulty_deploy import DeploysAmidFaults
from syncmodel.steps.machines import Boots
from syncmodel.steps.membership import HasMembers
from syncmodel.steps.misused import Misuses
from syncmodel.steps.plugins import Uninstalls
from syncmodel.steps.purging import Purges
from syncmodel.steps.restoring import PutsBack
from syncmodel.steps.spoiling import Spoils
from syncmodel.steps.trusting import Trusts


class Place(
    HangsLinks,
    Resyncs,
    Deploys,
    DeploysAmidFaults,
    Uninstalls,
    Boots,
    HasMembers,
    Trusts,
    PutsBack,
    Purges,
    Spoils,
    Stops,
    Pauses,
    SetsClocks,
    Reads,
    Misuses,
):
    """A target that can do whatever a single step needs; `world` is the world as it is now."""

    def __init__(self, world: VirtualWorld) -> None:
        """Nothing happens."""
        self.world = world

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes by name, in order."""
        return self.world.setup.names

    @property
    def schema(self) -> Schema:
        """What the nodes store."""
        return SIMULATED.schema

    @property
    def cut(self) -> frozenset[Link]:
        """The links that are cut now."""
        return self.world.cut

    async def write(self, node: str, write: Write) -> Outcome:
        """One request to the node's core."""
        self.world, outcome = acts.write(self.world, node, write)
        return outcome

    async def look(self, node: str, table: str, name: str | None) -> Outcome:
        """One question to the node's core."""
        self.world, outcome = acts.look(self.world, node, table, name)
        return outcome

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """One after another."""
        return [await call for call in calls]

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Exactly these links are cut; what was under way on them is lost."""
        self.world = acts.set_cut(self.world, cut)

    async def hang(self, link: Link) -> None:
        """Its connection stays, and nothing passes."""
        self.world = acts.hang(self.world, link)

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """The node asks its peers again."""
        self.world, outcome = acts.resync(self.world, node, full=full)
        return outcome

    async def leave(self, node: str) -> Outcome:
        """Every node is told."""
        self.world, outcome = told.member(self.world, node, active=False)
        return outcome

    async def join(self, node: str, *, new: bool) -> Outcome:
        """Every node is told."""
        self.world, outcome = told.member(self.world, node, active=True)
        return outcome

    async def trust(self, node: str, peer: str, *, trusted: bool) -> Outcome:
        """The node alone is told."""
        self.world, outcome = told.trust(self.world, node, peer, trusted=trusted)
        return outcome

    async def crash(self, node: str) -> None:
        """Whatever was not stored is gone."""
        self.world = acts.crash(self.world, node)

    async def restart(self, node: str) -> None:
        """Stop in order, then start."""
        self.world = acts.restart(self.world, node)

    async def backup(self, nodes: Sequence[str]) -> None:
        """One after another."""
        for node in nodes:
            self.world = restoring.backup(self.world, node)

    async def restore(self, nodes: Sequence[str], *, plain: bool) -> None:
        """All are down before the first one starts."""
        for node in nodes:
            self.world = acts.crash(self.world, node)
        for node in nodes:
            self.world = restoring.restore(self.world, node, plain=plain)

    async def purge(self) -> Outcome:
        """The nodes are told at once."""
        self.world, outcome = purging.purge(self.world)
        return outcome

    async def spoil(self, node: str, part: str) -> Outcome:
        """Its store is gone, whether or not the node would have served it."""
        self.world, outcome = spoiling.spoil(self.world, node, part)
        return outcome

    async def pause(self, node: str) -> None:
        """What is sent to it waits."""
        self.world = acts.pause(self.world, node)

    async def resume(self, node: str) -> None:
        """It goes on, with what waited."""
        self.world = acts.resume(self.world, node)

    async def set_clock(self, node: str, ahead_s: int) -> None:
        """It jumps."""
        self.world = acts.with_skews(self.world, {node: ahead_s})

    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """One node after another; the first failure is the outcome."""
        outcomes = []
        for node in nodes:
            self.world, outcome = acts.deploy(self.world, node, generation, back=back)
            outcomes.append(outcome)
        return next((outcome for outcome in outcomes if not outcome.ok), accepted())

    async def faulty_deploy(self, node: str, generation: int, fault: str, *, back: bool) -> Outcome:
        """One node, in one piece."""
        self.world, outcome = faulty.faulty_deploy(self.world, node, generation, fault, back=back)
        return outcome

    async def disable(self, node: str) -> Outcome:
        """Its tables stay."""
        self.world, outcome = plugins.disable(self.world, node)
        return outcome

    async def uninstall(self, node: str, *, confirmed: bool) -> Outcome:
        """Its tables go, if that is confirmed."""
        self.world, outcome = plugins.uninstall(self.world, node, confirmed=confirmed)
        return outcome

    async def select(self, node: str, generation: int) -> Outcome:
        """What runs notices nothing."""
        self.world, outcome = plugins.select(self.world, node, generation)
        return outcome

    async def reboot(self, node: str) -> None:
        """Whatever was not stored is gone."""
        self.world = plugins.reboot(self.world, node)

    async def misuse(self, node: str, variant: str, method: str) -> Outcome:
        """What is replayed is a question that was asked just now; nobody remembers it."""
        _, outcome = misusing.misuse(self.world, node, variant, method)
        return outcome


def performed(world: VirtualWorld, step: Step) -> tuple[VirtualWorld, Outcome]:
    """The world after the step, and the step's outcome."""
    place = Place(world)
    outcome = Straight().run(step.perform(place))
    return place.world, outcome
