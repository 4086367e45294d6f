"""What happens in a virtual world, noted one by one: each act and each delivery, in words.

A schedule is asked before each of them, so that one which notes them and hands every question on
changes nothing, and costs nothing where it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from syncmodel.model.values import written
from syncmodel.model.view import View
from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Delivery, Eose, Req
from syncmodel.reference.node.entries import CASES, RefusedEntryError, Tombstone, read
from syncmodel.reference.simulated import sights
from syncmodel.reference.simulated.coming import Coming, Deliverable
from syncmodel.reference.simulated.schedule import Schedule
from syncmodel.reference.simulated.setup import RUN_ID
from syncmodel.reference.simulated.world import EPOCH_S, VirtualWorld

#: What an id has on the wire, before its name.
PREFIX = f"{RUN_ID}/"
#: The version of the plugin that shows every column.
NEWEST = 2


@frozen(eq=False)
class Happened:
    """A `Moment`, and the world right after it."""

    words: str
    world: VirtualWorld = field(repr=False)

    @property
    def views(self) -> Mapping[str, View | None]:
        """What each node that runs shows."""
        return sights.views(self.world)

    @property
    def under_way(self) -> int:
        """How many messages are on the wires."""
        return sum(len(wire.asked) + len(wire.told) for wire in self.world.wires.values())


class Noting:
    """A schedule that decides as another one does, and notes what comes of it."""

    def __init__(self, schedule: Schedule, world: Callable[[], VirtualWorld]) -> None:
        """`world` gives the world as it is now."""
        self._schedule, self._world = schedule, world
        self._noted: list[tuple[str, VirtualWorld]] = []

    def taken(self) -> tuple[Happened, ...]:
        """What was noted since this was called last: each with the world before the next one."""
        noted, self._noted = self._noted, []
        if not noted:
            return ()
        after = [world for _, world in noted[1:]] + [self._world()]
        return tuple(Happened(words, world) for (words, _), world in zip(noted, after, strict=True))

    def _note(self, words: str) -> None:
        self._noted.append((words, self._world()))

    # --- Schedule ------------------------------------------------------------------------------

    def begin(self) -> None:
        self._noted = []
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
        self._note(_words(self._world(), which))
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
            words, world = self._noted[-1]
            self._noted[-1] = (f"{words}; it will come once more", world)
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
    cells = ((name.removesuffix("_id"), str(cell)) for name, cell in columns.items())
    return ", ".join(f"{name} {written(cell.removeprefix(PREFIX))}" for name, cell in cells)
