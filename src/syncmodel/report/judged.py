"""A recorded run compared with the model once more, from the record alone: no node is asked.

The same functions as while it ran, on the same answers and sights: so a record that was kept says
what diverged when the machines are gone, and a model that has changed since says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from syncmodel.corpus import System, Systems
from syncmodel.corpus.fields import Fields, shown
from syncmodel.corpus.reading import check_steps, read_guarantees
from syncmodel.engine.history import Verdict
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.cases import Cases
from syncmodel.model.control import compare_control
from syncmodel.model.divergence import Divergence, DivergenceFound, Key
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.rest import compare
from syncmodel.model.schema import Schema
from syncmodel.model.values import Row, Value
from syncmodel.model.view import ControlView, View
from syncmodel.model.world import World, initial
from syncmodel.report import jsonl
from syncmodel.report.looks import Looks

OUTCOME = ("answer", "code", "row", "shown", "parts")
#: What the model raises on answers and sights that no run can have had.
WRONG = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    AssertionError,
    InvalidRunError,
)


@frozen
class Judged:
    """One recorded run: how it ended, and how the model has it now, after step `index`.

    `derived`: whether the model could decide how it ended. It can't where a node gave no answer
    that has the contract's shape, never came to rest, or broke an invariant of a machine; what the
    record says is `found` then. `reason` is that of a run which says nothing.
    """

    number: int
    verdict: Verdict
    recorded: tuple[Divergence, ...]
    found: tuple[Divergence, ...]
    index: int
    reason: str = ""
    derived: bool = True

    @property
    def keys(self) -> frozenset[Key]:
        """The names (with the kind of row) of what the model finds."""
        return frozenset(one.key for one in self.found)

    @property
    def as_recorded(self) -> bool:
        """Whether that is what was recorded."""
        return self.keys == frozenset(one.key for one in self.recorded)


def judged(path: Path, systems: Systems) -> Iterator[Judged]:
    """Each run of a record that came to an end, in that order.

    Raises what `jsonl.opened` does; `FormatError` also for what can be no run, and `UsageError` for
    a record of the first version.
    """
    with jsonl.opened(path, systems) as (header, system, lines):
        if header.raw.get("version") != jsonl.VERSION:
            raise UsageError(f"{path} is a record of an older syncmodel: record the run again.")
        open_runs: dict[int, list[Fields]] = {}
        for line in lines:
            kind, number = line.raw.get("entry"), line.required("run", int)
            known = jsonl.LINES.get(kind) if isinstance(kind, str) else None
            if known is None or (number not in open_runs and kind != "began"):
                raise FormatError(f"{line.where}: not an entry that can stand here.")
            Fields.of(line.raw, line.where, ("entry", "run", *known))
            if kind == "began":
                open_runs[number] = []
            open_runs[number].append(line)
            if kind == "end":
                yield _judged(system, open_runs.pop(number))


def _judged(system: System, lines: Sequence[Fields]) -> Judged:
    """One run, whose lines these are."""
    began, *middle, end = lines
    steps = [jsonl.step_of(line) for line in middle if line.raw["entry"] == "step"]
    run = _Run.of(system, began)
    check_steps(run.world.plan.net, steps, f"{end.where}, run {end.raw['run']}")
    verdict, index = _verdict(end), end.required("index", int)
    about = (end.required("run", int), verdict, jsonl.divergences_of(end))
    reason = end.optional("reason", str, "")
    for line in middle:
        if found := run.take(line):
            return Judged(*about, found, line.required("index", int), reason)
    # An older record does not say whether the last sight is of the rest after the last step.
    rested = end.optional("rested", bool, end.raw.get("views") is not None)
    if rested and verdict in (Verdict.PASS, Verdict.DIVERGED):
        last = Judged(*about, run.take(end), index, reason)
        if "rested" in end.raw or last.as_recorded:
            return last
    said = about[-1]
    return Judged(*about, said, index, reason, derived=not said and verdict is Verdict.PASS)


def _verdict(end: Fields) -> Verdict:
    said = end.required("verdict", str)
    known = {each.value: each for each in Verdict}
    if said not in known:
        raise FormatError(f"{end.at('verdict')}: unknown {shown(said)}.")
    return known[said]


class _Run:
    """A run that is followed line by line; `world` is the model's after the last one."""

    def __init__(self, world: World, schema: Schema) -> None:
        self.world = world
        self._schema = schema
        self._looks = Looks()
        self._cases = Cases()
        #: What each node's control plane was when it was looked at first.
        self._first: dict[str, ControlView] = {}

    @classmethod
    def of(cls, system: System, began: Fields) -> _Run:
        net, usually = jsonl.whole_net_of(system, began), system.guarantees
        if "guarantees" in began.raw:
            usually = Guarantees()
        promises = read_guarantees(began, usually, system, net.nodes)
        return cls(initial(net, promises), system.schema)

    def take(self, line: Fields) -> tuple[Divergence, ...]:
        """What differs in this line, if anything."""
        try:
            match line.raw["entry"]:
                case "step":
                    self._step(line)
                case "rest" | "end":
                    self._rest(line)
        except DivergenceFound as found:
            return found.divergences
        except WRONG as error:
            told = f"{type(error).__name__}: {error}"
            raise FormatError(f"{line.where}: no run can have had this: {told:.200}.") from None
        return ()

    def _step(self, line: Fields) -> None:
        step, world = jsonl.step_of(line), self.world
        outcome = _outcome(line.required("outcome", dict), self._schema, line.at("outcome"))
        belief = step.expect(world.belief, outcome)
        self._cases = self._cases.taken(step, outcome, world.belief, belief)
        self.world = World(step.advance(world.plan), belief)

    def _rest(self, line: Fields) -> None:
        """As `Session` has it: the control plane first."""
        index, world = line.required("index", int), self.world
        views = _views(line, self._schema)
        looks = self._looks.read(line, index)
        strange = sorted({*views, *looks}.difference(world.belief.net.nodes))
        if strange:
            raise FormatError(f"{line.where}: there is no node {shown(strange[0])}.")
        compare_control(world.belief, looks, self._first)
        self._first = {**looks, **self._first}
        belief = compare(world.belief, views)
        self._cases = self._cases.rested(views, belief)
        self.world = World(world.plan, belief)


