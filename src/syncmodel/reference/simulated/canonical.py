"""When two virtual worlds are the same situation: one form for all that differ in names alone.

What is merged, and why nothing is lost by it (a *situation* is what decides all that can follow):

- Log identities. A log is only ever compared with the one that its node has now: by a relay that is
  asked (`pieces.resume`), by the check for rest, and by a node whose disk was put back. So a node's
  own is "0" (and "0:empty", under which it appears without the plugin), and every other one is
  "old". A new log's name is one that nothing refers to, and a log that is put back and is not the
  node's own gets one, so none of these comes back.
- Positions in one node's log. The core and its pieces only ask which of two is greater, and give
  the next one a greater number still. So those up to the end of the stored log are numbered 1, 2,
  3... in their order, each mention alike; 0, "nothing yet", stays 0. What lies beyond that end (a
  mistake may keep a position of a longer, lost log) keeps its distance, for the log grows towards
  it.
- What only answers `sync.status`: how many entries a link refused, and what it was sent once.
- A disk that says the same as the state of the node that runs on it.

Time is not merged: ids, which decide ties, are made from stamps, so another time is another coin.
A driver that lets no time pass (`acts.advance`) has no worlds that differ in time alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Delivery, Eose, Req
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.node.entries import Stored
from syncmodel.reference.node.ports import Cursor, Durable, Members, Purged, Put, Show
from syncmodel.reference.node.state import State, Subscription
from syncmodel.reference.simulated.machine import Copy, Machine
from syncmodel.reference.simulated.world import VirtualWorld, Wire

Form = tuple[Any, ...]
EMPTY = ":empty"


def canonical(world: VirtualWorld) -> Form:
    """The situation of a world: nested tuples of numbers, strings and None, equal iff it is.

    `repr` of it is the same text on every run of every process.
    """
    names = {name: _naming(world, name) for name in world.setup.names}
    machines = tuple(_machine(world.machines[n], names[n], names) for n in world.setup.names)
    wires = tuple(
        (link, _wire(world.wires[link], names[link[0]]))
        for link in world.setup.links
        if link in world.wires
    )
    waiting = tuple((one.node, one.method, one.path, one.content) for one in world.waiting)
    still = tuple(
        (name, tuple(w for w in waiting if w[0] == name)) for name in sorted(world.paused)
    )
    cut, hung = tuple(sorted(world.cut)), tuple(sorted(world.hung))
    return machines, wires, cut, hung, still, world.ticks


@frozen
class _Naming:
    """How one node's log and the positions in it are called."""

    log_id: str
    end: int
    places: dict[int, int]

    def log(self, log_id: str | None) -> str | None:
        if log_id is None:
            return None
        if log_id == self.log_id:
            return "0"
        return "0" + EMPTY if log_id == self.log_id + EMPTY else "old"

    def at(self, position: int | None) -> int | None:
        if position is None:
            return None
        if position <= self.end:
            return self.places[position]
        return self.places[self.end] + position - self.end


def _naming(world: VirtualWorld, name: str) -> _Naming:
    disk = world.machines[name].disk
    met = {0, disk.position, *(p for p in _mentioned(world, name) if p is not None)}
    within = sorted(position for position in met if position <= disk.position)
    places = {position: place for place, position in enumerate(within)}
    return _Naming(disk.log_id, disk.position, places)


def _mentioned(world: VirtualWorld, name: str) -> Iterator[int | None]:
    """Every position in the node's logs that anything refers to."""
    machine = world.machines[name]
    yield from (one.position for one in machine.disk.entries.values())
    yield from (one.stored.position for one in machine.pending if isinstance(one, Put))
    if machine.copy is not None:
        yield machine.copy.disk.position
        yield from (one.position for one in machine.copy.disk.entries.values())
    if machine.state is not None:
        yield machine.state.position
        yield from (
            one.position for authors in machine.state.rows.values() for one in authors.values()
        )
    for other in world.machines.values():
        if name in other.disk.cursors:
            yield other.disk.cursors[name].applied
        if other.copy is not None and name in other.copy.disk.cursors:
            yield other.copy.disk.cursors[name].applied
        yield from (
            one.applied for one in other.pending if isinstance(one, Cursor) and one.peer == name
        )
        if other.state is not None:
            yield other.state.link(name).applied
    for (relay, _), wire in world.wires.items():
        if relay == name:
            yield from (req.filters[0].after for req in wire.asked)
            yield from (told.position for told in wire.told)


