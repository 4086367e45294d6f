"""What is done to a virtual world from outside: requests, cuts, crashes, rollouts, lost messages.

Every act is a pure function from a world to the next one. None of them moves time or delivers
anything: the driver decides that (`advance`, `world.deliver`). After each, `deliverables`
says what may follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from msgspec.structs import replace

from syncmodel.model.net import Link
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.values import Write as Asked
from syncmodel.reference.node.ports import Read, Resync, Write
from syncmodel.reference.node.state import State
from syncmodel.reference.simulated.coming import Deliverable
from syncmodel.reference.simulated.machine import as_previewed, log_name, switched
from syncmodel.reference.simulated.setup import RUN_ID
from syncmodel.reference.simulated.world import (
    VirtualWorld,
    Waiting,
    answered,
    disconnect,
    feed,
    redialled,
)
from syncmodel.steps.deployment import OTHERWISE
from syncmodel.targets.wire import to_outcome, to_shown, to_wire

#: Why a request to a node has no answer.
STANDS_STILL = "the node stands still"

# --- time ----------------------------------------------------------------------------------------


def advance(world: VirtualWorld, ticks: int) -> VirtualWorld:
    """The same, this many tenths of a second later."""
    if not ticks:
        return world
    return replace(world, ticks=world.ticks + ticks)


def with_skews(world: VirtualWorld, skews_s: Mapping[str, int]) -> VirtualWorld:
    """Set how many seconds each node's clock is ahead of the world's."""
    machines = world.machines
    for name, skew_s in skews_s.items():
        machines = machines.set(name, replace(machines[name], skew_s=skew_s))
    return replace(world, machines=machines)


# --- what steps ask for --------------------------------------------------------------------------


def write(
    world: VirtualWorld,
    node: str,
    asked: Asked,
    *,
    malformed: bool = False,
    arrived: State | None = None,
) -> tuple[VirtualWorld, Outcome]:
    """One request to a node's plugin API, and its outcome; `arrived`: in another state of it."""
    if not world.runs(node):
        return world, refused("unreachable")
    method, path, body = to_wire(asked, RUN_ID, malformed=malformed)
    content = b"" if body is None else json.dumps(body).encode()
    if node in world.paused:
        waiting = Waiting(node, method, _unquoted(path), content)
        return replace(world, waiting=(*world.waiting, waiting)), unknown(STANDS_STILL)
    given = Write(method, _unquoted(path), content, world.now_s(node), arrived)
    world, answer = answered(world, node, given)
    assert answer is not None
    return world, to_outcome(answer.status, dict(answer.body), RUN_ID)


@lru_cache(maxsize=1024)
def _unquoted(path: str) -> str:
    return unquote(path)


def look(
    world: VirtualWorld, node: str, table: str, name: str | None
) -> tuple[VirtualWorld, Outcome]:
    """One question to a node's plugin API, and its outcome."""
    if not world.runs(node):
        return world, refused("unreachable")
    if node in world.paused:
        return world, unknown(STANDS_STILL)
    path = table if name is None else f"{table}/{RUN_ID}/{name}"
    world, answer = answered(world, node, Read(path, RUN_ID, world.now_s(node)))
    assert answer is not None
    return world, to_shown(node, table, answer.status, dict(answer.body), RUN_ID)


def set_cut(world: VirtualWorld, cut: frozenset[Link]) -> VirtualWorld:
    """Exactly these links are cut; a connection over one of them ends with what was under way.

    One that hangs lives on, until the link is whole: then its dialler finds that it is dead.
    """
    world = redialled(replace(world, cut=cut), cut ^ world.cut)
    for link in world.setup.links:
        if link in cut and link in world.wires:
            if not world.wires[link].direct and link not in world.hung:
                world = disconnect(world, link)
        elif link in world.hung and _gives_up(world, link):
            world = disconnect(world, link)
    return world


def _gives_up(world: VirtualWorld, link: Link) -> bool:
    """Whether the dialler gives up a connection on which it hears nothing."""
    return world.setup.nodes[link[1]].pieces.gives_up(True)


def hang(world: VirtualWorld, link: Link) -> VirtualWorld:
    """The link is cut, and its connection stays open: nothing passes, and nobody notices."""
    wire = world.wires.get(link)
    if wire is not None and not wire.direct:
        world = world.hanging(world.hung | {link})
    return set_cut(world, world.cut | {link})


def resync(world: VirtualWorld, node: str, *, full: bool) -> tuple[VirtualWorld, Outcome]:
    """The node asks its peers again."""
    if not world.runs(node):
        return world, refused("unreachable")
    if node in world.paused:
        return world, unknown(STANDS_STILL)
    return feed(world, node, Resync(full)), accepted({"full": full})


def crash(world: VirtualWorld, node: str) -> VirtualWorld:
    """kill -9: what was not stored is gone, and what was under way to and from the node."""
    if node in world.paused:
        world = world.standing(world.paused - {node})
    world = world.with_machine(node, world.machines[node].killed())
    for link in world.setup.links_of[node]:
        if link in world.wires:
            world = disconnect(world, link)
    return world


