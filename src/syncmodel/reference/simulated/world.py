"""A virtual world as one immutable value, and what can happen in it next.

Here: the machines, the connections between them with what is under way on each, the clock; giving
one input to one core; the list of what can be delivered now, and delivering it. Nothing happens on
its own: the holder of the value decides what is delivered, and when. Not here: what is done to it
from outside (`acts`) and what can be seen of it (`sights`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.net import Link, Net
from syncmodel.nostr.messages import Delivery, Eose, Req
from syncmodel.record import Record
from syncmodel.reference.node import core
from syncmodel.reference.node.disk import due
from syncmodel.reference.node.membership import is_member
from syncmodel.reference.node.ports import (
    Answer,
    Cursor,
    Drop,
    Durable,
    FromPeer,
    Hangup,
    Input,
    Members,
    PeerDown,
    PeerUp,
    Purged,
    Put,
    Redial,
    Show,
    Subscribe,
    ToPeer,
    ToSubscriber,
    Unsubscribe,
)
from syncmodel.reference.simulated.changes import note
from syncmodel.reference.simulated.coming import ASK, DIAL, TELL, Coming, Deliverable
from syncmodel.reference.simulated.machine import Machine, fresh, log_name, switched
from syncmodel.reference.simulated.setup import DIRECT, Setup

#: Virtual time starts here, in Unix seconds, and moves only on `acts.advance`.
EPOCH_S = 1_700_000_000
TICKS_A_SECOND = 10

NO_LINKS = frozenset[Link]()

Told = Delivery | Eose
# For isinstance: a union would be built again at each call. What is usual comes first.
_TOLD = (Delivery, Eose)
_DURABLE = (Cursor, Put, Show, Members, Purged)


class Wire(Record, cache_hash=True):
    """One connection: the dialler's requests and the relay's messages, each in order of sending.

    `direct`: it goes round the link, so that a cut does not touch it.
    """

    direct: bool = False
    asked: tuple[Req, ...] = ()
    told: tuple[Told, ...] = ()


class Waiting(Record, cache_hash=True):
    """A write that was sent to a node which stands still, as its plugin API gets it."""

    node: str
    method: str
    path: str
    content: bytes


class VirtualWorld(Record, cache_hash=True):
    """A value: equal worlds have equal futures under equal decisions.

    `wires` are the links that are connected, as (relay, dialler). `ticks` are tenths of a second
    since the beginning. `bits` follow from the other fields, and say what can happen: code that
    changes one of these must change them too. But for what is `held`, as the bits of `paused` nodes
    are, those whose application stands still, and of `hung` wires, over which nothing passes.
    `waiting` has the requests that were sent to nodes that stand still.
    """

    setup: Setup
    machines: Map[str, Machine]
    wires: Map[Link, Wire] = Map()
    cut: frozenset[Link] = frozenset()
    ticks: int = 0
    bits: int = 0
    held: int = 0
    paused: frozenset[str] = frozenset()
    hung: frozenset[Link] = frozenset()
    waiting: tuple[Waiting, ...] = ()

    @property
    def coming(self) -> Coming:
        """All that can happen now, in a fixed order. Nothing: the world is quiet."""
        return self.coming_but(NO_LINKS)

    def coming_but(self, late: frozenset[Link]) -> Coming:
        """All that can happen now, but over these links only if there is nothing else."""
        places, bits = self.setup.places, self.bits & ~self.held
        if not late:
            return Coming(places, bits)
        sooner = bits
        for link in late:
            sooner &= ~((DIAL | ASK | TELL) << places.shift[link])
        return Coming(places, sooner or bits)

    @property
    def is_busy(self) -> bool:
        """Whether anything can happen now."""
        return self.bits & ~self.held != 0

    def runs(self, name: str) -> bool:
        """Whether the node's application runs, though it may stand still."""
        return self.machines[name].state is not None

    def standing(self, paused: frozenset[str]) -> VirtualWorld:
        """This world, in which exactly these nodes stand still; others have nothing waiting."""
        waiting = tuple(one for one in self.waiting if one.node in paused)
        held = _held(self.setup, paused, self.hung)
        return replace(self, paused=paused, held=held, waiting=waiting)

    def hanging(self, hung: frozenset[Link]) -> VirtualWorld:
        """This world, in which nothing passes over the wires of exactly these links."""
        return replace(self, hung=hung, held=_held(self.setup, self.paused, hung))

    def now_s(self, name: str) -> int:
        """What the node's clock shows, in Unix seconds."""
        return EPOCH_S + self.ticks // TICKS_A_SECOND + self.machines[name].skew_s

    def with_machine(self, name: str, machine: Machine) -> VirtualWorld:
        """This world with another machine of that name."""
        world = replace(self, machines=self.machines.set(name, machine))
        if world.runs(name) == self.runs(name):
            return world
        return redialled(world, self.setup.links_of[name])

    def with_wire(self, link: Link, wire: Wire) -> VirtualWorld:
        """This world with that much under way on a link."""
        at = self.setup.places.shift[link]
        bits = self.bits & ~((DIAL | ASK | TELL) << at) | _under_way(wire) << at
        return replace(self, wires=self.wires.set(link, wire), bits=bits)

    def can_dial(self, link: Link) -> bool:
        """Whether the link is not connected and not cut, both its nodes run and take each other for
        members, and its dialler has not given it up."""
        relay, dialler = link
        if link in self.wires or link in self.cut:
            return False
        state = self.machines[dialler].state
        return state is not None and not state.link(relay).given_up and self.lets(link)

    def lets(self, link: Link) -> bool:
        """Whether both of its nodes run, and take each other for members."""
        relay, dialler = link
        there, state = self.machines[relay].state, self.machines[dialler].state
        if there is None or state is None:
            return False
        if not there.inactive and not state.inactive:
            return True
        nodes = self.setup.nodes
        calls = is_member(state, nodes[dialler], relay)
        return calls and is_member(there, nodes[relay], dialler)


