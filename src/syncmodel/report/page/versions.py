"""The versions of each row in a run: who wrote which in what step, and what loses to what, and why.

A version's number is its place in the belief about its register, and the same at every moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from attrs import field, frozen

from syncmodel.engine.tally import leaves
from syncmodel.model.belief import Belief
from syncmodel.model.order import NONE, Order
from syncmodel.model.outcome import Answer
from syncmodel.model.registers import shown as by_register
from syncmodel.model.registers import stores
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row
from syncmodel.report.page.moments import Moment, SeenRun

#: What a version is that no step asked for: a delete took the row along.
ALONG = "along"


@frozen
class Written:
    """Version `number` of a register: written by `node` in step `step`; `op` is what was asked."""

    number: int
    node: str
    step: int
    op: str


@frozen
class Edge:
    """One version loses to another one, or to one of several.

    `how`: it was "written" knowing the loser, or was "seen" to win; `step` is when that was known,
    and `by` the nodes that showed the winner then.
    """

    loser: int
    winners: tuple[int, ...]
    how: str
    step: int
    by: tuple[str, ...] = ()


@frozen
class Register:
    """All that a run says of one register."""

    name: Row
    versions: tuple[Written, ...]
    edges: tuple[Edge, ...]


@frozen(slots=False)
class Versions:
    """The versions of every register of a run."""

    run: SeenRun = field(repr=False)

    @cached_property
    def registers(self) -> dict[Row, Register]:
        """Each register, in the order in which they were written first."""
        written = self._written()
        belief = self.run.last.world.belief
        return {
            name: Register(name, tuple(versions), tuple(self._edges(name, belief.row(name))))
            for name, versions in written.items()
        }

    def knows_since(self, register: Row, node: str, version: int) -> int | None:
        """The step since whose rest the node must know the version, without a break; or None."""
        since = None
        for moment in self.run.moments:
            knows = version in moment.world.belief.row(register).known_by(node)
            since = (moment.index if since is None else since) if knows else None
        return since

    def _written(self) -> dict[Row, list[Written]]:
        found: dict[Row, list[Written]] = {}
        for moment in self.run.moments:
            asked = _asked(moment)
            for name, row in moment.world.belief.rows.items():
                mine = found.setdefault(name, [])
                for number in range(len(mine), len(row.versions)):
                    node = row.versions[number].node
                    ops = asked.get((name, node))
                    op = ops.pop(0) if ops else ALONG
                    mine.append(Written(number, node, moment.index, op))
        return found

    def _edges(self, name: Row, row: RowBelief) -> Iterator[Edge]:
        order, written = row.order, self._written_at(name)
        for child, parents in order.parents.items():
            direct = (p for p in parents if not (order.causal.get(p, NONE) & parents))
            for parent in sorted(direct):
                yield Edge(parent, (child,), "written", written[child])
        for loser, winner in sorted(order.seen):
            if _is_direct(order, loser, winner):
                step, by = self._observed(name, (loser, winner))
                yield Edge(loser, (winner,), "seen", step, by)
        for loser, winners in sorted(order.among, key=lambda one: (one[0], sorted(one[1]))):
            yield Edge(loser, tuple(sorted(winners)), "seen", self._among_at(name, loser, winners))

    def _written_at(self, name: Row) -> dict[int, int]:
        at: dict[int, int] = {}
        for moment in self.run.moments:
            for number in range(len(at), len(moment.world.belief.row(name).versions)):
                at[number] = moment.index
        return at

    def _observed(self, name: Row, pair: tuple[int, int]) -> tuple[int, tuple[str, ...]]:
        """When it was known first that one beats the other, and who showed the winner then."""
        for moment in self.run.moments:
            if pair in moment.world.belief.row(name).order.seen:
                return moment.index, _showing(moment, name, pair[1])
        raise AssertionError

    def _among_at(self, name: Row, loser: int, winners: frozenset[int]) -> int:
        return next(
            moment.index
            for moment in self.run.moments
            if (loser, winners) in moment.world.belief.row(name).order.among
        )


def _asked(moment: Moment) -> dict[tuple[Row, str], list[str]]:
    """What each node was asked for of each register in this step, in order; not what it refused."""
    asked: dict[tuple[Row, str], list[str]] = {}
    if moment.step is None or moment.outcome is None:
        return asked
    belief = moment.world.belief
    schema = belief.net.schema
    for step, outcome in leaves(moment.step, moment.outcome):
        for write, said in step.calls(schema, outcome):
            if said.answer is not Answer.REFUSED:
                for register, _ in stores(schema, belief.guarantees, write):
                    asked.setdefault((register, write.node), []).append(write.op)
    return asked


def _is_direct(order: Order, loser: int, winner: int) -> bool:
    """Whether it follows from no two others."""
    between = order.above.get(loser, NONE) - {winner}
    return not any(winner in order.above.get(one, NONE) for one in between)


def _showing(moment: Moment, name: Row, version: int) -> tuple[str, ...]:
    belief: Belief = moment.world.belief
    row, found = belief.row(name), list[str]()
    for node, view in (moment.views or {}).items():
        if view is None:
            continue
        value = by_register(belief.net.schema, belief.guarantees, view).get(name)
        absent = value is None and row.versions[version].is_tombstone
        if absent or (value is not None and row.fits(version, value)):
            found.append(node)
    return tuple(found)
