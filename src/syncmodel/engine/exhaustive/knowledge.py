"""The model with an abstract correct system under it: a transition system to be searched whole.

The system is written from docs/semantics.md alone: a node is the set of versions that it really
knows, a hidden total order of each row's versions says which of them shows, and single versions
cross links in any order. Whatever it does, the model must not call it wrong. Here is how both move
together; what is asked of them is in `knowledge_properties`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen
from immutables import Map

from syncmodel.engine.exhaustive.limits import TIMEOUTS, Left, Limits, choices, paid
from syncmodel.model.belief import Write
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Answer, Outcome, accepted, compound, refused, unknown
from syncmodel.model.rest import compare
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
from syncmodel.model.world import World, initial
from syncmodel.steps import Concurrently, Data, Step

#: A version, by its row and its number in the belief.
Known = tuple[Row, int]
NOTHING: frozenset[Known] = frozenset()


@frozen
class Take:
    """A step, or one part of steps taken at the same time.

    `place` is where a write comes in the hidden order of its row's versions. `lost`: the answer
    is, and the request may land later or never.
    """

    step: Step
    place: int = 0
    lost: bool = False

    def __str__(self) -> str:
        place = f" (in place {self.place})" if self.place else ""
        return f"{self.step}{place}{', and times out' if self.lost else ''}"


@frozen
class Begin:
    """Steps are taken at the same time from here on: see `Take`."""

    step: Concurrently

    def __str__(self) -> str:
        return f"begins {self.step}"


@frozen
class Land:
    """A request that timed out reaches its node after all."""

    waiting: Waiting
    place: int = 0

    def __str__(self) -> str:
        return f"what timed out lands: {self.waiting.step}"


@frozen
class Cross:
    """One version crosses one link."""

    link: Link
    version: Known

    def __str__(self) -> str:
        (source, hearer), (row, number) = self.link, self.version
        return f"version {number} of {row} crosses {source} -> {hearer}"


@frozen
class Rest:
    """Nothing can cross any more, and what shows is compared."""

    def __str__(self) -> str:
        return "rest"


Action = Take | Begin | Land | Cross | Rest


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


@frozen
class Knowledge:
    """The system that is searched; `limits` bounds it. See `syncmodel.checker.System`."""

    limits: Limits

    def initial(self) -> tuple[Situation, ...]:
        """Nothing was written yet."""
        world = initial(self.limits.net)
        return (Situation(world, world.belief.net, self.limits.left),)

    def actions(self, now: Situation) -> Iterator[Action]:
        """What may happen: versions cross at any time, and the next step need not wait for it."""
        if now.alarm:
            return
        crossing = list(crossings(now))
        yield from crossing
        for waiting in sorted(now.waiting, key=lambda one: one.number):
            yield from (Land(waiting, at) for at in places(now, waiting.step))
        if now.together is not None:
            yield from _parts(now, now.together)
            return
        if now.since_rest < self.limits.burst:
            yield from self._steps(now)
        if now.since_rest and not crossing:
            yield Rest()

    def _steps(self, now: Situation) -> Iterator[Action]:
        plan = now.world.plan
        for step, _ in choices(self.limits, plan, now.left):
            yield from _ways(now, step)
        if self.limits.together:
            yield from (Begin(step) for step, _ in self._pairs(now))

    def _pairs(self, now: Situation) -> Iterator[tuple[Concurrently, Left]]:
        """Two at a time; the second uses no token of the first. Writes first, then by text."""
        plan = now.world.plan
        for first, left in choices(self.limits, plan, now.left):
            marked = first.mark(plan)
            for second, after in choices(self.limits, marked, left):
                pair = Concurrently((first, second))
                if _in_order(first, second) and pair.enabled(plan):
                    yield pair, after

    def next(self, now: Situation, action: Action) -> Situation | None:
        """The situation after it; an alarm of the model is part of that."""
        match action:
            case Cross((_, hearer), version):
                return evolve(now, really=now.really.set(hearer, now.knows(hearer) | {version}))
            case Rest():
                return rested(now)
            case Land(waiting, place):
                landed = evolve(now, waiting=now.waiting - {waiting})
                return _done(landed, waiting.step, place, waiting.number)[0]
            case Begin(step):
                left = next(after for pair, after in self._pairs(now) if pair == step)
                open_ = Together(step, (None,) * len(step.steps))
                return evolve(now, left=left, together=open_)
            case Take() if now.together is not None:
                return _taken_part(now, now.together, action)
            case Take(step):
                left = next(
                    a for s, a in choices(self.limits, now.world.plan, now.left) if s == step
                )
                return _taken(evolve(now, left=left), action)


# --- steps ---------------------------------------------------------------------------------------


def _in_order(first: Step, second: Step) -> bool:
    if isinstance(first, Data) != isinstance(second, Data):
        return isinstance(first, Data)
    return str(first) <= str(second)


def _ways(now: Situation, step: Step) -> Iterator[Take]:
    """In each place of the hidden order, and with its answer lost."""
    yield from (Take(step, place) for place in places(now, step))
    if isinstance(step, Data) and now.left[TIMEOUTS] and now.net.carries(step.node):
        yield Take(step, lost=True)


def _parts(now: Situation, together: Together) -> Iterator[Take]:
    for part, outcome in zip(together.step.steps, together.outcomes, strict=True):
        if outcome is None:
            yield from _ways(now, part)


def places(now: Situation, step: Step) -> range:
    """Where a write may come: later than all that its node knows, anywhere among the others.

    0 for what writes nothing.
    """
    if not isinstance(step, Data) or not _answer(now, step).ok:
        return range(1)
    order, known = now.order.get(step.row(), ()), now.knows(step.node)
    last = max((at for at, n in enumerate(order) if (step.row(), n) in known), default=-1)
    return range(last + 1, len(order) + 1)


def _taken(now: Situation, action: Take) -> Situation:
    """The step is taken and judged."""
    after, outcome = _performed(now, action)
    return _judged(after, action.step, outcome)


def _taken_part(now: Situation, together: Together, action: Take) -> Situation:
    after, outcome = _performed(now, action)
    at = together.step.steps.index(action.step)
    outcomes = (*together.outcomes[:at], outcome, *together.outcomes[at + 1 :])
    done = tuple(one for one in outcomes if one is not None)
    if len(done) < len(outcomes):
        return evolve(after, together=evolve(together, outcomes=outcomes))
    after = evolve(_renumbered(after, together.step, done), together=None)
    return _judged(after, together.step, compound(done))


def _renumbered(now: Situation, step: Concurrently, outcomes: tuple[Outcome, ...]) -> Situation:
    """The belief numbers what was written alone: refused siblings leave no gaps."""
    new: dict[Known, int] = {}
    for part, outcome in zip(step.steps, outcomes, strict=True):
        if isinstance(part, Data) and outcome.answer is not Answer.REFUSED:
            row = part.row()
            first = len(now.world.belief.row(row).versions)
            taken = sum(row == other for other, _ in new)
            new[row, _number_among(now, step, part)] = first + taken
    if all(number == new_number for (_, number), new_number in new.items()):
        return now
    return evolve(
        now,
        really=Map(
            {
                node: frozenset((row, new.get((row, n), n)) for row, n in known)
                for node, known in now.really.items()
            }
        ),
        order=Map(
            {
                row: tuple(new.get((row, n), n) for n in numbers)
                for row, numbers in now.order.items()
            }
        ),
        truth=Map({row: _moved(row, stored, new) for row, stored in now.truth.items()}),
        waiting=frozenset(
            evolve(one, number=new.get((one.step.row(), one.number), one.number))
            for one in now.waiting
        ),
    )


def _moved(
    row: Row, truth: tuple[Stored | None, ...], new: Mapping[Known, int]
) -> tuple[Stored | None, ...]:
    """The row's truth under the new numbers; what has none was refused and stored nothing."""
    moved = {new.get((row, n), n): stored for n, stored in enumerate(truth) if stored is not None}
    mine = [number for (other, _), number in new.items() if other == row]
    length = max(mine) + 1 if mine else len(truth)
    return tuple(moved.get(n) for n in range(length))


