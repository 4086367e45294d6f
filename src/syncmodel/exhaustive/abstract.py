"""An abstract correct system: what steps really do, written from docs/semantics.md alone.

A node is the set of versions that it really knows, and a hidden total order of each row's versions
says which of them shows. `knowledge` runs the model over it and says what may happen next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product

from attrs import evolve, field, frozen
from immutables import Map

from syncmodel.exhaustive.limits import TIMEOUTS, Left, paid
from syncmodel.model.columns import OnDelete
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted, refused, shown, unknown
from syncmodel.model.schema import Schema
from syncmodel.model.values import (
    TOMBSTONE,
    Added,
    Assigned,
    Row,
    Stored,
    Tombstone,
    Value,
    Write,
)
from syncmodel.model.view import View
from syncmodel.model.world import World
from syncmodel.steps import Concurrently, Data, Purge, Read, Step

#: A version, by its row and its number in the belief.
Known = tuple[Row, int]
NOTHING: frozenset[Known] = frozenset()
#: Where the versions of a write come, each in the hidden order of its row: that of the row that is
#: written, then those of the rows that a delete takes with it. Empty for what writes nothing.
Places = tuple[int, ...]


@frozen
class Waiting:
    """A request that timed out, while the application that it was sent to still runs."""

    step: Data
    number: int


@frozen
class Together:
    """Steps that are being taken at the same time: the outcome of each so far, None for the rest.

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
    #: What each node really knew when its disk was copied.
    copied: Map[str, frozenset[Known]] = Map()
    #: What all nodes forgot at once. They count as knowing it, and it counts for nothing: so where
    #: it comes in the hidden order does not matter, and all that is written later comes later.
    purged: frozenset[Known] = NOTHING
    together: Together | None = None
    since_rest: int = 0
    #: Compared as yes or no: the words name nodes, which are interchangeable.
    alarm: str = field(default="", eq=bool)

    @property
    def schema(self) -> Schema:
        """What the nodes store."""
        return self.net.schema

    @property
    def guarantees(self) -> Guarantees:
        """What the system promises."""
        return self.world.belief.guarantees

    def knows(self, node: str) -> frozenset[Known]:
        """The versions that a node really knows."""
        return self.really.get(node, NOTHING)

    def winner(self, node: str, row: Row) -> int | None:
        """The version that decides what the node shows."""
        known = self.knows(node)
        order, purged = self.order.get(row, ()), self.purged
        return next(
            (
                number
                for number in reversed(order)
                if (row, number) in known
                and (row, number) not in purged
                and self.trusts(node, (row, number))
            ),
            None,
        )

    def trusts(self, node: str, version: Known) -> bool:
        """Whether the node trusts who wrote this version."""
        distrusts = self.net.distrusts
        return not distrusts or (node, writer(self, version)) not in distrusts

    def has(self, node: str, row: Row) -> Value | None:
        """What the node has of the row, though it may be hidden."""
        number = self.winner(node, row)
        stored = TOMBSTONE if number is None else self.truth[row][number]
        return stored if isinstance(stored, Value) else None

    def shows(self, node: str, row: Row) -> Value | None:
        """What the node has of the row, if it shows: if all that the row is bound to shows."""
        value = self.has(node, row)
        if value is None:
            return None
        bound = self.schema.bound_to(row, value.cells)
        return value if all(self.shows(node, one) for one in bound) else None

    def columns(self, node: str, row: Row) -> tuple[str, ...]:
        """The columns of the row that the node knows."""
        return self.schema.shown(row.table, self.net.plugin(node))

    @cached_property
    def referring(self) -> Mapping[Row, tuple[tuple[Row, OnDelete], ...]]:
        """For each row: those that refer to it, whether they are there or not, and how."""
        found: dict[Row, tuple[tuple[Row, OnDelete], ...]] = {}
        for row, names in sorted(self.world.plan.refs.items()):
            for ref, name in zip(self.schema.by_name[row.table].refs, names, strict=True):
                to = Row(ref.table, name)
                found[to] = (*found.get(to, ()), (row, ref.on_delete))
        return found