def _views(line: Fields, schema: Schema) -> dict[str, View | None]:
    """What each node showed."""
    raw = Fields.of(line.required("views", dict), line.at("views"))
    found: dict[str, View | None] = {}
    for node in raw.raw:
        tables = raw.or_null(node, dict)
        found[node] = None if tables is None else _view(tables, raw.at(node), schema)
    return found


def _view(raw: Mapping[str, Any], where: str, schema: Schema) -> View:
    tables = Fields.of(raw, where, tuple(schema.by_name))
    rows = [
        _row(one, table, tables.at(table), schema)
        for table in tables.raw
        for one in tables.required(table, list)
    ]
    return View(tuple(rows))


def _row(raw: Any, table: str, where: str, schema: Schema) -> tuple[Row, Value]:
    row = Fields.of(raw, where)
    return Row(table, row.required("id", str)), schema.by_name[table].read(row.raw)


def _outcome(raw: Any, schema: Schema, where: str) -> Outcome:
    """The outcome of a step, or of a part of one."""
    fields = Fields.of(raw, where, OUTCOME)
    answer, known = fields.required("answer", str), {each.value: each for each in Answer}
    if answer not in known:
        raise FormatError(f"{fields.at('answer')}: unknown {shown(answer)}.")
    parts, sight = fields.optional("parts", list, []), fields.or_null("shown", list)
    return Outcome(
        known[answer],
        fields.or_null("code", str),
        fields.or_null("row", dict),
        tuple(_outcome(part, schema, fields.at("parts")) for part in parts),
        None if sight is None else View(tuple(_sight(one, fields, schema) for one in sight)),
    )


def _sight(raw: Any, outcome: Fields, schema: Schema) -> tuple[Row, Value]:
    row = Fields.of(raw, outcome.at("shown"))
    table = row.required("table", str)
    if table not in schema.by_name:
        raise FormatError(f"{row.at('table')}: there is no table {shown(table)}.")
    return _row(raw, table, row.where, schema)
