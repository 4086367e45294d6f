"""The cores at the grain of messages: every interleaving of what is delivered between two rests.

With `burst` 1 in the limits, steps are taken at rest only, and what is *neutral* comes first: see
`neutral`. With more, the next step may come at any point of the delivery, and nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from syncmodel.exhaustive.cores import Cluster, Moment, rested, taken
from syncmodel.exhaustive.limits import Limits, choices
from syncmodel.nostr.messages import Eose
from syncmodel.reference.simulated import Deliverable, VirtualWorld, deliver
from syncmodel.reference.simulated.world import deliverables
from syncmodel.steps import Step


@frozen
class Rest:
    """Nothing is under way, and what shows is compared."""

    def __str__(self) -> str:
        return "rest"


@frozen
class Deliver:
    """One dial, request or message arrives."""

    which: Deliverable

    def __str__(self) -> str:
        relay, dialler = self.which.link
        match self.which.what:
            case "dial":
                return f"{dialler} dials {relay}"
            case "ask":
                return f"the request of {dialler} reaches {relay}"
            case "tell":
                return f"the next message of {relay} reaches {dialler}"


Action = Step | Deliver | Rest


@frozen
class Messagewise:
    """The system that is searched; see `syncmodel.checker.System`.

    `whole`: neutral deliveries are interleaved like all others.
    """

    cluster: Cluster
    whole: bool = False

    @property
    def limits(self) -> Limits:
        """The bounds of the search."""
        return self.cluster.limits

    def initial(self) -> tuple[Moment, ...]:
        """Each net at its first rest."""
        return self.cluster.beginnings()

    def actions(self, now: Moment) -> Iterator[Action]:
        """Deliveries, and steps where they may come; a rest where nothing is left to deliver."""
        if now.found:
            return
        coming = deliverables(now.virtual)
        if self.limits.burst == 1 and not self.whole:
            first = next((one for one in coming if neutral(now.virtual, one)), None)
            coming = coming if first is None else [first]
        yield from map(Deliver, coming)
        if now.since_rest < self.limits.burst:
            yield from (step for step, _ in choices(self.limits, now.model.plan, now.left))
        if now.since_rest and not coming:
            yield Rest()

    def next(self, now: Moment, action: Action) -> Moment | None:
        """The moment after it."""
        match action:
            case Deliver(which):
                return evolve(now, virtual=deliver(now.virtual, which))
            case Rest():
                return rested(now)
            case _:
                return taken(now, action, self.limits)


def neutral(world: VirtualWorld, which: Deliverable) -> bool:
    """Whether this delivery commutes with every other that can come before the next rest.

    - A dial: the dialler only asks for what follows its checkpoint of this very link, which
      nothing but this link's own messages can move, and they come later.
    - The end of a backlog: the dialler only notes it, with its checkpoint of this link.
    - An entry of whose author the dialler has that version of the row or a newer one: it only moves
      the checkpoint, and as versions are only ever replaced by newer ones (a log is lost by a
      step, and steps come at rest) it would do no more at any later time.

    So trying it first, and nothing else, leaves every rest in reach: what else could come first
    can come second, with the same moment after both. Whatever needs more than that of a node's
    decisions is a matter for planted bugs, which are searched for at the grain of steps.
    """
    if which.what == "dial":
        return True
    if which.what == "ask":
        return False
    relay, dialler = which.link
    message = world.wires[relay, dialler].told[0]
    if isinstance(message, Eose):
        return True
    state = world.machines[dialler].state
    if state is None or state.plugin is None:
        return True
    event = message.event
    authors = state.rows.get((event.kind, event.tag("d") or ""))
    held = authors.get(event.pubkey) if authors else None
    return held is not None and held.event.created_at >= event.created_at