def places(now: Situation, step: Step) -> Iterator[Places]:
    """Where a write may come, if it is accepted: see `Places`.

    Later than all that its node knows, unless only the clock decides.
    """
    if not isinstance(step, Data) or not _answer(now, step).ok:
        return iter(((),))
    return product(*(_places(now, step.node, row) for row in written_by(now, step)))


def _places(now: Situation, node: str, row: Row) -> range:
    order, known = now.order.get(row, ()), now.knows(node) | now.purged
    if not now.guarantees.policy(row.table).causal:
        return range(len(order) + 1)
    last = max((at for at, n in enumerate(order) if (row, n) in known), default=-1)
    return range(last + 1, len(order) + 1)


def written_by(now: Situation, step: Data) -> tuple[Row, ...]:
    """The row that is written, and those that a delete takes with it."""
    if not isinstance(_asked(now, step).change, Tombstone):
        return (step.key,)
    rows = [step.key]
    for row in rows:
        rows += [one for one in _there(now, step.node, row, OnDelete.CASCADE) if one not in rows]
    return tuple(rows)


def _there(now: Situation, node: str, row: Row, how: OnDelete) -> list[Row]:
    """The rows that the node has and that refer to this one in this way."""
    return [
        other
        for other, on_delete in now.referring.get(row, ())
        if on_delete is how and now.has(node, other) is not None
    ]


def performed(now: Situation, step: Step, at: Places, *, lost: bool) -> tuple[Situation, Outcome]:
    """What a step really does, and the answer; `at` and `lost` are those of a `Take`."""
    if isinstance(step, Read):
        return now, _read(now, step)
    if isinstance(step, Purge):
        return evolve(now, purged=now.purged | _forgotten(now)), step.due()
    if not isinstance(step, Data):
        after = step.rewire(now.net)
        really = now.really
        for node in now.net.drops(after):
            really = really.delete(node) if node in really else really
        disks = step.disks()
        copied = now.copied.update({node: now.knows(node) for node in disks.saved})
        really = really.update({node: copied[node] for node in disks.restored})
        gone = step.disturbs()
        waiting = frozenset(one for one in now.waiting if one.step.node not in gone)
        return evolve(now, net=after, really=really, waiting=waiting, copied=copied), step.due()
    number = _next_number(now, step)
    if lost:
        if not stands_still(now, step.node):
            now = evolve(now, left=paid(now.left, TIMEOUTS))
        now = _numbered(now, step.key, number)
        waiting = now.waiting | {Waiting(step, number)}
        return evolve(now, waiting=waiting), unknown("timeout")
    return done(now, step, at, number)


def _forgotten(now: Situation) -> frozenset[Known]:
    """What a purge takes: of a deleted row all versions, if each node is there and has them all."""
    if set(now.net.nodes) != set(now.net.carriers) or now.net.paused:
        return NOTHING
    found, nodes = NOTHING, now.net.nodes
    for row in now.order:
        there = [frozenset(one for one in now.knows(n) if one[0] == row) for n in nodes]
        first, *others = (versions - now.purged for versions in there)
        if first and now.has(nodes[0], row) is None and all(one == first for one in others):
            found |= first
    return found


def stands_still(now: Situation, node: str) -> bool:
    """Whether the node stands still, or will before the steps that are taken now are over."""
    net = now.net if now.together is None else now.together.step.rewire(now.net)
    return node in net.paused or node in now.net.paused


def _next_number(now: Situation, step: Data) -> int:
    """The number that the belief will give this write."""
    if now.together is not None:
        return number_among(now, now.together.step, step)
    return len(now.world.belief.row(step.key).versions)


def number_among(now: Situation, together: Concurrently, step: Data) -> int:
    """The same, if none of its siblings is refused: they are entered in their own order."""
    number = len(now.world.belief.row(step.key).versions)
    earlier = together.steps[: together.steps.index(step)]
    return number + sum(isinstance(one, Data) and one.key == step.key for one in earlier)


def writer(now: Situation, version: Known) -> str:
    """The node that took this write."""
    row, number = version
    versions = now.world.belief.row(row).versions
    if number < len(versions):
        return versions[number].node
    assert now.together is not None
    siblings = [one for one in now.together.step.steps if isinstance(one, Data) and one.key == row]
    return siblings[number - len(versions)].node


