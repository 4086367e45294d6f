"""Does an adapter do what it says? Short runs of its own tables, one for each thing it must do.

Each is a run like those of a search, judged by the model, so that what passes here is what a search
relies on. Not here: how it is told (`cli/selftest.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import define, field, frozen

from syncmodel.engine.drive import Driver
from syncmodel.engine.history import Entry, Performed, Verdict
from syncmodel.engine.run import Result, run
from syncmodel.engine.trouble import sentence
from syncmodel.errors import UsageError
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Answer
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Table
from syncmodel.model.world import promised
from syncmodel.steps import Burst, Concurrently, Refused, Step, vocabulary
from syncmodel.steps.base import CutsLinks, CutsOneWay, Stops
from syncmodel.steps.scope import Scope
from syncmodel.targets.base import Target
from syncmodel.targets.registry import TargetKind


@frozen
class Check:
    """One thing that was tried: `steps` by the nodes, and what is wrong (empty: nothing).

    `hint` says what an author looks at first.
    """

    title: str
    steps: tuple[Step, ...]
    trouble: str
    hint: str


class ImpossibleError(Exception):
    """The schema or the promises allow no such step."""


@define
class Lines:
    """Steps that are put together one by one, each the first that fits."""

    scope: Scope
    plan: Plan
    steps: list[Step] = field(factory=list)
    #: The numbers of the steps that a node need not answer, as it may lack a quorum.
    excused: set[int] = field(factory=set)

    def take(self, step: Step) -> Step:
        """This step. Raises `ImpossibleError` if it is not possible here."""
        if not step.enabled(self.plan):
            raise ImpossibleError(str(step))
        self.steps.append(step)
        if not all(map(self.plan.net.must_answer, step.nodes())):
            self.excused.add(len(self.steps))
        self.plan = step.advance(self.plan)
        return step

    def find(self, op: str, **wanted: Any) -> Step:
        """The first possible step of that kind that has these."""
        for step in vocabulary()[op].choices(self.plan, self.scope):
            fits = all(getattr(step, name) == it for name, it in wanted.items())
            if fits and step.enabled(self.plan):
                return step
        raise ImpossibleError(op)

    def do(self, op: str, **wanted: Any) -> Step:
        """Take the first one."""
        return self.take(self.find(op, **wanted))

    def create(self, table: Table, node: str = "n1") -> Step:
        """A row of the table, and before it one of each that it refers to."""
        for ref in table.refs:
            self.create(self.plan.net.schema.by_name[ref.table], node)
        return self.do("create", node=node, table=table.name)


Script = Callable[[Lines], object]


def scripts(target: TargetKind) -> Iterator[tuple[str, str, Script]]:
    """What is tried: a title, a hint, and the steps."""
    yield "a fresh start is empty", "`begin` or `rows` shows rows of another run", lambda _: None
    for table in target.schema.tables:
        yield from _of_table(table)
    first = target.schema.tables[0]
    yield (
        "every node has a row once all is at rest",
        "the way of rest says too early that nodes are at rest, or they do not reach each other",
        lambda lines: [lines.create(first), lines.do("delete", node="n2", table=first.name)],
    )
    for several, title, hint in (
        (Burst, "several writes before a rest", "`rows` at rest misses writes"),
        (Concurrently, "overlapping requests", "an operation can't run beside another one"),
    ):
        yield title, hint, partial(_both, several, first)
    if issubclass(target.abilities, CutsLinks):
        yield from _with_cuts(first)
    if issubclass(target.abilities, CutsOneWay):
        yield _with_one_way_cut(first)
    if issubclass(target.abilities, Stops):
        yield from _with_stops(first, cuts=issubclass(target.abilities, CutsLinks))


def _both(several: Any, table: Table, lines: Lines) -> None:
    """Two creates, through two nodes."""
    for ref in table.refs:
        lines.create(lines.plan.net.schema.by_name[ref.table])
    first = lines.find("create", node="n1", table=table.name)
    lines.take(several((first, _second(lines, table))))


def _second(lines: Lines, table: Table) -> Step:
    """A create through another node, of another row, with other values."""
    ahead = Lines(lines.scope, lines.plan)
    ahead.do("create", node="n1", table=table.name)
    taken = ahead.steps[0]
    for step in vocabulary()["create"].choices(ahead.plan, lines.scope):
        other = getattr(step, "row", None) != getattr(taken, "row", None)
        if other and getattr(step, "node", None) == "n2" and step.enabled(ahead.plan):
            return step
    raise ImpossibleError("create")


def _of_table(table: Table) -> Iterator[tuple[str, str, Script]]:
    name = table.name
    yield f"create a row of {name}", "look at `create` and `rows`", lambda it: it.create(table)
    for column in table.columns:
        if column.op is None:
            continue
        yield (
            f"{column.op} {name}.{column.name}",
            f"look at `{column.op}`: what it stores, and what it returns",
            lambda it, c=column: [  # type: ignore[misc]
                it.create(table),
                it.do(c.op, node="n1", table=name, column=c.name),
                it.do(c.op, node="n1", table=name, column=c.name),
            ],
        )
    yield (
        f"delete a row of {name}, and create it again",
        "look at `delete`; a deleted row is not in `rows`",
        lambda it: [
            it.create(table),
            it.do("delete", node="n1", table=name),
            it.do("create", node="n1", table=name),
        ],
    )
    yield (
        f"create a row of {name} that is there",
        'raise Refused("exists"), or promise Guarantees(upserts=True)',
        lambda it: [it.create(table), it.create(table)],
    )
    yield (
        f"delete a row of {name} that is not there",
        'raise Refused("no_such_row")',
        lambda it: it.take(
            next(
                step
                for step in Refused.because("no_such_row", it.plan, it.scope)
                if step.enabled(it.plan) and (step.step.op, step.step.table) == ("delete", name)
            )
        ),
    )
    if any(ref.binds for ref in table.refs):
        yield (
            f"create a row of {name} without the one that it refers to",
            'raise Refused("missing_reference")',
            lambda it: it.take(
                next(
                    step
                    for step in Refused.because("missing_reference", it.plan, it.scope)
                    if step.enabled(it.plan) and step.step.table == name
                )
            ),
        )


def _with_cuts(first: Table) -> Iterator[tuple[str, str, Script]]:
    yield (
        "a partition keeps rows apart, and a heal brings them",
        "a row crosses a cut (do nodes dial at `dials`?), or a healed link is not dialled again",
        lambda it: [
            it.do("partition"),
            it.create(first),
            it.take(_second(it, first)),
            it.do("heal"),
        ],
    )


def _with_one_way_cut(first: Table) -> tuple[str, str, Script]:
    return (
        "one link is cut in one direction",
        "both directions share a connection, so that no single one can be cut",
        lambda it: [
            it.do("cut", from_node="n1", to_node="n2"),
            it.create(first),
            it.do("mend", from_node="n1", to_node="n2"),
        ],
    )


def _with_stops(first: Table, *, cuts: bool) -> Iterator[tuple[str, str, Script]]:
    yield (
        "a crash keeps what was acknowledged",
        "an acknowledged write was not on disk, or the server comes back with another folder",
        lambda it: [
            it.create(first),
            it.do("crash", node="n1"),
            it.do("restart", node="n1"),
        ],
    )
    yield (
        "a node that was down learns what it missed",
        "after a start it does not ask its peers, or they do not dial it again (`mended`)",
        lambda it: [
            it.do("crash", node="n2"),
            it.create(first),
            it.do("restart", node="n2"),
        ],
    )
    if cuts:
        yield (
            "a restart under a cut",
            "a node that starts gets around the cut: by an address that is not a link",
            lambda it: [
                it.do("partition"),
                it.create(first),
                it.do("restart", node="n1"),
                it.do("heal"),
            ],
        )


def selftest(target: TargetKind, made: Target, driver: Driver) -> Iterator[Check]:
    """Try everything, one after the other, on this target, which the caller closes."""
    net = fully_connected(target.schema, len(made.nodes))
    scope = target.scope
    for title, hint, script in scripts(target):
        lines = Lines(scope, Plan(promised(net, target.guarantees)))
        try:
            script(lines)
        except (ImpossibleError, StopIteration):
            continue
        yield Check(title, tuple(lines.steps), _tried(target, made, driver, net, lines), hint)


def _tried(target: TargetKind, made: Target, driver: Driver, net: Net, lines: Lines) -> str:
    """What is wrong with this run, in a few words."""
    unknown: list[str] = []

    def observe(entry: Entry) -> None:
        if isinstance(entry, Performed) and entry.index not in lines.excused:
            unknown.extend(
                f"step {entry.index} is of unknown outcome: {outcome.code}"
                for outcome in entry.outcome.parts or (entry.outcome,)
                if outcome.answer is Answer.UNKNOWN
            )

    try:
        result = driver.run(run(made, net, lines.steps, target.guarantees, observe))
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever an adapter raises is what is to be told)
        return sentence(error)
    return _wrong(result) or "; ".join(unknown)


def _wrong(result: Result) -> str:
    if result.verdict is Verdict.PASS:
        return ""
    if result.verdict is Verdict.DIVERGED:
        first = result.divergences[0]
        at = f"{first.row} on {first.node}" if first.row else first.node
        return (
            f"{first.kind.value} after {len(result.steps)} steps: {at}, expected {first.expected}, "
            f"shown {first.shown}"
        )
    return f"{result.verdict.value}: {result.reason}"
