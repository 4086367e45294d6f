"""Logs that are applied in order: who has a write has all that its author accepted before it.

Only where the system promises that (`Guarantees.in_order`). Known of an author's log are the writes
that it surely accepted since the log began, one step's after another's; of simultaneous ones, and
of those that got no answer, no order is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import evolve
from msgspec.structs import replace

from syncmodel.model.backups import Disks
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.guarantees import FRESH
from syncmodel.model.logs import Logged
from syncmodel.model.net import Net
from syncmodel.model.noted import Entries
from syncmodel.model.outcome import Outcome
from syncmodel.model.reads import Look
from syncmodel.model.registers import shown as by_register
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value, Write

#: What is seen of a register on a node; a text where nothing can be said.
Sight = Value | None | str
UNSEEN = "unseen"


def folded(
    belief: Belief,
    calls: Sequence[tuple[Write, Outcome]],
    entries: Sequence[Entries],
    looks: Sequence[tuple[Look, Outcome]],
    *,
    after: Net,
    disks: Disks,
) -> Belief:
    """The belief once this was asked at once, while the net becomes `after`, where that matters."""
    if not belief.guarantees.in_order:
        return belief
    belief = as_read(belief, looks, alone=len(looks) == 1 and not calls)
    return begun_anew(logged(belief, calls, entries), belief.net, after, disks)


def logged(
    belief: Belief, calls: Iterable[tuple[Write, Outcome]], entries: Iterable[Entries]
) -> Belief:
    """The belief once these writes, of one step, are in the logs of their nodes."""
    fresh: dict[str, frozenset[tuple[Row, int]]] = {}
    for (write, outcome), mine in zip(calls, entries, strict=True):
        sure = [(one.register, one.number) for one in mine if one.sure and one.asked]
        if outcome.ok and sure:
            fresh[write.node] = fresh.get(write.node, frozenset()).union(sure)
    logs = belief.logs.of
    for node, group in fresh.items():
        logs = logs.set(node, (*logs.get(node, ()), group))
    return replace(belief, logs=replace(belief.logs, of=logs)) if fresh else belief


def begun_anew(belief: Belief, before: Net, after: Net, disks: Disks) -> Belief:
    """The belief once logs were lost or put back, or others trust their authors than before."""
    changed = {author for _, author in before.distrusts ^ after.distrusts}
    lost, logs = before.drops(after) | disks.restored, belief.logs.of
    for node in lost | changed:
        logs = logs.delete(node) if node in logs else logs
    owed = frozenset(one for one in belief.logs.owed if one[0] not in lost)
    if logs is belief.logs.of and owed == belief.logs.owed:
        return belief
    return replace(belief, logs=replace(belief.logs, of=logs, owed=owed))


def whole(
    belief: Belief, nodes: Iterable[str], sights: Callable[[Row], Mapping[str, Sight]]
) -> Belief:
    """The belief once these nodes must know all that comes before what they must know.

    `sights` is what each showed of a register. Raises `DivergenceFound` if they lack it.
    """
    rows, found, owed = dict[Row, RowBelief](), list[Divergence](), set[tuple[str, Logged]]()
    for node, (register, number) in belief.logs.owed:
        if isinstance(sights(register).get(node, UNSEEN), str):
            owed.add((node, (register, number)))
    for node in nodes:
        for register, number in _before(belief, node):
            row = rows.get(register, belief.row(register)).surely(frozenset({number}), node)
            rows[register] = row
            sight = sights(register).get(node, UNSEEN)
            if isinstance(sight, str):
                owed.add((node, (register, number)))
                continue
            columns = belief.net.schema.shown(register.table, belief.net.plugin(node))
            wrong = belief.policy(register).impossible(register, row, node, sight, columns)
            if wrong is not None:
                found.append(evolve(wrong, kind=Kind.GAP))
    if found:
        raise DivergenceFound(tuple(dict.fromkeys(found)))
    belief = belief.with_rows(rows) if rows else belief
    if owed == belief.logs.owed:
        return belief
    return replace(belief, logs=replace(belief.logs, owed=frozenset(owed)))


def named(belief: Belief, net: Net, register: Row, found: Divergence, sight: Sight) -> Divergence:
    """What a rest found of a register on a node that showed this."""
    if isinstance(sight, str):
        return found

    def judged(row: RowBelief) -> Divergence | None:
        policy = belief.policy(register)
        return policy.impossible(register, row.flowed_must(net), found.node, sight, columns=())

    return belief.logs.named(found, belief.row(register), judged)


def _before(belief: Belief, node: str) -> Iterator[Logged]:
    """What the node must know, as it must know something later, and did not have to so far."""
    for _, log in sorted(belief.logs.of.items()):
        last = next((n for n in range(len(log), 0, -1) if _knows(belief, node, log[n - 1])), 0)
        for group in log[: max(last - 1, 0)]:
            for register, number in sorted(group):
                if number not in belief.row(register).known_by(node):
                    yield register, number


def _knows(belief: Belief, node: str, group: frozenset[Logged]) -> bool:
    return any(number in belief.row(name).known_by(node) for name, number in group)


def as_read(belief: Belief, looks: Sequence[tuple[Look, Outcome]], *, alone: bool) -> Belief:
    """The same for nodes that were read. `alone`: nothing else was asked meanwhile, so that all
    that the node must know it had when it was read."""
    for look, outcome in looks:
        if outcome.view is None:
            continue
        fresh = alone and belief.guarantees.reads == FRESH
        values = by_register(belief.net.schema, belief.guarantees, outcome.view) if fresh else {}
        seen = _Read(belief, look, values) if fresh else _unseen
        belief = whole(belief, (look.node,), seen)
    return belief


def _unseen(register: Row) -> Mapping[str, Sight]:  # noqa: ARG001 (as all sights)
    return {}


class _Read:
    """What a read showed of each register."""

    def __init__(self, belief: Belief, look: Look, values: Mapping[Row, Value]) -> None:
        self._belief, self._look, self._values = belief, look, values

    def __call__(self, register: Row) -> Mapping[str, Sight]:
        value = self._values.get(register)
        if value is not None:
            return {self._look.node: value}
        hides = register.column or self._belief.bound_to(register)
        return {} if hides or not self._look.covers(register) else {self._look.node: None}