def _machine(machine: Machine, own: _Naming, names: dict[str, _Naming]) -> Form:
    state = machine.state
    disk = machine.disk
    return (
        machine.selected,
        machine.running,
        machine.last_rollout,
        machine.skew_s,
        disk.applied,
        tuple(sorted(disk.left)),
        None if machine.copy is None else _copy(machine.copy, own, names),
        None if state is not None and _same(disk, state) else _disk(disk, own, names),
        tuple(_durable(one, own, names) for one in machine.pending),
        None if state is None else _state(state, own, names),
    )


def _copy(copy: Copy, own: _Naming, names: dict[str, _Naming]) -> Form:
    disk = copy.disk
    left = tuple(sorted(disk.left))
    return copy.selected, own.log(disk.log_id), disk.applied, left, _disk(disk, own, names)


def _same(disk: Disk, state: State) -> bool:
    """Whether a boot from this disk would know all that the state does."""
    links = {n: link for n, link in state.links.items() if (link.log_id, link.applied) != (None, 0)}
    cursors = {n: c for n, c in disk.cursors.items() if (c.log_id, c.applied) != (None, 0)}
    held = [one for authors in state.rows.values() for one in authors.values()]
    return (
        disk.position == state.position
        and disk.trusted == state.trusted
        and disk.inactive == state.inactive
        and len(disk.entries) == len(held)
        and all(disk.entries.get((one.key, one.event.pubkey)) is one for one in held)
        and cursors.keys() == links.keys()
        and all(
            (c.log_id, c.applied) == (links[n].log_id, links[n].applied) for n, c in cursors.items()
        )
    )


def _disk(disk: Disk, own: _Naming, names: dict[str, _Naming]) -> Form:
    cursors = sorted(
        (n, names[n].log(c.log_id), names[n].at(c.applied)) for n, c in disk.cursors.items()
    )
    return (
        own.at(disk.position),
        _entries(disk.entries.values(), own),
        tuple(one for one in cursors if one[1:] != (None, 0)),
        tuple(sorted(disk.trusted)),
        tuple(sorted(disk.inactive)),
    )


def _state(state: State, own: _Naming, names: dict[str, _Naming]) -> Form:
    stored = (one for authors in state.rows.values() for one in authors.values())
    links = sorted(
        (
            n,
            link.connected,
            link.ended,
            names[n].log(link.log_id),
            names[n].at(link.applied),
            link.given_up,
        )
        for n, link in state.links.items()
    )
    subscriptions = sorted(
        (key, _asks(one), one.peer or "") for key, one in state.subscriptions.items()
    )
    return (
        state.plugin,
        own.at(state.position),
        _entries(stored, own),
        tuple(sorted((key, tuple(map(repr, rows))) for key, rows in state.table.items())),
        tuple(sorted(state.read_at.items())),
        tuple(one for one in links if one[1:] != (False, False, None, 0, False)),
        tuple(subscriptions),
        tuple(sorted(state.trusted)),
        tuple(sorted(state.inactive)),
    )


def _asks(one: Subscription) -> str:
    """What a subscription is still good for: where a follower began no longer matters."""
    return "log" if one.follows else repr(one.req)


def _entries(stored: Iterable[Stored], own: _Naming) -> Form:
    """In order of position, which is the log's."""
    return tuple((own.at(one.position), _event(one.event)) for one in sorted(stored, key=_position))


def _position(one: Stored) -> tuple[int, str]:
    return one.position, one.event.id


def _event(event: Event) -> Form:
    return event.pubkey, event.created_at, event.kind, event.tags, event.content


def _durable(one: Durable, own: _Naming, names: dict[str, _Naming]) -> Form:
    match one:
        case Put(stored):
            return "put", own.at(stored.position), _event(stored.event)
        case Cursor(peer, log_id, applied):
            return "cursor", peer, names[peer].log(log_id), names[peer].at(applied)
        case Members(trusted, inactive):
            return "members", tuple(sorted(trusted)), tuple(sorted(inactive))
        case Show(key, rows):
            return "show", key, tuple(map(repr, rows))
        case Purged(keys):
            return "purged", keys


def _wire(wire: Wire, relay: _Naming) -> Form:
    asked = tuple(_request(req, relay) for req in wire.asked)
    return wire.direct, asked, tuple(_told(told, relay) for told in wire.told)


def _request(req: Req, relay: _Naming) -> Form:
    wanted = req.filters[0]
    return req.sub, relay.log(wanted.log_id), relay.at(wanted.after)


def _told(told: Delivery | Eose, relay: _Naming) -> Form:
    if isinstance(told, Eose):
        return told.sub, relay.log(told.log_id), relay.at(told.position)
    return told.sub, _event(told.event), relay.at(told.position)
