"""What may be true of the live system: the half of a world that outcomes and sights change.

Between rests the belief keeps two bounds per node and row, *must* and *may*. This file owns how
they move when steps have had their outcomes; `judge` owns which answers are possible and `rest`
owns the comparison of a settled system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from attrs import field, frozen
from immutables import Map
from msgspec.structs import replace

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.policies import Policy, policy
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import (
    CASES,
    Case,
    Event,
    Row,
    Stored,
    Tombstone,
    Value,
    Version,
)
from syncmodel.record import Record

EMPTY = RowBelief()


class Write(Record):
    """What one data step asks of one node.

    `value` is what it will have stored: whole for a create, `Retitled` or `Incremented` where the
    base decides the rest, a `Tombstone` for a delete. `creates`: the row must be absent, else it
    must be there. `needs`: a row that must show on the node for this one to be accepted.
    """

    node: str
    row: Row
    value: Stored
    creates: bool = False
    needs: Row | None = None


class Rest(Record):
    """A row as it was left by a rest, on which net, and what each node showed then.

    `stable`: nothing was learnt of it there, so that nothing is if the same is seen again.
    """

    net: Net
    row: RowBelief
    sights: Mapping[str, Value | str | None]
    stable: bool


@frozen(cache_hash=True)
class Belief:
    """The net as it is believed to be, and what is believed of every row. A value."""

    net: Net
    guarantees: Guarantees = Guarantees()
    rows: Map[Row, RowBelief] = Map()
    #: What each row was compared with at the last rest, so that what did not change is not again.
    rested: Map[Row, Rest] = field(default=Map(), eq=False, repr=False)

    def row(self, row: Row) -> RowBelief:
        """What is believed of a row; an empty belief for one that nobody ever wrote."""
        return self.rows.get(row, EMPTY)

    def policy(self, row: Row) -> Policy:
        """The merge rule of the row's table."""
        return policy(self.guarantees.policies[row.table])

    def with_row(self, row: Row, belief: RowBelief) -> Belief:
        """This belief with another one of that row."""
        return Belief(self.net, self.guarantees, self.rows.set(row, belief), self.rested)

    def may_show(self, node: str, row: Row) -> Versions:
        """The versions that the node may show for the row; see also `may_lack`."""
        return self.policy(row).may_show(self.row(row), node)

    def may_lack(self, node: str, row: Row) -> bool:
        """Whether the node may show nothing for the row."""
        belief = self.row(row)
        return not belief.known_by(node) or bool(belief.tombstones(self.may_show(node, row)))

    def may_have(self, node: str, row: Row) -> bool:
        """Whether the node may have the row, shown or (an event) hidden."""
        return bool(self.row(row).present(self.may_show(node, row)))

    # --- how the bounds move -------------------------------------------------------------------

    def entered(
        self, calls: Sequence[tuple[Write, Outcome]], during: Net, droppers: frozenset[str]
    ) -> tuple[Belief, list[int | None]]:
        """The belief once these writes, made at the same time, may have travelled over `during`.

        Gives each call the number of its version, None where it certainly wrote nothing. A node in
        `droppers` may have lost its log before it took its write, which then promises nothing.
        What was written earlier travels over `during` as well.
        """
        belief, numbers = self, list[int | None]()
        for write, outcome in calls:
            if outcome.answer is Answer.REFUSED:
                numbers.append(None)
                continue
            row = belief.row(write.row)
            known = NONE if write.node in droppers else self.row(write.row).known_by(write.node)
            version = Version(write.node, _stored(write, outcome), sure=outcome.ok)
            number = len(row.versions)
            order = belief.policy(write.row).written(row.order, number, known)
            versions = (*row.versions, version)
            row = replace(row, versions=versions, order=order)
            row = row.entering(number, during.reach[write.node])
            belief = belief.with_row(write.row, row)
            numbers.append(number)
        travels = during is not self.net and during != self.net
        return belief.carried(during) if travels else belief, numbers

    def based(self, write: Write, number: int, base: int, value: Value) -> Belief:
        """The answer proved that version `number` rests on `base`: its node knew that one."""
        row = self.row(write.row)
        parents = row.order.parents.get(number, NONE) | {base}
        order = self.policy(write.row).written(row.order, number, parents)
        row = row.ordered(order).surely(frozenset({base}), write.node)
        return self.with_row(write.row, row.proved(base, value))

    def surely(self, write: Write, number: int) -> Belief:
        """The node acknowledged this version: it must know it from now on."""
        row = self.row(write.row).surely(frozenset({number}), write.node)
        return self.with_row(write.row, row)

    def rewired(self, after: Net, touched: frozenset[str] = frozenset()) -> Belief:
        """The belief once the net became `after`: links, lives and generations.

        What the links could carry on the way is in *may* already (see `entered`), and what is up
        afterwards was up then; a node whose tables were dropped knows nothing. `touched` are nodes
        that were restarted on the way.
        """
        if not self.guarantees.heal_catches_up:
            after = self.net.interrupt(after, touched)
        if after is self.net or after == self.net:
            return self
        rows, dropped = self.rows, self.net.drops(after)
        if dropped:
            rows = Map(
                {name: reduce(RowBelief.dropped, dropped, row) for name, row in rows.items()}
            )
        return Belief(after, self.guarantees, rows, self.rested)

    def carried(self, net: Net) -> Belief:
        """The belief once everything that may be known may have travelled over this net."""
        rows = {
            name: flowed
            for name, row in self.rows.items()
            if (flowed := row.flowed_may(net)) is not row
        }
        if not rows:
            return self
        return Belief(self.net, self.guarantees, self.rows.update(rows), self.rested)


def _stored(write: Write, outcome: Outcome) -> Stored:
    """What a write stored: as the answer has it, else as far as the request decides it."""
    if outcome.ok and outcome.row is not None and not isinstance(write.value, Tombstone):
        return read_value(write.row, outcome.row)
    return write.value


def read_value(row: Row, shown: object) -> Value:
    """A row as a node shows it (its ids without the run's prefix), as a value of the model.

    Raises `ValueError` if it has not the shape of the table.
    """
    match shown:
        case {"title": str(title), "counter": int(counter)} if row.table == CASES:
            return Case(title, counter)
        case {"case_id": str(case), "body": str(body)} if row.table != CASES:
            return Event(case, body)
        case _:
            raise ValueError(f"not a row of {row.table}: {shown!r}")