def _judged(now: Situation, step: Step, outcome: Outcome) -> Situation:
    """The model hears of the outcome."""
    world = now.world
    try:
        belief = step.expect(world.belief, outcome)
    except DivergenceFound as found:
        return evolve(now, alarm=str(found))
    world = World(step.advance(world.plan), belief)
    return evolve(now, world=world, net=belief.net, since_rest=now.since_rest + 1)


def _performed(now: Situation, action: Take) -> tuple[Situation, Outcome]:
    """What really becomes of it, and the answer."""
    step = action.step
    if not isinstance(step, Data):
        after = step.rewire(now.net)
        really = now.really
        for node in now.net.drops(after):
            really = really.delete(node) if node in really else really
        gone = step.disturbs()
        waiting = frozenset(one for one in now.waiting if one.step.node not in gone)
        return evolve(now, net=after, really=really, waiting=waiting), accepted()
    number = _next_number(now, step)
    if action.lost:
        now = evolve(now, left=paid(now.left, TIMEOUTS))
        now = _numbered(now, step.row(), number)
        waiting = now.waiting | {Waiting(step, number)}
        return evolve(now, waiting=waiting), unknown("timeout")
    return _done(now, step, action.place, number)


def _next_number(now: Situation, step: Data) -> int:
    """The number that the belief will give this write."""
    if now.together is not None:
        return _number_among(now, now.together.step, step)
    return len(now.world.belief.row(step.row()).versions)


def _number_among(now: Situation, together: Concurrently, step: Data) -> int:
    """The same, if none of its siblings is refused: they are entered in their own order."""
    number = len(now.world.belief.row(step.row()).versions)
    earlier = together.steps[: together.steps.index(step)]
    return number + sum(isinstance(one, Data) and one.row() == step.row() for one in earlier)


def _numbered(now: Situation, row: Row, number: int) -> Situation:
    """The row's truth, long enough for that version."""
    truth = now.truth.get(row, ())
    more = (None,) * (number + 1 - len(truth))
    return evolve(now, truth=now.truth.set(row, truth + more)) if more else now


def _done(now: Situation, step: Data, place: int, number: int) -> tuple[Situation, Outcome]:
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


# --- knowledge -----------------------------------------------------------------------------------


def crossings(now: Situation) -> Iterator[Cross]:
    """Every version that may cross a link now."""
    net = now.net
    for source, hearer in net.connected:
        if net.carries(source) and net.carries(hearer):
            for version in sorted(now.knows(source) - now.knows(hearer)):
                yield Cross((source, hearer), version)


def rested(now: Situation) -> Situation:
    """What shows is compared with what may be true; what is learnt at that is believed."""
    views = {node: view(now, node) for node in now.net.up}
    try:
        belief = compare(now.world.belief, views)
    except DivergenceFound as found:
        return evolve(now, alarm=str(found))
    return evolve(now, world=evolve(now.world, belief=belief), since_rest=0)


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
