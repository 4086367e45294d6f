"""What happens in a virtual world, noted one by one: each act and each delivery, in words.

A schedule is asked before each of them, so that one which notes them and hands every question on
changes nothing, and costs nothing where it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import define, evolve, field, frozen

from syncmodel.model.net import Link
from syncmodel.model.values import written
from syncmodel.model.view import View
from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Delivery, Eose, Req
from syncmodel.reference.node.entries import CASES, RefusedEntryError, Tombstone, read
from syncmodel.reference.simulated import sights
from syncmodel.reference.simulated.coming import Coming, Deliverable
from syncmodel.reference.simulated.schedule import Schedule
from syncmodel.reference.simulated.setup import RUN_ID
from syncmodel.reference.simulated.world import EPOCH_S, VirtualWorld, Wire
from syncmodel.targets.inside import Carried, Message
from syncmodel.targets.wire import IN_THE_MODEL

#: What an id has on the wire, before its name.
PREFIX = f"{RUN_ID}/"
#: The version of the plugin that shows every column.
NEWEST = 2


@frozen(eq=False)
class Happened:
    """A `Moment`, and the world right after it."""

    number: int
    words: str
    message: Message | None
    world: VirtualWorld = field(repr=False)

    @property
    def views(self) -> Mapping[str, View | None]:
        """What each node that runs shows."""
        return sights.views(self.world)

    @property
    def under_way(self) -> int:
        """How many messages are on the wires."""
        return sum(len(wire.asked) + len(wire.told) for wire in self.world.wires.values())


@frozen(eq=False)
class _Note:
    """What happens next, and the world before it."""

    words: str
    world: VirtualWorld
    which: Deliverable | None = None


@define
class _Sendings:
    """Which moment of a run sent each message that is still under way.

    A connection keeps the order of its messages: what there is more of after a moment, it sent.
    """

    _count: int = 0
    _sent: dict[tuple[str, Link], list[int]] = field(factory=dict)

    def happened(self, note: _Note, after: VirtualWorld) -> Happened:
        """The next moment, of which the world is known too."""
        number, which = self._count, note.which
        self._count += 1
        message = None if which is None else self._message(note.world, which, number)
        before = note.world.wires
        for link in {*before, *after.wires}:
            if before.get(link) is not after.wires.get(link):
                self._changed(link, after.wires.get(link, Wire()), number)
        return Happened(number, note.words, message, after)

    def _message(self, world: VirtualWorld, which: Deliverable, number: int) -> Message:
        relay, dialler = which.link
        if which.what == "dial":
            return Message(dialler, relay, Carried.CONNECTION, number)
        sent = self._sent.get((which.what, which.link), [])
        at = sent.pop(0) if sent else number
        if which.what == "ask":
            return Message(dialler, relay, Carried.QUESTION, at)
        ends = isinstance(world.wires[which.link].told[0], Eose)
        return Message(relay, dialler, Carried.NOTHING if ends else Carried.ROW, at)

    def _changed(self, link: Link, wire: Wire, number: int) -> None:
        for what, there in (("ask", wire.asked), ("tell", wire.told)):
            sent = self._sent.setdefault((what, link), [])
            del sent[: max(0, len(sent) - len(there))]
            sent += [number] * (len(there) - len(sent))


class Noting:
    """A schedule that decides as another one does, and notes what comes of it."""

    def __init__(self, schedule: Schedule, world: Callable[[], VirtualWorld]) -> None:
        """`world` gives the world as it is now."""
        self._schedule, self._world = schedule, world
        self._noted: list[_Note] = []
        self._sendings = _Sendings()

    def taken(self) -> tuple[Happened, ...]:
        """What was noted since this was called last: each with the world before the next one."""
        noted, self._noted = self._noted, []
        if not noted:
            return ()
        after = [note.world for note in noted[1:]] + [self._world()]
        return tuple(map(self._sendings.happened, noted, after))

    def _note(self, words: str, which: Deliverable | None = None) -> None:
        self._noted.append(_Note(words, self._world(), which))

    # --- Schedule ------------------------------------------------------------------------------

    def begin(self) -> None:
        self._noted, self._sendings = [], _Sendings()
        self._schedule.begin()

    def heard(self, act: str) -> None:
        self._note(f"asked: {act.removesuffix(' None')}")
        self._schedule.heard(act)

    def skews_s(self, names: Sequence[str]) -> dict[str, int]:
        return self._schedule.skews_s(names)

    def ticks(self) -> int:
        return self._schedule.ticks()

    def crossings(self) -> int:
        return self._schedule.crossings()

    def pick(self, choices: Coming) -> Deliverable:
        which = self._schedule.pick(choices)
        self._note(_words(self._world(), which), which)
        return which

    def breaks(self, count: int) -> int | None:
        broken = self._schedule.breaks(count)
        if broken is not None:
            relay, dialler = sorted(self._world().wires)[broken]
            self._note(f"the connection of {dialler} to {relay} breaks")
        return broken

    def repeats(self) -> bool:
        twice = self._schedule.repeats()
        if twice:
            last = self._noted[-1]
            self._noted[-1] = evolve(last, words=f"{last.words}; it will come once more")
        return twice

    def order(self, count: int) -> list[int]:
        return self._schedule.order(count)


def _words(world: VirtualWorld, which: Deliverable) -> str:
    """What is delivered next, in words."""
    relay, dialler = which.link
    if which.what == "dial":
        return f"{dialler} connects to {relay}"
    wire = world.wires[which.link]
    if which.what == "ask":
        return f"{relay} is asked by {dialler} for {_asked(wire.asked[0])}"
    return f"{dialler} hears from {relay}: {_told(world, wire.told[0])}"


def _asked(message: Req) -> str:
    log = message.filters[0]
    if log.log_id is None:
        return "its whole log"
    return f"its log {log.log_id} after position {log.after or 0}"


def _told(world: VirtualWorld, message: Delivery | Eose) -> str:
    if isinstance(message, Eose):
        return "no more for now"
    event = message.event
    author = next((n for n, one in world.setup.nodes.items() if one.pubkey == event.pubkey), "")
    table, name = ("cases", "events")[event.kind != CASES], event.tag("d") or ""
    return (
        f"{table}/{written(name.removeprefix(PREFIX))} ({_said(event)}), written by "
        f"{author or 'a stranger'} at {event.created_at - EPOCH_S} s"
    )


def _said(event: Event) -> str:
    try:
        value = read(event)
    except RefusedEntryError as error:
        return f"refused: {error.code}"
    if isinstance(value, Tombstone):
        return "deleted"
    columns = {**value.to_json(NEWEST)}
    del columns["id"], columns["run_id"]
    cells = ((IN_THE_MODEL.get(name, name), str(cell)) for name, cell in columns.items())
    return ", ".join(f"{name} {written(cell.removeprefix(PREFIX))}" for name, cell in cells)
