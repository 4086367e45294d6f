"""What happened in the runs of a search: how often, and which of what matters never did.

Each property that must always hold is paired with something that must sometimes be seen, so that a
vacuous pass shows. Read from the history alone. Not here: how a tally looks (`report.terminal`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from enum import Enum
from itertools import combinations

from attrs import define, field, fields, frozen

from syncmodel.engine.history import Began, Ended, Entry, Performed, Rested, Taken, Verdict
from syncmodel.engine.occasions import Occasion, Occasions
from syncmodel.model.belief import Belief
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.plan import Plan
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row
from syncmodel.steps import (
    Burst,
    Clock,
    Concurrently,
    Crash,
    Cut,
    Data,
    Disable,
    Distrust,
    Drift,
    FullDisk,
    Hang,
    Impair,
    Leave,
    Misuse,
    Partition,
    Pause,
    Purge,
    Reboot,
    Restore,
    Resync,
    Select,
    Slow,
    SlowDisk,
    Spoil,
    Step,
    Uninstall,
)

#: Refusals that depend on which rows the node showed, so that a race may decide them.
CONTESTED = frozenset({"exists", "no_such_row", "missing_reference", "referenced"})


class Sometimes(Enum):
    """What must be seen now and then, in the words of a summary."""

    PARTITIONS = "partitions"
    CONFLICTS = "conflicts"
    RESYNCS = "resyncs that sent rows"
    ROLLBACKS = "rollbacks that dropped rows"
    CRASHES = "crashes"
    PAUSES = "nodes that stood still"
    CLOCKS = "clocks that jumped"
    DRIFTS = "clocks that drifted"
    HANGS = "links that hung"
    SLOW = "slow links"
    IMPAIRED = "bad lines"
    DISABLED = "plugins that were disabled"
    UNINSTALLED = "uninstalls"
    SELECTED = "generations selected for a boot"
    REBOOTS = "machines that booted"
    LEAVES = "nodes that left"
    RETURNS = "nodes that came into the cluster and got rows"
    DISTRUSTS = "authors that were not trusted"
    REPLAYS = "trust that brought rows"
    RESTORES = "disks that were put back"
    MISUSES = "admin requests without a right to them"
    PURGES = "purges"
    SPOILT = "damaged stores"
    FULL = "full disks"
    SLOW_DISKS = "slow disks"
    HIDDEN = "hidden rows"
    CONTESTED = "refusals of contested requests"
    UNKNOWN = "unknown outcomes"


#: What a step brings about by itself.
BRINGS: dict[type[Step], Sometimes] = {
    Partition: Sometimes.PARTITIONS,
    Cut: Sometimes.PARTITIONS,
    Crash: Sometimes.CRASHES,
    Pause: Sometimes.PAUSES,
    Clock: Sometimes.CLOCKS,
    Drift: Sometimes.DRIFTS,
    Hang: Sometimes.HANGS,
    Slow: Sometimes.SLOW,
    Impair: Sometimes.IMPAIRED,
    Disable: Sometimes.DISABLED,
    Uninstall: Sometimes.UNINSTALLED,
    Select: Sometimes.SELECTED,
    Reboot: Sometimes.REBOOTS,
    Leave: Sometimes.LEAVES,
    Distrust: Sometimes.DISTRUSTS,
    Restore: Sometimes.RESTORES,
    Misuse: Sometimes.MISUSES,
    Purge: Sometimes.PURGES,
    Spoil: Sometimes.SPOILT,
    FullDisk: Sometimes.FULL,
    SlowDisk: Sometimes.SLOW_DISKS,
}

#: The steps that a thing needs to happen, by their `op`; what is not listed needs only writes.
NEEDS: dict[Sometimes, frozenset[str]] = {
    **{
        what: frozenset(step.op for step, brought in BRINGS.items() if brought is what)
        for what in BRINGS.values()
    },
    Sometimes.RESYNCS: frozenset({"resync"}),
    Sometimes.ROLLBACKS: frozenset({"rollback"}),
    Sometimes.RETURNS: frozenset({"leave"}),
    Sometimes.REPLAYS: frozenset({"distrust"}),
}


class Situation(Enum):
    """Where a plan stands; several may hold at once."""

    EMPTY = "nothing is written"
    WHOLE = "no fault is there"
    CUT = "a link is cut"
    DOWN = "a node is down"
    STILL = "a node stands still"
    AWAY = "a node has left"
    DISTRUST = "a node does not trust an author"
    BARE = "a node has no plugin"
    MIXED = "the nodes' generations differ"


def situations(plan: Plan) -> Iterator[Situation]:
    """All that hold where the plan stands."""
    net = plan.net
    if not plan.rows:
        yield Situation.EMPTY
    if not (net.cut or net.still or net.away or net.distrusts):
        yield Situation.WHOLE
    if net.cut:
        yield Situation.CUT
    if net.down:
        yield Situation.DOWN
    if net.paused:
        yield Situation.STILL
    if net.away:
        yield Situation.AWAY
    if net.distrusts:
        yield Situation.DISTRUST
    if len(net.carriers) < len(net.up):
        yield Situation.BARE
    if len(set(net.running.values())) > 1:
        yield Situation.MIXED


@frozen
class Sighting:
    """Something that is counted once a run, however long it lasts."""

    what: Sometimes
    row: Row
    versions: frozenset[int] = frozenset()


@define
class Tally:
    """An observer that counts. `seconds` is what steps and settling took, all runs together.

    `net` is where the last run began: it says what can happen at all.
    """

    sequences: int = 0
    steps: int = 0
    rests: int = 0
    seconds: float = 0.0
    by_op: Counter[str] = field(factory=Counter)
    #: The steps as they were drawn: a burst is one, whatever is in it.
    drawn: Counter[str] = field(factory=Counter)
    #: (op, op of the next one), of those inside of bursts and simultaneous steps too.
    by_pair: Counter[tuple[str, str]] = field(factory=Counter)
    #: (where the plan stood, op of what came next).
    by_situation: Counter[tuple[Situation, str]] = field(factory=Counter)
    verdicts: Counter[Verdict] = field(factory=Counter)
    #: How many sequences were about each theme.
    themes: Counter[str] = field(factory=Counter)
    occasions: Counter[Occasion] = field(factory=Counter)
    seen: Counter[Sometimes] = field(factory=Counter)
    net: Net | None = None
    _sighted: set[Sighting] = field(factory=set)
    _sequence: Occasions = field(factory=Occasions)
    _last: str | None = None
    _situations: tuple[Situation, ...] = ()
    _resyncs: list[str] = field(factory=list)

    def __call__(self, entry: Entry) -> None:
        """Count one entry of the history."""
        match entry:
            case Taken():
                pass
            case Began():
                self.sequences += 1
                self.net = entry.net
                self._sighted.clear()
                self._resyncs.clear()
                self._last = None
                self._sequence = Occasions()
            case Performed():
                self._performed(entry)
            case Rested():
                self._rested(entry)
            case Ended():
                self.verdicts[entry.verdict] += 1

    def add(self, other: Tally) -> None:
        """Add what was counted in another part of the same search."""
        self.sequences += other.sequences
        self.steps += other.steps
        self.rests += other.rests
        self.seconds += other.seconds
        self.by_op.update(other.by_op)
        self.drawn.update(other.drawn)
        self.by_pair.update(other.by_pair)
        self.by_situation.update(other.by_situation)
        self.verdicts.update(other.verdicts)
        self.themes.update(other.themes)
        self.occasions.update(other.occasions)
        self.seen.update(other.seen)
        self.net = other.net or self.net

    def become(self, parts: Iterable[Tally]) -> None:
        """What these parts have counted by now, all together."""
        fresh = Tally()
        for part in parts:
            fresh.add(part)
        for each in fields(Tally):
            setattr(self, each.name, getattr(fresh, each.name))

    def never(
        self, ops: frozenset[str] | None = None, *, waits: bool = True
    ) -> tuple[Sometimes, ...]:
        """What was never seen, of all that these kinds of steps (default: all) can bring about on
        such nodes.

        `waits`: requests travel, so that an answer may get lost.
        """
        return tuple(
            what
            for what in Sometimes
            if not self.seen[what]
            and (ops is None or what not in NEEDS or NEEDS[what] & ops)
            and (waits or what is not Sometimes.UNKNOWN)
            and (self.net is None or _can_happen(what, self.net))
        )

    def _performed(self, entry: Performed) -> None:
        self.steps += 1
        self.seconds += entry.seconds
        self._resyncs.clear()
        self.drawn[entry.step.op] += 1
        self.occasions.update(self._sequence.of(entry.step))
        for situation in self._situations:
            self.by_situation[situation, entry.step.op] += 1
        for step, outcome in leaves(entry.step, entry.outcome):
            self.by_op[step.op] += 1
            if self._last is not None:
                self.by_pair[self._last, step.op] += 1
            self._last = step.op
            self.seen[Sometimes.UNKNOWN] += outcome.answer is Answer.UNKNOWN
            brought = BRINGS.get(type(step))
            if brought is not None:
                self.seen[brought] += 1
            elif isinstance(step, Resync) and step.full and outcome.ok:
                self._resyncs.append(step.node)
            elif isinstance(step, Data) and outcome.code in CONTESTED:
                self.seen[Sometimes.CONTESTED] += 1

    def _rested(self, entry: Rested) -> None:
        self.rests += 1
        self.seconds += entry.seconds
        before, after = entry.before.belief, entry.after.belief
        self._situations = tuple(situations(entry.after.plan))
        self.occasions.update(self._sequence.of_plan(entry.after.plan))
        for node in self._resyncs:
            self.seen[Sometimes.RESYNCS] += _has_sender(before, after.net, node)
        came = {node for _, node in before.net.away - after.net.away}
        self.seen[Sometimes.RETURNS] += sum(_learnt(before, after, node) for node in came)
        trusts = {node for node, _ in before.net.distrusts - after.net.distrusts}
        self.seen[Sometimes.REPLAYS] += sum(_learnt(before, after, node) for node in trusts)
        dropped = before.net.drops(after.net)
        self.seen[Sometimes.ROLLBACKS] += sum(_knows_rows(before, node) for node in dropped)
        for row in _compared(after):
            belief = after.row(row)
            if before.rows.get(row) is not belief and before.row(row) != belief:
                for versions in _met(belief):
                    self._sight(Sighting(Sometimes.CONFLICTS, row, versions))
        for row in _hidden(entry, self._sighted):
            self._sight(Sighting(Sometimes.HIDDEN, row))

    def _sight(self, sighting: Sighting) -> None:
        if sighting not in self._sighted:
            self._sighted.add(sighting)
            self.seen[sighting.what] += 1


def leaves(step: Step, outcome: Outcome) -> Iterator[tuple[Step, Outcome]]:
    """Every step that holds no others, with its own outcome."""
    if isinstance(step, Burst | Concurrently):
        for part, its in zip(step.steps, outcome.parts, strict=True):
            yield from leaves(part, its)
    else:
        yield step, outcome


def _has_sender(before: Belief, after: Net, node: str) -> bool:
    """Whether a connected peer had rows to send to the node."""
    return any(
        receiver == node and after.carries(sender) and _knows_rows(before, sender)
        for sender, receiver in after.connected
    )


def _learnt(before: Belief, after: Belief, node: str) -> bool:
    """Whether the node must know a version that it need not have known before."""
    rows = after.rows.items()
    return any(row.known_by(node) - before.row(name).known_by(node) for name, row in rows)


def _knows_rows(belief: Belief, node: str) -> bool:
    return any(row.known_by(node) for row in belief.rows.values())


def _met(row: RowBelief) -> Iterator[frozenset[int]]:
    """The pairs of versions, written without knowing of each other, that met on some node.

    Two deletes are no conflict: no sight tells which of them won.
    """
    causal = row.order.causal
    for known in row.must.values():
        latest = [v for v in known if known.isdisjoint(causal.get(v, frozenset()))]
        for pair in combinations(sorted(latest), 2):
            if len(row.tombstones(pair)) < 2:
                yield frozenset(pair)


def _can_happen(what: Sometimes, net: Net) -> bool:
    """Whether nodes of that schema, with these promises, can bring it about."""
    match what:
        case Sometimes.HIDDEN:
            return any(net.schema.binding.values())
        case Sometimes.ROLLBACKS:
            return None in net.generations.values() and not net.keeps_log
        case Sometimes.CONFLICTS:
            return not net.quorum
    return True


def _compared(after: Belief) -> Iterable[Row]:
    """All rows that a step may have changed: a long run has many others."""
    touched = after.touched
    if touched is None or after.seen is None:
        return after.rows
    return touched.union(after.seen.compared)


def _hidden(entry: Rested, sighted: Container[Sighting]) -> Iterator[Row]:
    """The rows that some node must have and does not show, because one they refer to does not; but
    for those that were sighted."""
    belief = entry.after.belief
    views = [(node, view) for node, view in entry.views.items() if view is not None]
    for name in belief.marked.hideable:
        if name.column or Sighting(Sometimes.HIDDEN, name) in sighted:
            continue
        row, bound = belief.row(name), belief.bound_to(name)
        for node, view in views if bound else ():
            if bound.issubset(shown for shown, _ in view.rows):
                continue
            may = belief.may_show(node, name)
            if row.known_by(node) and row.present(may) and not row.tombstones(may):
                yield name
                break
