"""What one node may have shown when it answered one write, and so which answers are possible.

A request may be accepted if some state that the node may show allows it, refused if some state
forbids it. `judge` asks this, and says what an answer proves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.columns import OnDelete
from syncmodel.model.naming import describe
from syncmodel.model.net import Net
from syncmodel.model.noted import Entries
from syncmodel.model.order import NONE, Versions
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Write
from syncmodel.record import Record

#: Refusals that say nothing about the rows: the application was not there to ask.
ABSENT = frozenset({"unreachable", "not_ready"})
#: Refusals that say something of the rows: the node looked at them.
OF_ROWS = frozenset({"exists", "no_such_row", "missing_reference", "referenced"})


class Moment(Record):
    """The circumstances of some simultaneous requests.

    `nets` are the nets before and after; `during` is what was up at any moment between;
    `unstable` are nodes that may have been down.
    """

    nets: tuple[Net, ...]
    during: Net
    unstable: frozenset[str] = frozenset()

    def may_be_down(self, node: str) -> bool:
        """Whether the node's application may not have been there to answer."""
        return node in self.unstable or any(node in net.still for net in self.nets)

    def may_lack_plugin(self, node: str) -> bool:
        """Whether the plugin API may have answered 404 as a whole."""
        return any(net.plugin(node) is None for net in self.nets)

    def may_lack_quorum(self, node: str) -> bool:
        """Whether the node may not have reached most of the nodes."""
        if not self.during.quorum or self.unstable or any(net.paused for net in self.nets):
            return self.during.quorum
        # Links are cut and mended one after another, in no promised order.
        between = self.nets[0].with_cut(frozenset().union(*(net.cut for net in self.nets)))
        return any(node not in net.voters for net in (*self.nets, between))

    def may_have_quorum(self, node: str) -> bool:
        """Whether the node may have reached most of the nodes, where it has to."""
        nets = (*self.nets, self.during)
        return not self.during.quorum or any(node in net.perhaps_voters for net in nets)


class Asked(Record):
    """What one node may have shown when it answered one write.

    `row` is what is believed of the row (with `by_field`: of its being there), `versions` what the
    node may have shown, `absent` whether that may have been nothing. `own` is the version that the
    write made of it, if it did.
    """

    belief: Belief
    write: Write
    entries: Entries
    moment: Moment
    row: RowBelief
    versions: Versions
    absent: bool
    own: int | None

    @classmethod
    def of(cls, belief: Belief, write: Write, entries: Entries, moment: Moment) -> Asked:
        if belief.net.quorum:
            belief = _of_all(belief, write.node)
        policy, row = belief.policy(write.row), belief.row(write.row)
        own = next((e.number for e in entries if e.register == write.row and e.asked), None)
        if policy.leaves and own is not None:
            # It does not make anything uncertain of what it rests on itself.
            row = row.unaware(write.node, own)
        versions = policy.may_show(row, write.node) - {own}
        absent = policy.may_lack(row, write.node)
        return cls(belief, write, entries, moment, row, versions, absent, own)

    def number(self, register: Row) -> int:
        """The number of the version that the write made of a register."""
        return next(e.number for e in self.entries if e.register == register and e.asked)

    def may_show(self, register: Row) -> Versions:
        """What the node may have shown of a register that was written."""
        if register == self.write.row:
            return self.versions
        row = self.belief.row(register)
        shown = self.belief.policy(register).may_show(row, self.write.node)
        return shown - {self.number(register)}

    @property
    def present(self) -> bool:
        return bool(self.row.present(self.versions))

    @property
    def needed(self) -> Iterable[Row]:
        """The rows that must show for a create to be accepted."""
        return self.belief.needed_by(self.write.needs) if self.write.needs else ()

    @property
    def table(self) -> str:
        return self.write.row.table

    def may_accept(self) -> bool:
        write, during, belief = self.write, self.moment.during, self.belief
        node = write.node
        if not during.carries(node) or node in during.readers:
            return False
        if not self.moment.may_have_quorum(node):
            return False
        if write.creates:
            allowed = self.absent or self.upserts
            return allowed and all(belief.may_have(node, needed) for needed in self.needed)
        return self.present and not self._is_held(lambda row: not belief.may_lack(node, row))

    def may_refuse(self, code: str | None) -> bool:
        reason, node = REASONS.get(code or ""), self.write.node
        if code in OF_ROWS and not (
            self.moment.during.carries(node) and self.moment.may_have_quorum(node)
        ):
            return False
        if reason is not None:
            return reason(self)
        return code in ABSENT and self.moment.may_be_down(node)

    @property
    def _may_be_there(self) -> bool:
        return self.write.creates and self.present and not self.upserts

    @property
    def _may_be_missing(self) -> bool:
        return not self.write.creates and self.absent

    @property
    def _may_lack_a_reference(self) -> bool:
        # A row that is there is refused as such before what it refers to is looked for.
        lacks = any(self.belief.may_lack(self.write.node, row) for row in self.needed)
        return lacks and (self.absent or self.upserts)

    @property
    def _may_be_referred_to(self) -> bool:
        return self._is_held(lambda row: self.belief.may_have(self.write.node, row))

    def _is_held(self, has: Callable[[Row], bool]) -> bool:
        """Whether a delete must be refused, if the node has these rows."""
        schema, referring = self.belief.net.schema, self.belief.referring
        if self.write.op != "delete" or not self.present or not schema.restricting:
            return False
        rows = [self.write.row]
        for row in rows:
            if any(has(one) for one in referring(row, OnDelete.RESTRICT)):
                return True
            rows += [o for o in referring(row, OnDelete.CASCADE) if has(o) and o not in rows]
        return False

    @property
    def upserts(self) -> bool:
        return self.belief.guarantees.upserts

    @property
    def _may_not_know_the_column(self) -> bool:
        """Whether the node may have run a version that lacks a column that is given."""
        columns = self.belief.net.schema.by_name[self.table].by_name
        given = [
            columns[name]
            for name, cell in self.write.values.items()
            if not (self.write.creates and cell == columns[name].start)
        ]
        versions = {net.plugin(self.write.node) for net in self.moment.nets} - {None}
        return any(not column.there(version or 0) for column in given for version in versions)

    @property
    def expected(self) -> str:
        shows = describe(self.row, self.versions, absent=self.absent, columns=self.columns)
        return f"an answer that fits one of: {shows}"

    @property
    def columns(self) -> tuple[str, ...]:
        net = self.belief.net
        return net.schema.shown(self.table, net.plugin(self.write.node))


#: What may make a node refuse, by the code that it gives.
REASONS: Mapping[str, Callable[[Asked], bool]] = {
    "exists": lambda asked: asked._may_be_there,
    "no_such_row": lambda asked: asked._may_be_missing,
    "missing_reference": lambda asked: asked._may_lack_a_reference,
    "referenced": lambda asked: asked._may_be_referred_to,
    "malformed": lambda asked: asked._may_not_know_the_column,
    "no_plugin": lambda asked: asked.moment.may_lack_plugin(asked.write.node),
    "read_only": lambda asked: asked.write.node in asked.moment.during.readers,
    "no_quorum": lambda asked: asked.moment.may_lack_quorum(asked.write.node),
}


def _of_all(belief: Belief, node: str) -> Belief:
    """The belief of a node that asks a majority before it answers: it knows what was accepted
    anywhere."""
    for name, row in belief.rows.items():
        must = NONE.union(*row.must.values())
        may = NONE.union(*row.may.values())
        there = replace(row, must=row.must.set(node, must), may=row.may.set(node, may))
        belief = belief.with_row(name, there)
    return belief