def pause(world: VirtualWorld, node: str) -> VirtualWorld:
    """The node stands still: what is under way to it waits, and so does what is sent to it."""
    return world.standing(world.paused | {node})


def resume(world: VirtualWorld, node: str) -> VirtualWorld:
    """The node goes on, with the requests that wait for it; nobody waits for their answers."""
    waiting = [one for one in world.waiting if one.node == node]
    world = world.standing(world.paused - {node})
    for one in waiting:
        now_s = world.now_s(node)
        world = feed(world, node, Write(one.method, one.path, one.content, now_s, given_up=True))
    return world


def boot(world: VirtualWorld, node: str) -> VirtualWorld:
    """A node that is down starts from its disk."""
    machine = world.machines[node]
    pieces = world.setup.supervisor
    number = pieces.application_of(machine.selected, machine.running)
    running = pieces.boots(number, machine.last_rollout)
    return booted(world.with_machine(node, replace(machine, running=running)), node)


def booted(world: VirtualWorld, node: str) -> VirtualWorld:
    """The node's application starts from its disk, in the generation that runs."""
    return world.with_machine(
        node, world.machines[node].booted(node, world.setup, world.now_s(node))
    )


def restart(world: VirtualWorld, node: str) -> VirtualWorld:
    """An orderly stop, which stores what was written, if the node runs; then a start."""
    return boot(crash(stored(world, node), node), node)


def deploy(
    world: VirtualWorld, node: str, generation: int, *, back: bool
) -> tuple[VirtualWorld, Outcome]:
    """One node is rolled out, or back; its application restarts."""
    if not world.runs(node):
        return world, refused("unreachable")
    world = crash(stored(world, node), node)
    new_log_id = unused_log(world, node)
    machine = world.machines[node]
    same = as_previewed(machine, world.setup, generation, back=back)
    switch = switched(machine, world.setup, generation, back=back, new_log_id=new_log_id)
    world = booted(world.with_machine(node, switch), node)
    return world, accepted() if same else refused(OTHERWISE)


def stored(world: VirtualWorld, node: str) -> VirtualWorld:
    """The node stores all that it has written, as it does before its state is read."""
    machine = world.machines[node]
    return world.with_machine(node, machine.stored()) if machine.pending else world


def unused_log(world: VirtualWorld, node: str) -> str:
    """A name for a new log of that node which nothing in the world refers to."""
    number = 0
    text = _mentions(world, node)
    while log_name(node, number) in text:
        number += 1
    return log_name(node, number)


def _mentions(world: VirtualWorld, node: str) -> set[str]:
    """Every log of the node that something may still refer to."""
    found: list[str | None] = []
    for name, machine in world.machines.items():
        disks = [machine.disk] if machine.copy is None else [machine.disk, machine.copy.disk]
        found += [disk.cursors[node].log_id for disk in disks if node in disk.cursors]
        found += [disk.log_id for disk in disks if name == node]
        found += [one.log_id for one in machine.pending if hasattr(one, "log_id")]
        if machine.state is not None:
            found.append(machine.state.link(node).log_id)
    for (relay, _), wire in world.wires.items():
        if relay == node:
            found += [req.filters[0].log_id for req in wire.asked]
            found += [getattr(told, "log_id", None) for told in wire.told]
    return {one.removesuffix(":empty") for one in found if one is not None}


# --- what a network does to messages -------------------------------------------------------------


def reset(world: VirtualWorld, link: Link) -> VirtualWorld:
    """The connection breaks, with all that was under way on it; the link can be dialled again.

    Of the faults of messages this is the one that a node on TCP must survive, with `repeat`.
    """
    return disconnect(world, link)


def repeat(world: VirtualWorld, which: Deliverable) -> VirtualWorld:
    """The next message of a wire will come twice, one right after the other."""
    return duplicate(world, which, 0)


def lose(world: VirtualWorld, which: Deliverable, place: int = 0) -> VirtualWorld:
    """The message at this place of the queue never comes, and those behind it do.

    No stream loses messages so: the contract promises nothing for this, and neither does a core.
    """
    return _queued(world, which, lambda queue: queue[:place] + queue[place + 1 :])


def duplicate(world: VirtualWorld, which: Deliverable, place: int = 0) -> VirtualWorld:
    """The message at this place of the queue is there twice."""
    return _queued(world, which, lambda queue: queue[: place + 1] + queue[place:])


def overtake(world: VirtualWorld, which: Deliverable, place: int) -> VirtualWorld:
    """The message at this place of the queue is delivered next. See `lose`."""
    return _queued(world, which, lambda queue: (queue[place], *queue[:place], *queue[place + 1 :]))


def _queued(
    world: VirtualWorld, which: Deliverable, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]
) -> VirtualWorld:
    wire = world.wires[which.link]
    asks = which.what == "ask"
    asked = change(wire.asked) if asks else wire.asked
    told = wire.told if asks else change(wire.told)
    return world.with_wire(which.link, replace(wire, asked=asked, told=told))
