"""The virtual world as a `Target` with every ability of a live cluster.

It holds a world, asks a schedule for every decision and takes the next world. With one seed the
same steps give the same run, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Coroutine, Sequence
from pathlib import Path
from typing import ClassVar

from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.schema import Schema
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.reference.kinds import Everything
from syncmodel.reference.simulated import (
    acts,
    faulty,
    misusing,
    plugins,
    purging,
    restoring,
    saying,
    sights,
    spoiling,
    told,
)
from syncmodel.reference.simulated.moments import Noting
from syncmodel.reference.simulated.schedule import Drawn, InTurn, Schedule
from syncmodel.reference.simulated.setup import setup
from syncmodel.reference.simulated.world import VirtualWorld, deliver, initial
from syncmodel.targets.base import Diagnosed, Settled, Target, Unsettled
from syncmodel.targets.inside import Moment, Traces
from syncmodel.targets.wire import DROPPING, SUPERTEST

#: How a schedule hears a write: recorded networks depend on these very words.
HEARD = {"create": ("POST", None), "set": ("PATCH", None), "add": ("POST", "increment")}


def _words(write: Write) -> str:
    method, action = HEARD.get(write.op, ("DELETE", None))
    return f"{method} {write.row.table} {write.row.name} {action}"


#: More deliveries than this in one settling means that the nodes never come to rest.
DELIVERIES_LIMIT = 100_000
#: From so many for each link on, it is noted which worlds were there already: a loop is one that
#: comes again and again.
UNUSUAL, AGAIN = 100, 20
NONE_SEEN: Counter[VirtualWorld] = Counter()


class SimulatedCluster(Target, Everything, Traces, Diagnosed):
    """Nodes n1, n2, ... in a virtual world; `world` is that world now.

    `seed` None takes everything in turn: nothing travels between rests and all clocks agree. A
    number makes a random network of it: any link's next message next, some before a burst is over,
    connections that break, clocks that differ.
    """

    schema: ClassVar[Schema] = SUPERTEST
    waits: ClassVar[bool] = False

    def __init__(self, count: int = 3, bug_names: Sequence[str] = (), seed: int | None = None):
        """Nothing runs yet: see `begin`. Raises `UsageError` for an unknown bug."""
        self._setup = setup(count, bug_names)
        self.nodes = self._setup.names
        self._notes: Noting | None = None
        self.on_network(seed)
        self._world: VirtualWorld | None = None
        #: The world in which requests arrived that are served at the same time.
        self._arriving: VirtualWorld | None = None
        self._clocks_are_set = False
        self._slow: frozenset[Link] = frozenset()

    @property
    def cut(self) -> frozenset[Link]:
        """The links that are cut now; none before a run began."""
        return frozenset() if self._world is None else self._world.cut

    @property
    def world(self) -> VirtualWorld:
        """The world as it is now. A run must have begun."""
        assert self._world is not None, "begin a run first"
        return self._world

    def on_network(self, number: int | None) -> None:
        """Runs that begin from now on are on the network of that seed."""
        self._schedule: Schedule = InTurn() if number is None else Drawn(number)
        if self._notes is not None:
            self.trace()

    # --- Traces --------------------------------------------------------------------------------

    def trace(self) -> None:
        """Every decision of the schedule is noted from now on; they stay the same."""
        schedule = self._schedule
        if not isinstance(schedule, Noting):
            self._schedule = self._notes = Noting(schedule, lambda: self.world)

    def traced(self) -> tuple[Moment, ...]:
        """What was decided since this was asked last."""
        return () if self._notes is None else self._notes.taken()

    async def artefacts(self, folder: Path) -> None:
        """What each machine has, and what each application that runs says."""
        saying.keep(self.world, folder)

    # --- Target --------------------------------------------------------------------------------

    async def begin(self, net: Net) -> None:
        """Fresh machines, with links, lives and generations as `net` has them."""
        self._schedule.begin()
        self._slow = frozenset()
        self._clocks_are_set = False
        self._world = initial(self._setup, net)

    async def write(self, node: str, write: Write) -> Outcome:
        """One request to the node's core; some messages may travel first."""
        return self._asked(node, write)

    async def look(self, node: str, table: str, name: str | None) -> Outcome:
        """One question to the node's core; some messages may travel first."""
        self._before(f"{node} GET {table} {name}")
        self._world, outcome = acts.look(self.world, node, table, name)
        return outcome

    async def malformed(self, node: str, write: Write) -> Outcome:
        """The same without its fields."""
        return self._asked(node, write, malformed=True)

    def _asked(self, node: str, write: Write, *, malformed: bool = False) -> Outcome:
        self._before(f"{node} {_words(write)}")
        world = acts.advance(self.world, self._schedule.ticks())
        there = None if self._arriving is None else self._arriving.machines[node]
        arrived = None if there is None else there.state
        self._world, outcome = acts.write(world, node, write, malformed=malformed, arrived=arrived)
        return outcome

    async def read(self, node: str) -> View | None:
        """What the node shows."""
        self._world = acts.stored(self.world, node)
        return sights.views(self.world).get(node)

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """One after another, in an order of the schedule's. If one raises, the rest is not done.

        All of them have arrived before the first one is served.
        """
        outcomes: dict[int, Outcome] = {}
        before, self._arriving = self._arriving, self.world
        try:
            for place in self._schedule.order(len(calls)):
                outcomes[place] = await calls[place]
        finally:
            self._arriving = before
            for call in calls:
                if isinstance(call, Coroutine):
                    call.close()
        return [outcomes[place] for place in range(len(calls))]

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Deliver until nothing is under way, then read every node."""
        if self._deliver(DELIVERIES_LIMIT) == DELIVERIES_LIMIT:
            return Unsettled(f"messages still travel after {DELIVERIES_LIMIT} deliveries", True)
        world = self.world
        if world.is_busy:
            return Unsettled("messages travel in a circle", True)
        behind = sights.behind(world)
        if behind:
            # Nothing is under way, and nothing here happens by the clock.
            words = (f"{dialler} has not processed {relay}'s log" for relay, dialler in behind)
            return Unsettled("; ".join(words), True)
        for name in net.up:
            world = self._world = acts.stored(world, name)
        shown = {name: sights.control(world, name) for name in net.up} if control else {}
        return Settled(sights.views(world), shown)

    async def close(self) -> None:
        """Leave nothing behind."""
        self._world = None

    # --- abilities -----------------------------------------------------------------------------

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Exactly these links are cut; what was under way on them is lost."""
        # A node that never runs decides nothing, so the schedule does not see its links.
        self._before(f"cut {[link for link in sorted(cut) if all(map(self.world.runs, link))]}")
        self._slow -= cut
        self._world = acts.set_cut(self.world, cut)

    async def hang(self, link: Link) -> None:
        """Its connection stays, and nothing passes."""
        self._before(f"hang {link}")
        self._slow -= {link}
        self._world = acts.hang(self.world, link)

    async def slow(self, link: Link, delay_ms: int) -> None:
        """What passes over it comes after all else that can happen."""
        self._before(f"slow {link} {delay_ms}")
        slow = self._slow - {link}
        self._slow = slow | {link} if delay_ms else slow

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """The node asks its peers again."""
        self._before(f"{node} resyncs {full}")
        self._world, outcome = acts.resync(self.world, node, full=full)
        return outcome

    async def leave(self, node: str) -> Outcome:
        """Every node is told."""
        self._before(f"{node} leaves")
        self._take(self.nodes, "cluster_nodes.leave")
        self._world, outcome = told.member(self.world, node, active=False)
        return outcome

    async def join(self, node: str, *, new: bool) -> Outcome:
        """Every node is told."""
        self._before(f"{node} joins {new}")
        self._world, outcome = told.member(self.world, node, active=True)
        return outcome

    async def trust(self, node: str, peer: str, *, trusted: bool) -> Outcome:
        """The node alone is told."""
        self._before(f"{node} trusts {peer} {trusted}")
        if not trusted:
            self._take((node,), "cluster_nodes.distrust")
        self._world, outcome = told.trust(self.world, node, peer, trusted=trusted)
        return outcome

    async def crash(self, node: str) -> None:
        """Whatever was not stored is gone."""
        self._before(f"{node} crashes")
        self._world = acts.crash(self.world, node)

    async def restart(self, node: str) -> None:
        """Stop in order (which stores what is written behind), then start."""
        self._before(f"{node} restarts")
        self._world = acts.restart(self.world, node)

    async def backup(self, nodes: Sequence[str]) -> None:
        """One after another, in the schedule's order."""
        self._before(f"{nodes} copied")
        for place in self._schedule.order(len(nodes)):
            self._world = restoring.backup(self.world, nodes[place])
            self._cross()

    async def restore(self, nodes: Sequence[str], *, plain: bool) -> None:
        """All are down before the first one starts."""
        self._before(f"{nodes} restored, plain {plain}")
        for node in nodes:
            self._world = acts.crash(self.world, node)
        for place in self._schedule.order(len(nodes)):
            self._world = restoring.restore(self.world, nodes[place], plain=plain)

    async def spoil(self, node: str, part: str) -> Outcome:
        """Whatever was not stored is gone, and what was, too."""
        self._before(f"{node} is spoilt: {part}")
        self._world, outcome = spoiling.spoil(self.world, node, part)
        return outcome

    async def purge(self) -> Outcome:
        """All at once: nothing else happens meanwhile."""
        self._before("purge")
        self._world, outcome = purging.purge(self.world)
        return outcome

    async def pause(self, node: str) -> None:
        """What is sent to it waits."""
        self._before(f"{node} stands still")
        self._world = acts.pause(self.world, node)

    async def resume(self, node: str) -> None:
        """It goes on, with what waited."""
        self._before(f"{node} goes on")
        self._world = acts.resume(self.world, node)

    async def set_clock(self, node: str, ahead_s: int) -> None:
        """Whatever the schedule had its clock show."""
        self._before(f"{node} clock {ahead_s}")
        self._world = acts.with_skews(self.world, {node: ahead_s})

    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """One node after another, in the schedule's order; the first failure is the outcome."""
        self._before(f"{nodes} to {generation}")
        outcomes = []
        for place in self._schedule.order(len(nodes)):
            if back:
                self._take((nodes[place],), "rollout.rollback")
            self._world, outcome = acts.deploy(self.world, nodes[place], generation, back=back)
            outcomes.append(outcome)
            self._cross()
        return next((outcome for outcome in outcomes if not outcome.ok), accepted())

    async def faulty_deploy(self, node: str, generation: int, fault: str, *, back: bool) -> Outcome:
        """In one piece: nothing else happens meanwhile."""
        self._before(f"{node} to {generation}, {fault}")
        self._world, outcome = faulty.faulty_deploy(self.world, node, generation, fault, back=back)
        return outcome

    async def disable(self, node: str) -> Outcome:
        """Its tables stay."""
        self._before(f"{node} disables")
        self._world, outcome = plugins.disable(self.world, node)
        return outcome

    async def uninstall(self, node: str, *, confirmed: bool) -> Outcome:
        """Its tables go, if that is confirmed."""
        self._before(f"{node} uninstalls {confirmed}")
        if confirmed:
            self._take((node,), "plugins.uninstall")
        self._world, outcome = plugins.uninstall(self.world, node, confirmed=confirmed)
        return outcome

    async def select(self, node: str, generation: int) -> Outcome:
        """What runs notices nothing."""
        self._before(f"{node} selects {generation}")
        self._world, outcome = plugins.select(self.world, node, generation)
        return outcome

    async def reboot(self, node: str) -> None:
        """Whatever was not stored is gone."""
        self._before(f"{node} reboots")
        self._world = plugins.reboot(self.world, node)

    async def misuse(self, node: str, variant: str, method: str) -> Outcome:
        """Checked as a real node does."""
        self._before(f"{node} is misused: {variant} {method}")
        self._world, outcome = misusing.misuse(self.world, node, variant, method)
        return outcome

    # --- decisions -----------------------------------------------------------------------------

    def _before(self, act: str) -> None:
        """Report the next act to the schedule; let happen what comes before it."""
        self._schedule.heard(act)
        if not self._clocks_are_set:
            skews_s = self._schedule.skews_s(self.nodes)
            self._world = acts.with_skews(self.world, skews_s)
            self._clocks_are_set = True
        self._cross()
        wires = self.world.wires
        broken = self._schedule.breaks(len(wires))
        if broken is not None:
            self._world = acts.reset(self.world, sorted(wires)[broken])

    def _take(self, nodes: Sequence[str], method: str) -> None:
        """These nodes take a request of an administrator; one that does not run does not."""
        for node in nodes:
            self._world = misusing.took(self.world, node, method)

    def _cross(self) -> None:
        self._deliver(self._schedule.crossings())

    def _deliver(self, limit: int) -> int:
        """Let things happen until nothing can, or the same again; return how many did."""
        world, schedule, slow = self.world, self._schedule, self._slow
        seen = NONE_SEEN
        for number in range(limit):
            if not world.is_busy:
                return number
            if number >= UNUSUAL and number >= UNUSUAL * len(self._setup.links):
                seen = seen or Counter()
                if seen[world] >= AGAIN:
                    return number
                seen[world] += 1
            which = schedule.pick(world.coming_but(slow))
            if which.what == "tell" and schedule.repeats():
                world = acts.repeat(world, which)
            world = self._world = deliver(world, which)
        return limit


class DroppingSimulation(SimulatedCluster):
    """The same, whose nodes may also run a version of the plugin that has dropped a column."""

    schema: ClassVar[Schema] = DROPPING