def _held(setup: Setup, paused: frozenset[str], hung: frozenset[Link]) -> int:
    """The bits of what can't happen: at nodes that stand still, and over wires that hang."""
    held, shift = 0, setup.places.shift
    for link in setup.links if paused or hung else ():
        relay, dialler = link
        if relay in paused:
            held |= (DIAL | ASK) << shift[link]
        if dialler in paused:
            held |= (DIAL | TELL) << shift[link]
        if link in hung:
            held |= (ASK | TELL) << shift[link]
    return held


def redialled(world: VirtualWorld, links: Iterable[Link]) -> VirtualWorld:
    """The world once it is known anew which of these links can be dialled."""
    bits, shift, can_dial = world.bits, world.setup.places.shift, world.can_dial
    for link in links:
        dial = DIAL << shift[link]
        bits = bits | dial if can_dial(link) else bits & ~dial
    return world if bits == world.bits else replace(world, bits=bits)


def _under_way(wire: Wire) -> int:
    return (ASK if wire.asked else 0) | (TELL if wire.told else 0)


@lru_cache(maxsize=64)
def initial(setup: Setup, net: Net) -> VirtualWorld:
    """New machines, brought to their generations by rollouts, with lives and cuts as in `net`.

    Nobody is connected yet. Setup and net decide it, so that runs which begin alike share it.
    """
    machines = {}
    for name in setup.names:
        machine, generation = fresh(name, setup), net.running[name]
        if generation != machine.running:
            new_log_id = log_name(name, 1)
            machine = switched(machine, setup, generation, back=False, new_log_id=new_log_id)
        machines[name] = machine if name in net.down else machine.booted(name, setup, EPOCH_S)
    world = redialled(VirtualWorld(setup, Map(machines), cut=net.cut), setup.links)
    return world.standing(net.paused) if net.paused else world


# --- what can happen next ------------------------------------------------------------------------


def deliverables(world: VirtualWorld) -> list[Deliverable]:
    """All that can happen now, as `world.coming` has it."""
    return list(world.coming)


def deliver(world: VirtualWorld, which: Deliverable) -> VirtualWorld:
    """The world once this has happened; it must be one of `deliverables`."""
    what, link = which
    if what == "dial":
        return connect(world, link)
    relay, dialler = link
    wire = world.wires[link]
    if what == "ask":
        rest = replace(wire, asked=wire.asked[1:])
        given: Input = Subscribe(world.setup.number[dialler], wire.asked[0], dialler)
        to, bit = relay, 0 if rest.asked else ASK
    else:
        rest = replace(wire, told=wire.told[1:])
        given = FromPeer(relay, wire.told[0], world.now_s(dialler))
        to, bit = dialler, 0 if rest.told else TELL
    # It was the last of its kind, or the bit stays.
    bits = world.bits ^ bit << world.setup.places.shift[link] if bit else world.bits
    return _fed(world, world.wires.set(link, rest), bits, to, given)[0]