def _numbered(now: Situation, row: Row, number: int) -> Situation:
    """The row's truth, long enough for that version."""
    truth = now.truth.get(row, ())
    more = (None,) * (number + 1 - len(truth))
    return evolve(now, truth=now.truth.set(row, truth + more)) if more else now


def done(now: Situation, step: Data, at: Places, number: int) -> tuple[Situation, Outcome]:
    """The node answers the request, and stores what it accepts."""
    answer = _answer(now, step)
    if not answer.ok:
        return now, answer
    node, (row, *others) = step.node, written_by(now, step)
    stored = _changed(now.has(node, row), _asked(now, step).change)
    for other, place in zip(others, at[1:], strict=True):
        last = len(now.world.belief.row(other).versions)
        now = _stored(now, node, (other, last), TOMBSTONE, place)
    now = _stored(now, node, (row, number), stored, at[0])
    return now, accepted(_columns(now, node, row, stored))


def _stored(now: Situation, node: str, version: Known, stored: Stored, place: int) -> Situation:
    """The node knows this version, which comes in that place of its row's order."""
    row, number = version
    now = _numbered(now, row, number)
    truth, order = now.truth[row], now.order.get(row, ())
    truth = (*truth[:number], stored, *truth[number + 1 :])
    order = (*order[:place], number, *order[place:])
    really = now.really.set(node, now.knows(node) | {version})
    return evolve(
        now, really=really, truth=now.truth.set(row, truth), order=now.order.set(row, order)
    )


def _answer(now: Situation, step: Data) -> Outcome:
    """What the contract says that the node answers."""
    code = _absent(now, step.node) or _refusal(now, step)
    return accepted() if code is None else refused(code)


def _read(now: Situation, step: Read) -> Outcome:
    """What the node shows of what is asked for."""
    code, look, there = _missing(now, step.node), step.looks(), view(now, step.node)
    if code is not None or there is None:
        return refused(code or "no_plugin")
    return shown(View(tuple((row, value) for row, value in there.rows if look.covers(row))))


def _absent(now: Situation, node: str) -> str | None:
    """Why the node takes no writes at all, if it does not."""
    return _missing(now, node) or ("read_only" if node in now.net.readers else None)


def _missing(now: Situation, node: str) -> str | None:
    """Why the node answers nobody, if it does not."""
    if node in now.net.down:
        return "unreachable"
    return "no_plugin" if now.net.plugin(node) is None else None


def _refusal(now: Situation, step: Data) -> str | None:
    """Why the node refuses this write, if it does."""
    node, write = step.node, _asked(now, step)
    there = now.has(node, write.row) is not None
    if write.creates:
        if there and not now.guarantees.upserts:
            return "exists"
        lacks = any(now.shows(node, needed) is None for needed in write.needs)
        return "missing_reference" if lacks else None
    if not there:
        return "no_such_row"
    if isinstance(write.change, Tombstone):
        rows = written_by(now, step)
        held = any(_there(now, node, row, OnDelete.RESTRICT) for row in rows)
        return "referenced" if held else None
    column = now.schema.by_name[write.row.table].by_name[next(iter(write.values))]
    return None if column.there(now.net.plugin(node) or 0) else "malformed"


def _asked(now: Situation, step: Data) -> Write:
    return step.asks(now.schema)


def _changed(had: Value | None, asked: Stored) -> Stored:
    if isinstance(asked, Assigned | Added):
        assert had is not None
        return asked.over(had)
    return asked


def _columns(now: Situation, node: str, row: Row, stored: Stored) -> Mapping[str, object] | None:
    """The row as an answer has it."""
    if not now.guarantees.answers_rows or not isinstance(stored, Value):
        return None
    return dict(stored.only(now.columns(node, row)).shown)


def view(now: Situation, node: str) -> View | None:
    """What the node shows; None without the plugin."""
    if now.net.plugin(node) is None:
        return None
    shown = ((row, now.shows(node, row)) for row in sorted(now.order))
    return View(
        tuple(
            (row, value.only(now.columns(node, row))) for row, value in shown if value is not None
        )
    )
