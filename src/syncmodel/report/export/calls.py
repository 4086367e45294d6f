"""What was asked and seen in one recorded run: who, when, and what came of it.

A record has durations, no clock: times are sums of them. Steps of a burst share its time evenly;
what was done at once has the same times. So who was before whom is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from syncmodel.corpus import Systems
from syncmodel.corpus.fields import Fields
from syncmodel.corpus.reading import check_steps
from syncmodel.errors import FormatError, UsageError
from syncmodel.model.divergence import Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer
from syncmodel.model.schema import Schema
from syncmodel.report import jsonl
from syncmodel.steps import form
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently, Refused
from syncmodel.steps.fill import Fill

#: The shortest time that anything takes here, nanoseconds: what follows is later.
LEAST_NS = 1_000
#: The outcome of a step that was taken and of which the record says no more.
CUT_OFF = {"answer": "unknown", "code": "the record ends here"}
#: Divergences with which nothing was seen of any row.
NO_SIGHT = {Kind.NOT_SETTLED.value, Kind.CONTROL_PLANE.value}

Rows = Sequence[Mapping[str, Any]]


@frozen
class Call:
    """One request, or one sight of all rows of a node at a rest (`step` is None then).

    `node`: who was asked; None for what was done to the cluster. `shown`: the rows that were read.
    `malformed`: what it should store was left out.
    """

    start_ns: int
    end_ns: int
    node: str | None
    step: Step | None
    answer: Answer = Answer.OK
    code: str | None = None
    shown: Rows | None = None
    malformed: bool = False


@frozen
class History:
    """The calls of one run, in order, on this net; `number` is the run's in its record."""

    number: int
    net: Net
    calls: tuple[Call, ...]


def read_history(path: Path, systems: Systems, wanted: int | None = None) -> History:
    """One run of a record: that one, else the first that failed, else the first.

    Raises `UsageError` where there is none, and what `jsonl.opened` does.
    """
    with jsonl.opened(path, systems) as (header, system, lines):
        if header.raw.get("version") != jsonl.VERSION:
            raise UsageError(f"{path} is a record of an older syncmodel: record the run again.")
        kept = _chosen(lines, wanted)
        if kept is None:
            which = "no run" if wanted is None else f"no run {wanted}"
            raise UsageError(f"There is {which} in {path}.")
        net = jsonl.net_of(system, kept[0])
        taken = [jsonl.step_of(line) for line in kept if line.raw["entry"] == "take"]
        done = [jsonl.step_of(line) for line in kept if line.raw["entry"] == "step"]
        for steps in (taken, done):
            check_steps(net, steps, str(path))
        return History(kept[0].required("run", int), net, tuple(_Reading(net.schema).read(kept)))


def _chosen(lines: Iterator[Fields], wanted: int | None) -> list[Fields] | None:
    """The lines of the run that is wanted; those of several may alternate."""
    going = dict[int, list[Fields]]()
    first: list[Fields] | None = None
    for line in lines:
        known = jsonl.LINES.get(str(line.raw.get("entry")))
        if known is None:
            raise FormatError(f"{line.where}: not an entry that can stand here.")
        Fields.of(line.raw, line.where, ("entry", "run", *known))
        number = line.required("run", int)
        if wanted not in (None, number):
            continue
        if line.raw["entry"] == "began":
            going[number] = []
        if number not in going:
            raise FormatError(f"{line.where}: not an entry that can stand here.")
        going[number].append(line)
        if line.raw["entry"] == "end":
            run = going.pop(number)
            if wanted is not None or line.required("verdict", str) == "diverged":
                return run
            first = first or run
    return first or next(iter(going.values()), None)


