"""An abstract correct system: what really becomes of steps, written from docs/semantics.md alone.

A node is the set of versions that it really knows, and a hidden total order of each row's versions
says which of them shows. `knowledge` puts the model over it and says what may happen next.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen
from immutables import Map

from syncmodel.exhaustive.limits import TIMEOUTS, Left, paid
from syncmodel.model.belief import Write
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.values import (
    TOMBSTONE,
    Case,
    Event,
    Incremented,
    Retitled,
    Row,
    Stored,
    Value,
)
from syncmodel.model.view import View
from syncmodel.model.world import World
from syncmodel.steps import Concurrently, Data, Step

#: A version, by its row and its number in the belief.
Known = tuple[Row, int]
NOTHING: frozenset[Known] = frozenset()


@frozen
class Waiting:
    """A request that timed out, while the application that it was sent to still runs."""

    step: Data
    number: int


@frozen
class Together:
    """Steps that are being taken at the same time: what became of each so far, None of the rest.

    `before` is the net when they began.
    """

    step: Concurrently
    outcomes: tuple[Outcome | None, ...]


@frozen(cache_hash=True)
class Situation:
    """What is believed, and what is really so. A value.

    `really[n]` are the versions that node n knows; `truth[r]` what version i of row r stored, None
    while it did not happen; `order[r]` the hidden order of those that did, the winner last. `net`
    is the net as it really is; `since_rest` how many steps were taken since the last rest, of
    those that are `together` at most one part by one. `alarm` is what the model called wrong.
    """

    world: World
    net: Net
    left: Left
    really: Map[str, frozenset[Known]] = Map()
    truth: Map[Row, tuple[Stored | None, ...]] = Map()
    order: Map[Row, tuple[int, ...]] = Map()
    waiting: frozenset[Waiting] = frozenset()
    together: Together | None = None
    since_rest: int = 0
    alarm: str = ""

    def knows(self, node: str) -> frozenset[Known]:
        """The versions that a node really knows."""
        return self.really.get(node, NOTHING)

    def winner(self, node: str, row: Row) -> int | None:
        """The version that decides what the node shows."""
        known = self.knows(node)
        order = self.order.get(row, ())
        return next((number for number in reversed(order) if (row, number) in known), None)

    def shown(self, node: str, row: Row) -> Value | None:
        """What the node has of the row, though an event of it may be hidden."""
        number = self.winner(node, row)
        stored = TOMBSTONE if number is None else self.truth[row][number]
        return stored if isinstance(stored, Case | Event) else None


def places(now: Situation, step: Step) -> range:
    """Where a write may come: later than all that its node knows, anywhere among the others.

    0 for what writes nothing.
    """
    if not isinstance(step, Data) or not _answer(now, step).ok:
        return range(1)
    order, known = now.order.get(step.row(), ()), now.knows(step.node)
    last = max((at for at, n in enumerate(order) if (step.row(), n) in known), default=-1)
    return range(last + 1, len(order) + 1)


def performed(now: Situation, step: Step, place: int, *, lost: bool) -> tuple[Situation, Outcome]:
    """What really becomes of a step, and the answer; `place` and `lost` are those of a `Take`."""
    if not isinstance(step, Data):
        after = step.rewire(now.net)
        really = now.really
        for node in now.net.drops(after):
            really = really.delete(node) if node in really else really
        gone = step.disturbs()
        waiting = frozenset(one for one in now.waiting if one.step.node not in gone)
        return evolve(now, net=after, really=really, waiting=waiting), accepted()
    number = _next_number(now, step)
    if lost:
        now = evolve(now, left=paid(now.left, TIMEOUTS))
        now = _numbered(now, step.row(), number)
        waiting = now.waiting | {Waiting(step, number)}
        return evolve(now, waiting=waiting), unknown("timeout")
    return done(now, step, place, number)


def _next_number(now: Situation, step: Data) -> int:
    """The number that the belief will give this write."""
    if now.together is not None:
        return number_among(now, now.together.step, step)
    return len(now.world.belief.row(step.row()).versions)


def number_among(now: Situation, together: Concurrently, step: Data) -> int:
    """The same, if none of its siblings is refused: they are entered in their own order."""
    number = len(now.world.belief.row(step.row()).versions)
    earlier = together.steps[: together.steps.index(step)]
    return number + sum(isinstance(one, Data) and one.row() == step.row() for one in earlier)


def _numbered(now: Situation, row: Row, number: int) -> Situation:
    """The row's truth, long enough for that version."""
    truth = now.truth.get(row, ())
    more = (None,) * (number + 1 - len(truth))
    return evolve(now, truth=now.truth.set(row, truth + more)) if more else now


def done(now: Situation, step: Data, place: int, number: int) -> tuple[Situation, Outcome]:
    """The node answers the request, and stores what it accepts."""
    answer = _answer(now, step)
    row = step.row()
    now = _numbered(now, row, number) if answer.ok else now
    if not answer.ok:
        return now, answer
    stored = _changed(now.shown(step.node, row), _asked(step).value)
    truth, order = now.truth[row], now.order.get(row, ())
    truth = (*truth[:number], stored, *truth[number + 1 :])
    really = now.really.set(step.node, now.knows(step.node) | {(row, number)})
    order = (*order[:place], number, *order[place:])
    now = evolve(
        now, really=really, truth=now.truth.set(row, truth), order=now.order.set(row, order)
    )
    return now, accepted(_fields(stored))


def _answer(now: Situation, step: Data) -> Outcome:
    """What the contract says that the node answers."""
    node, write = step.node, _asked(step)
    if node in now.net.down:
        return refused("unreachable")
    if now.net.plugin(node) is None:
        return refused("no_plugin")
    shown = now.shown(node, write.row)
    if write.creates and shown is not None:
        return refused("exists")
    if not write.creates and shown is None:
        return refused("no_such_row")
    if write.needs is not None and now.shown(node, write.needs) is None:
        return refused("missing_case")
    return accepted()


def _asked(step: Data) -> Write:
    write = step.asks()
    assert write is not None
    return write


def _changed(shown: Value | None, asked: Stored) -> Stored:
    match asked:
        case Retitled(title):
            assert isinstance(shown, Case)
            return Case(title, shown.counter)
        case Incremented(by):
            assert isinstance(shown, Case)
            return Case(shown.title, shown.counter + by)
        case _:
            return asked


def _fields(stored: Stored) -> Mapping[str, object]:
    match stored:
        case Case(title, counter):
            return {"title": title, "counter": counter}
        case Event(case, body):
            return {"case_id": case, "body": body}
        case _:
            return {"deleted": True}


def view(now: Situation, node: str) -> View | None:
    """What the node shows; None without the plugin."""
    if now.net.plugin(node) is None:
        return None
    shown = {row: now.shown(node, row) for row in sorted(now.order)}
    cases = {r.name: value for r, value in shown.items() if isinstance(value, Case)}
    events = tuple(
        (row.name, value)
        for row, value in shown.items()
        if isinstance(value, Event) and value.case in cases
    )
    return View(tuple(cases.items()), events)
