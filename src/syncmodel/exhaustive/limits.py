"""How much may happen in a run that is searched exhaustively, and which steps that leaves.

The same bounds hold for the search of the model and for both searches of the node's core. Only
single steps are offered here: a burst is a run of steps without a rest between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from attrs import evolve, field, fields, frozen
from immutables import Map

from syncmodel.errors import UsageError
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema
from syncmodel.model.values import Row
from syncmodel.reference.kinds import SIMULATED
from syncmodel.steps import Create, Data, Step, vocabulary
from syncmodel.steps.clocks import Clock
from syncmodel.steps.deployment import Rollback, Rollout
from syncmodel.steps.faulty_deploy import FaultyDeploy
from syncmodel.steps.hanging import Hang
from syncmodel.steps.lifecycle import Crash, Restart
from syncmodel.steps.machines import Reboot, Select
from syncmodel.steps.membership import Join, Leave, Reactivate
from syncmodel.steps.misused import Misuse
from syncmodel.steps.network import Heal, Links, Mend
from syncmodel.steps.plugins import Takeout
from syncmodel.steps.purging import Purge
from syncmodel.steps.reads import Read
from syncmodel.steps.restoring import Backup, Restore
from syncmodel.steps.scope import Scope
from syncmodel.steps.spoiling import Spoil
from syncmodel.steps.standstill import Pause, Resume
from syncmodel.steps.sync import Resync
from syncmodel.steps.trusting import Distrust, Trust

#: What is counted; the fields of `Limits` with these names say how often it may happen.
COUNTED = (
    "writes",
    "cuts",
    "crashes",
    "restarts",
    "rollbacks",
    "rollouts",
    "faulty",
    "resyncs",
    "reads",
    "timeouts",
    "pauses",
    "clocks",
    "hangs",
    "takeouts",
    "reboots",
    "leaves",
    "distrusts",
    "backups",
    "restores",
    "misuses",
    "purges",
    "spoils",
)
TIMEOUTS = COUNTED.index("timeouts")
#: Every kind of step that is not made of others.
OPS = frozenset(vocabulary()) - {
    "burst",
    "concurrently",
    "refused",
    "fill",
    "slow",
    "impair",
    "full_disk",
    "slow_disk",
    "drift",
}


def of_families(*names: str) -> frozenset[str]:
    """The kinds of steps of these families: see `Step.family`."""
    return frozenset(op for op in OPS if vocabulary()[op].family() in names)


#: Up to here every partition that is offered has all its images under a renaming of the nodes.
SYMMETRIC_NODES = 3

KINDS: dict[type[Step], str] = {
    Data: "writes",
    Crash: "crashes",
    Rollback: "rollbacks",
    FaultyDeploy: "faulty",
    Resync: "resyncs",
    Read: "reads",
    Pause: "pauses",
    Clock: "clocks",
    Takeout: "takeouts",
    Reboot: "reboots",
    Select: "reboots",
    Leave: "leaves",
    Distrust: "distrusts",
    Backup: "backups",
    Restore: "restores",
    Misuse: "misuses",
    Purge: "purges",
    Spoil: "spoils",
}

#: No bound: nothing is counted, and situations that differ only in the count are one. For searches
#: that a bound on the depth keeps finite.
UNLIMITED = 1_000

#: How often each counted thing may still happen, in the order of `COUNTED`.
Left = tuple[int, ...]


def _at_least(least: int) -> Any:
    def check(_limits: object, attribute: Any, value: int) -> None:
        if value < least:
            raise UsageError(f"{attribute.name} must be {least} or more; it is {value}.")

    return check


def _count(default: int, least: int = 0) -> Any:
    return field(default=default, validator=_at_least(least))


def _rows(value: Mapping[str, int]) -> Map[str, int]:
    return Map(value)


@frozen(kw_only=True, cache_hash=True)
class Limits:
    """The bounds of one exhaustive search.

    `cuts` counts partitions too; mending and healing what is cut, resuming what stands still,
    taking back in who left, trusting again, restarting what is down and rolling out to a node
    without the plugin are free, so that every run can end well. `restarts` are those of a node that
    runs, `rollouts` those of a node that has the plugin, `faulty` the deployments that meet a
    fault, `takeouts` plugins that are disabled or uninstalled, `reboots` those of a machine and
    selections for one, `distrusts` pairs of a node and an author, `purges` those of deletes, before
    which all is at rest, so that they need a burst of 1, `spoils` stores that are damaged.
    `timeouts` are writes of unknown outcome (searches of the model only). `burst`: the most steps
    between two rests. `together`: two steps may be taken at the same time (searches of the model
    only).
    `generations`: what each node runs at the beginning, all the schema's usual one if empty. `ops`:
    the kinds of steps that may be taken at all. `rows`: how many rows of each table; of those that
    are left out, one of the first table and none of the others. `schema` defaults to the reference
    system's. For any of the numbers but the rows `UNLIMITED` is no bound.

    Raises `UsageError` for a number that is too small, an unknown table or kind of step.
    """

    schema: Schema = SIMULATED.schema
    nodes: int = _count(2, 1)
    rows: Map[str, int] = field(default=Map(), converter=_rows)
    writes: int = _count(2)
    cuts: int = _count(0)
    crashes: int = _count(0)
    restarts: int = _count(0)
    rollbacks: int = _count(0)
    rollouts: int = _count(0)
    faulty: int = _count(0)
    resyncs: int = _count(0)
    reads: int = _count(0)
    timeouts: int = _count(0)
    pauses: int = _count(0)
    clocks: int = _count(0)
    hangs: int = _count(0)
    takeouts: int = _count(0)
    reboots: int = _count(0)
    leaves: int = _count(0)
    distrusts: int = _count(0)
    backups: int = _count(0)
    restores: int = _count(0)
    misuses: int = _count(0)
    purges: int = _count(0)
    spoils: int = _count(0)
    burst: int = _count(1, 1)
    together: bool = False
    generations: tuple[int, ...] = field(default=())
    ops: frozenset[str] = field(default=OPS)

    @rows.validator
    def _check_rows(self, _attribute: object, value: Map[str, int]) -> None:
        for table in value:
            self.schema.table(table)
        if min(self.counts.values()) < 0:
            raise UsageError(f"rows must be 0 or more of each table; they are {_words(value)}.")

    @ops.validator
    def _check_ops(self, _attribute: object, value: frozenset[str]) -> None:
        if not value <= OPS:
            raise UsageError(
                f"Not steps that a search can take by themselves: {sorted(value - OPS)}; those "
                f"are: {', '.join(sorted(OPS))}."
            )

    @generations.validator
    def _check_generations(self, _attribute: object, value: tuple[int, ...]) -> None:
        if value and len(value) != self.nodes:
            raise UsageError(f"{self.nodes} nodes need as many generations, not {value}.")

    @cached_property
    def counts(self) -> Map[str, int]:
        """How many rows each table may have."""
        tables = self.schema.tables
        usual = {table.name: int(table is tables[0]) for table in tables}
        return Map(usual | dict(self.rows))

    @property
    def net(self) -> Net:
        """Where runs start: every link whole, every node running."""
        net = fully_connected(self.schema, self.nodes)
        for node, generation in zip(net.nodes, self.generations, strict=False):
            net = net.deploy((node,), generation)
        return net

    @property
    def left(self) -> Left:
        """What may still happen when nothing has happened yet."""
        return tuple(getattr(self, name) for name in COUNTED)

    @cached_property
    def offered(self) -> tuple[str, ...]:
        """The kinds of steps that may be taken, in order, without those that never may."""
        kinds = vocabulary()
        never = tuple(kind for kind, name in KINDS.items() if not getattr(self, name))
        never += (Purge,) if self.burst > 1 else ()
        return tuple(op for op in sorted(self.ops) if not issubclass(kinds[op], never))

    @cached_property
    def scope(self) -> Scope:
        """The names and kinds of steps that runs are made of."""
        scope = Scope.of(self.schema, self.ops, self.counts)
        return scope if self.rollouts else evolve(scope, rollout_to=(self.schema.usual,))

    def steps_after(self, since_rest: int) -> int:
        """How many steps there were since the last rest, with one more."""
        return since_rest + 1 if self.burst < UNLIMITED else 1

    def __str__(self) -> str:
        usual = Limits(schema=self.schema)
        shown = {each.name: getattr(self, each.name) for each in fields(Limits)}
        return ", ".join(
            f"{name} {_words(value)}"
            for name, value in shown.items()
            if name not in ("ops", "schema") and (name == "nodes" or value != getattr(usual, name))
        )


def _words(value: Any) -> str:
    """A bound as the command line takes it."""
    if isinstance(value, Map):
        return ",".join(f"{table}={count}" for table, count in sorted(value.items()))
    return "any" if value == UNLIMITED else str(value)


def choices(limits: Limits, plan: Plan, left: Left) -> Iterator[tuple[Step, Left]]:
    """The steps that may be taken here, in a fixed order, each with what is left after it."""
    for step, at in _offered(limits, plan):
        if at is None:
            yield step, left
        elif left[at]:
            yield step, paid(left, at)


@lru_cache(maxsize=2**16)
def _offered(limits: Limits, plan: Plan) -> tuple[tuple[Step, int | None], ...]:
    """The steps that the plan allows, and where in `COUNTED` each is counted."""
    kinds = vocabulary()
    return tuple(
        (step, _counted(step, plan))
        for op in limits.offered
        for step in kinds[op].choices(plan, limits.scope)
        if step.enabled(plan) and _first_of_its_like(limits, plan, step)
    )


def paid(left: Left, at: int) -> Left:
    """What is left once what is counted there happened once more."""
    if left[at] >= UNLIMITED:
        return left
    return (*left[:at], left[at] - 1, *left[at + 1 :])


def _first_of_its_like(limits: Limits, plan: Plan, step: Step) -> bool:
    """Rows are interchangeable until something names them: the first such name stands for all."""
    if not isinstance(step, Data) or (step.key in plan.rows and not isinstance(step, Create)):
        return True
    used = _used(plan)
    for row in _named(plan, step):
        if row not in used:
            names = limits.scope.names(row.table)
            if row.name != next(n for n in names if Row(row.table, n) not in used):
                return False
            used |= {row}
    return True


def _named(plan: Plan, step: Data) -> tuple[Row, ...]:
    """The row that is written, and before it those that it refers to."""
    refs = step.refs(plan.net.schema) if isinstance(step, Create) else ()
    return (*_referred(plan, step.table, refs), step.key)


@lru_cache(maxsize=2**12)
def _used(plan: Plan) -> frozenset[Row]:
    """The rows that were written or referred to."""
    found = (_referred(plan, row.table, names) for row, names in plan.refs.items())
    return plan.rows.union(*found)


def _referred(plan: Plan, table: str, names: tuple[str, ...]) -> tuple[Row, ...]:
    refs = plan.net.schema.by_name[table].refs
    return tuple(Row(ref.table, name) for ref, name in zip(refs, names, strict=True))


def _counted(step: Step, plan: Plan) -> int | None:
    name = _counted_as(step, plan)
    return None if name is None else COUNTED.index(name)


def _counted_as(step: Step, plan: Plan) -> str | None:
    if isinstance(step, Hang):
        return "hangs"
    if isinstance(step, Links):
        mends = isinstance(step, Heal | Mend) or step.rewire(plan.net).cut < plan.net.cut
        return None if mends else "cuts"
    if isinstance(step, Restart):
        return None if step.node in plan.net.down else "restarts"
    if isinstance(step, Rollout):
        comes_back = all(plan.net.plugin(node) is None for node in step.on)
        return None if comes_back else "rollouts"
    if isinstance(step, Resume | Join | Reactivate | Trust):
        return None
    for kind, name in KINDS.items():
        if isinstance(step, kind):
            return name
    raise UsageError(f"Nobody has said how often a search may take this: {step}.")