class _Reading:
    """The calls of one run, with the time so far."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._now_ns = 0
        self._taken: Step | None = None

    def read(self, lines: Sequence[Fields]) -> Iterator[Call]:
        for line in lines:
            match line.raw["entry"]:
                case "take":
                    self._taken = jsonl.step_of(line)
                case "step":
                    self._taken = None
                    start, end = self._during(_seconds(line))
                    step = jsonl.step_of(line)
                    outcome = line.required("outcome", dict)
                    yield from self._calls(step, outcome, start, end, line)
                case "rest":
                    yield from self._sights(line, _seconds(line))
                case "end" if _has_sight(line):
                    yield from self._sights(line, 0.0)
        if self._taken is not None:
            start, end = self._during(0.0)
            yield from self._calls(self._taken, CUT_OFF, start, end, lines[-1])

    def _during(self, seconds: float) -> tuple[int, int]:
        """When something began and ended that took so long; it follows what was before."""
        start = self._now_ns + 1
        self._now_ns = start + max(LEAST_NS, round(seconds * 1e9))
        return start, self._now_ns

    def _calls(
        self, step: Step, outcome: Mapping[str, Any], start: int, end: int, line: Fields
    ) -> Iterator[Call]:
        inner = _inside(step, self._schema)
        if inner is not None:
            parts = outcome.get("parts") or [outcome] * len(inner)
            if not isinstance(parts, list) or len(parts) != len(inner):
                raise FormatError(f"{line.at('outcome')}: {len(inner)} parts were expected.")
            share = (end - start) // max(1, len(inner))
            for place, (one, part) in enumerate(zip(inner, parts, strict=True)):
                own = (start, end)
                if isinstance(step, Burst):
                    own = (start + place * share + 1, start + (place + 1) * share)
                yield from self._calls(one, Fields.of(part, line.at("outcome")).raw, *own, line)
            return
        malformed = isinstance(step, Refused) and step.why == "malformed"
        leaf = step.step if isinstance(step, Refused) else step
        node = leaf.node if leaf.asks(self._schema) or leaf.looks() else None  # type: ignore[attr-defined]
        shown = None if outcome.get("shown") is None else _rows(outcome["shown"], line, "outcome")
        answer, code = _answer(outcome, line)
        yield Call(start, end, node, leaf, answer, code, shown, malformed)

    def _sights(self, line: Fields, seconds: float) -> Iterator[Call]:
        start, end = self._during(seconds)
        for node, tables in line.required("views", dict).items():
            if tables is not None:
                shown = Fields.of(tables, line.at("views")).raw.items()
                each = ((table, row) for table, some in shown for row in _rows(some, line, "views"))
                rows = [{"table": table, **row} for table, row in each]
                yield Call(start, end, node, None, shown=rows)


def _inside(step: Step, schema: Schema) -> Sequence[Step] | None:
    match step:
        case Burst() | Concurrently():
            return step.steps
        case Fill():
            return step.creates(schema)
        case _:
            return None


def _answer(outcome: Mapping[str, Any], line: Fields) -> tuple[Answer, str | None]:
    try:
        return Answer(outcome.get("answer")), outcome.get("code")
    except ValueError:
        raise FormatError(f"{line.at('outcome')}: there is no such answer.") from None


def _rows(raw: Any, line: Fields, name: str) -> Rows:
    """A list of rows, each an object. Raises `FormatError`."""
    if not isinstance(raw, list):
        raise FormatError(f"{line.at(name)}: expected a list of rows.")
    return [Fields.of(row, line.at(name)).raw for row in raw]


def _seconds(line: Fields) -> float:
    value = line.raw.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise FormatError(f"{line.at('seconds')}: expected a number of seconds.")
    return float(value)


def _has_sight(line: Fields) -> bool:
    """Whether the run ended with a sight of the nodes, of which there is no line otherwise."""
    each = line.required("divergences", list)
    found = [Fields.of(one, line.at("divergences")).raw for one in each]
    seen = line.raw.get("verdict") == "diverged" and line.raw.get("views") is not None
    return seen and not any(one.get("answers") or one.get("name") in NO_SIGHT for one in found)


def plain(step: Step) -> dict[str, Any]:
    """The fields of a step, but for its kind and its node."""
    return {name: value for name, value in form.dump(step).items() if name not in ("op", "node")}
