"""The node's own cores under a virtual network, together with the model: the searched system.

A `Moment` is one situation of both; here is how steps, deliveries and rests change it. Two systems
differ in which of these may come when: `stepwise` and `messagewise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from attrs import evolve, field, frozen
from msgspec.structs import replace

from syncmodel.checker import Property, always, sometimes
from syncmodel.exhaustive.came_back import CAME_BACK, came_back, may_come_back
from syncmodel.exhaustive.identity import (
    Digest,
    Renaming,
    blind,
    digest,
    of_form,
    of_model,
    of_net,
    renamings,
)
from syncmodel.exhaustive.limits import SYMMETRIC_NODES, Left, Limits, choices
from syncmodel.exhaustive.performing import performed
from syncmodel.model.control import compare_control
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Net
from syncmodel.model.rest import compare
from syncmodel.model.values import Scalar
from syncmodel.model.world import World
from syncmodel.model.world import initial as initial_world
from syncmodel.reference.simulated import VirtualWorld, acts, canonical, deliver, initial, sights
from syncmodel.reference.simulated import setup as virtual_setup
from syncmodel.reference.simulated.schedule import InTurn
from syncmodel.reference.simulated.setup import Setup
from syncmodel.reference.simulated.world import deliverables
from syncmodel.steps import Step

#: More deliveries than this between two rests: the nodes never come to rest.
DELIVERIES_LIMIT = 10_000


@frozen(eq=False)
class Moment:
    """What the model believes, and the virtual world as it is. A value; `identity` says when two
    are the same.

    `since_rest` counts the steps since the last rest, at which the net was `rested_on`; `stopped`
    says whether one of them stopped an application. `found` is what the model calls wrong.
    `names` are the renamings of nodes that change nothing. Equality is for one search: it ignores
    the setup, and equal moments may have other names.
    """

    model: World
    virtual: VirtualWorld = field(repr=False)
    left: Left
    rested_on: Net
    names: tuple[Renaming, ...] = field(repr=False)
    since_rest: int = 0
    found: tuple[Divergence, ...] = ()
    stopped: bool = False

    @cached_property
    def key(self) -> Digest:
        """The same for moments that are one, under whatever names."""
        form = canonical(self.virtual)
        same: tuple[object, ...] = (self.left, self.since_rest, tuple(map(str, self.found)))
        if self.stopped:
            same = (*same, "stopped")
        return min(
            digest(
                same,
                of_model(self.model, names),
                of_form(form, names),
                of_net(self.rested_on, names),
            )
            for names in self.names
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@frozen
class Cluster:
    """What is searched: the constants of a virtual world, and from which nets runs begin.

    `symmetric`: its nodes are interchangeable. `coins`: which of two tied versions wins depends on
    their ids and so on their tokens; runs are tried with this many families of tokens.
    """

    limits: Limits
    setup: Setup
    nets: tuple[Net, ...]
    symmetric: bool
    coins: int = 1

    def beginnings(self) -> tuple[Moment, ...]:
        """Each net at its first rest, with nothing written."""
        return tuple(self._beginning(net, coin) for coin in range(self.coins) for net in self.nets)

    def _beginning(self, net: Net, coin: int) -> Moment:
        model = initial_world(net)
        net = model.belief.net
        used: frozenset[Scalar] = frozenset(f"t{number}" for number in range(1, coin + 1))
        model = replace(model, plan=replace(model.plan, tokens=used))
        names = renamings(net.nodes, symmetric=self.symmetric)
        virtual = initial(self.setup, net)
        return rested(courses(Moment(model, virtual, self.limits.left, net, names))[-1])


def cluster(
    limits: Limits,
    bugs: Sequence[str] = (),
    nets: Sequence[Net] = (),
    *,
    symmetric: bool = True,
    coins: int = 1,
) -> Cluster:
    """The reference node's cores within these limits, with these planted bugs on.

    Runs begin from `limits.net` if no `nets` are given. Where nodes are `symmetric`, ids are blind
    to names, so that another of two tied versions may win than on a `SimulatedCluster`; leave it
    out to look for runs that must fail there. More nodes than `SYMMETRIC_NODES` are never taken
    for symmetric. Raises `UsageError` for an unknown bug.
    """
    symmetric = symmetric and limits.nodes <= SYMMETRIC_NODES
    setup = virtual_setup(limits.nodes, bugs)
    nets = tuple(nets) or (limits.net,)
    return Cluster(limits, blind(setup) if symmetric else setup, nets, symmetric, coins)


def taken(now: Moment, step: Step, limits: Limits) -> Moment:
    """The step is performed, and its outcome judged; nothing is delivered."""
    left = next(after for one, after in choices(limits, now.model.plan, now.left) if one == step)
    virtual, outcome = performed(now.virtual, step)
    model = now.model
    try:
        belief = step.expect(model.belief, outcome)
    except DivergenceFound as found:
        return evolve(now, virtual=virtual, found=found.divergences)
    model = World(step.advance(model.plan), belief)
    since_rest = limits.steps_after(now.since_rest)
    stopped = now.stopped or bool(step.disturbs())
    return evolve(
        now, model=model, virtual=virtual, left=left, since_rest=since_rest, stopped=stopped
    )


def courses(now: Moment) -> tuple[Moment, ...]:
    """The moment, then as it is after each delivery, until nothing is under way.

    Each link's next message in turn: as a `SimulatedCluster` without a seed does.
    """
    schedule, course = InTurn(), [now]
    for _ in range(DELIVERIES_LIMIT):
        world = course[-1].virtual
        if now.found or not world.coming:
            return tuple(course)
        course.append(evolve(now, virtual=deliver(world, schedule.pick(world.coming))))
    shown = f"messages still travel after {DELIVERIES_LIMIT} deliveries"
    return (*course, _never_at_rest(now, shown))


def _never_at_rest(now: Moment, shown: str) -> Moment:
    divergence = Divergence(Kind.NOT_SETTLED, "the cluster", None, "rest", shown)
    return evolve(now, found=(divergence,))


def rested(now: Moment) -> Moment:
    """Nothing is under way, and what shows is compared with what may be true."""
    if now.found:
        return now
    behind = sights.behind(now.virtual)
    if behind:
        words = (f"{dialler} has not processed {relay}'s log" for relay, dialler in behind)
        return _never_at_rest(now, "; ".join(words))
    belief, virtual = now.model.belief, now.virtual
    for name in belief.net.up:
        virtual = acts.stored(virtual, name)
    try:
        if now.stopped or _disturbed(now.rested_on, belief.net):
            compare_control(belief, {n: sights.control(virtual, n) for n in belief.net.up})
        belief = compare(belief, sights.views(virtual))
    except DivergenceFound as found:
        return evolve(now, virtual=virtual, found=found.divergences)
    model = World(now.model.plan, belief)
    return evolve(
        now, model=model, virtual=virtual, rested_on=belief.net, since_rest=0, stopped=False
    )


def _disturbed(old: Net, new: Net) -> bool:
    """Whether lives, generations, members or trust changed, or all is healed: then a session looks
    closer too."""
    healed = bool(old.cut) and not new.cut
    told = old.away != new.away or old.distrusts != new.distrusts
    return old.lives != new.lives or told or healed


# --- properties ----------------------------------------------------------------------------------


def never_wrong() -> Property[Moment]:
    """The cores do nothing that the model calls wrong."""
    return always("the cores agree with the model", lambda now: not now.found)


def seen(limits: Limits) -> list[Property[Moment]]:
    """What must be seen somewhere, as far as the limits allow."""
    wanted = [sometimes("a row shows on every node", _shows_everywhere)]
    if limits.nodes > 1 and limits.writes > 1 and (limits.cuts or limits.burst > 1):
        wanted.append(sometimes("a conflict was decided", _conflict_decided))
    if limits.cuts and limits.writes:
        wanted.append(sometimes("all is healed after a write during a cut", _healed))
    if limits.rollbacks and limits.writes:
        wanted.append(sometimes("a version is lost with the only log that had it", _lost))
    if limits.crashes:
        wanted.append(sometimes("a node is down", lambda now: bool(now.model.belief.net.down)))
    if limits.leaves and limits.writes:
        wanted.append(sometimes("a row shows on some node only, as one is away", _away))
    if limits.distrusts and limits.writes:
        wanted.append(sometimes("what a node had of an author counts no more", _kept))
    if limits.pauses and limits.writes:
        wanted.append(sometimes("a node has what was sent to it as it stood still", _waited))
    if may_come_back(limits):
        wanted.append(sometimes(CAME_BACK, lambda now: came_back(now.model.belief)))
    return wanted


def _at_rest(now: Moment) -> bool:
    return not now.since_rest and not now.found and not deliverables(now.virtual)


def _shows_everywhere(now: Moment) -> bool:
    shown = sights.views(now.virtual).values()
    return _at_rest(now) and all(one is not None and bool(one.rows) for one in shown)


def _away(now: Moment) -> bool:
    shown = [one for one in sights.views(now.virtual).values() if one is not None]
    return (
        _at_rest(now) and bool(now.model.belief.net.away) and len({bool(v.rows) for v in shown}) > 1
    )


def _kept(now: Moment) -> bool:
    return any(row.kept for row in now.model.belief.rows.values())


def _waited(now: Moment) -> bool:
    return _at_rest(now) and any(row.pending for row in now.model.belief.rows.values())


def _conflict_decided(now: Moment) -> bool:
    return any(row.order.seen for row in now.model.belief.rows.values())


def _healed(now: Moment) -> bool:
    belief = now.model.belief
    apart = any(len(set(row.must.values())) == 1 for row in belief.rows.values())
    return _at_rest(now) and not belief.net.cut and not now.left[1] and apart


def _lost(now: Moment) -> bool:
    return any(
        frozenset(range(len(row.versions))) - frozenset().union(*row.may.values())
        for row in now.model.belief.rows.values()
    )