# --- one core and its connections ----------------------------------------------------------------


def feed(world: VirtualWorld, name: str, given: Input) -> VirtualWorld:
    """Give one input to a running node, and carry out its outputs."""
    return answered(world, name, given)[0]


def answered(world: VirtualWorld, name: str, given: Input) -> tuple[VirtualWorld, Answer | None]:
    """As `feed`, with the answer of the node if the input was a request."""
    return _fed(world, world.wires, world.bits, name, given)


def _fed(
    world: VirtualWorld, wires: Map[Link, Wire], bits: int, name: str, given: Input
) -> tuple[VirtualWorld, Answer | None]:
    """As `answered`, where these are the world's connections and bits when the input comes."""
    setup, machine = world.setup, world.machines[name]
    node, shift = setup.nodes[name], setup.places.shift
    assert machine.state is not None, f"{name} does not run"
    state, outputs = core.step(machine.state, given, node)
    durables: list[Durable] = []
    redialling: list[Redial | Hangup | Drop] = []
    answer = None
    for one in outputs:
        if isinstance(one, ToSubscriber):
            link = (name, setup.names[one.conn])
            wire = wires.get(link)
            if wire is not None and isinstance(one.message, _TOLD):
                wires = wires.set(link, replace(wire, told=(*wire.told, one.message)))
                bits |= TELL << shift[link]
        elif isinstance(one, _DURABLE):
            durables.append(one)
        elif isinstance(one, ToPeer):
            link = (one.peer, name)
            wire = wires[link]
            wires = wires.set(link, replace(wire, asked=(*wire.asked, one.message)))
            bits |= ASK << shift[link]
        elif isinstance(one, Answer):
            answer = one
        else:
            redialling.append(one)
    if durables:  # Else the table is what it was, too.
        if state.table is not machine.state.table:
            shown = (one.key for one in durables if isinstance(one, Show))
            note(machine.state.table, state.table, shown)
        now, pending = due(machine.pending, durables, node.pieces)
        machine = replace(machine, disk=machine.disk.apply(now), state=state, pending=pending)
    else:
        machine = replace(machine, state=state)
    world = replace(world, machines=world.machines.set(name, machine), wires=wires, bits=bits)
    for redial in redialling:
        world = _dialled_again(world, name, redial)
    return world, answer


def _dialled_again(world: VirtualWorld, name: str, output: Redial | Hangup | Drop) -> VirtualWorld:
    if isinstance(output, Drop):
        return disconnect(world, (name, world.setup.names[output.conn]))
    link = (output.peer, name)
    world = disconnect(world, link)
    if isinstance(output, Hangup):
        return world
    direct = output.address.startswith(DIRECT)
    return connect(world, link, direct=direct) if direct or link not in world.cut else world


def connect(world: VirtualWorld, link: Link, *, direct: bool = False) -> VirtualWorld:
    """The link is connected, if both its nodes run, do not stand still, and are members."""
    relay, dialler = link
    if not world.lets(link) or not world.paused.isdisjoint(link):
        return world
    if link in world.hung:
        world = world.hanging(world.hung - {link})
    world = world.with_wire(link, Wire(direct))
    return feed(world, dialler, PeerUp(relay))


def disconnect(world: VirtualWorld, link: Link) -> VirtualWorld:
    """The link is not connected any more; what was under way on it is lost. Both ends notice."""
    if link not in world.wires:
        return world
    if link in world.hung:
        world = world.hanging(world.hung - {link})
    relay, dialler = link
    at = world.setup.places.shift[link]
    bits = world.bits & ~((ASK | TELL) << at)
    world = replace(world, wires=world.wires.delete(link), bits=bits)
    if world.runs(dialler):
        world = feed(world, dialler, PeerDown(relay))
    if world.runs(relay):
        world = feed(world, relay, Unsubscribe(world.setup.number[dialler]))
    return redialled(world, (link,))
