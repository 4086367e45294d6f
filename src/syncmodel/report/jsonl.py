"""A history as JSON lines: everything that was done and seen, readable while it grows.

One object a line, flushed at once, so that a killed tester loses at most its last line.
The first line says what was tested; `entry` names the kind of every other line: began, take (a step
that is about to be performed), step (its outcome), rest, end, and `run` its run: the lines of
several runs may alternate. Steps have their own JSON form (`steps.form`), and so have looks at the
control plane (`looks`). Nothing secret is in a history. docs/walking.md lists all fields.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from attrs import field, frozen
from immutables import Map
from msgspec.structs import replace

from syncmodel.corpus import System, Systems, budgets, format1, promises
from syncmodel.corpus.fields import Fields, parse, shown, to_json
from syncmodel.corpus.reading import check_steps, read_nodes, system_of
from syncmodel.engine.history import Began, Ended, Entry, Performed, Rested, Taken
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.model.world import promised
from syncmodel.report.looks import Looks
from syncmodel.steps import form
from syncmodel.steps.base import Step

FORMAT = "syncmodel-record"
VERSION = 2


class Recorder:
    """An observer that writes every entry to a file; a new record replaces an old file."""

    def __init__(self, path: Path, facts: Mapping[str, Any] | None) -> None:
        """`facts` say what was tested (target, nodes, bugs, seed).

        None joins a record that was begun elsewhere: each line is written at once, so that several
        processes can. Raises `UsageError` if the file can't be made, or is one that is no record.
        """
        self.path = path
        if facts is not None:
            _check_replaced(path)
        self._run = 0
        self._tables: tuple[str, ...] = ()
        self._looks = Looks()
        try:
            self._file: IO[str] = path.open("w" if facts is not None else "a", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"The record {path} can't be written: {error.strerror}.") from error
        if facts is None:
            return
        try:
            self._write({"format": FORMAT, "version": VERSION, **facts})
        except InvalidRunError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, entry: Entry) -> None:
        """Write one entry. Raises `InvalidRunError` if there is no room."""
        if isinstance(entry, Began):
            self._run = entry.number
            self._tables = tuple(entry.net.schema.by_name)
            self._looks = Looks()
        self._write(dump(entry, self._run, self._tables, self._looks))

    def close(self) -> None:
        """Stop writing."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        """Past Python's buffer: what was refused once is not tried again when the file closes."""
        content = (to_json(line) + "\n").encode()
        try:
            while content:
                content = content[os.write(self._file.fileno(), content) :]
        except OSError as error:
            raise InvalidRunError(
                f"The record {self.path} can't be written on: {error.strerror}. What was recorded "
                f"before is kept."
            ) from error


# --- writing -----------------------------------------------------------------------------------


def dump(entry: Entry, run: int, tables: Sequence[str], looks: Looks) -> dict[str, Any]:
    """The JSON form of one entry of the run with that number, on nodes with these tables.

    `looks` are those of the run so far.
    """
    match entry:
        case Began():
            return {"entry": "began", "run": run, **_began(entry)}
        case Taken():
            step = form.dump(entry.step)
            return {"entry": "take", "run": run, "index": entry.index, "step": step}
        case Performed():
            return {
                "entry": "step",
                "run": run,
                "index": entry.index,
                "step": form.dump(entry.step),
                "outcome": _outcome(entry.outcome),
                "seconds": round(entry.seconds, 6),
            }
        case Rested():
            return {
                "entry": "rest",
                "run": run,
                "index": entry.index,
                "how": entry.how,
                "seconds": round(entry.seconds, 6),
                "views": _views(entry.views, tables),
                **_control(entry, looks),
            }
        case Ended():
            return {
                "entry": "end",
                "run": run,
                "index": entry.index,
                "verdict": entry.verdict.value,
                "divergences": [_divergence(each) for each in entry.divergences],
                "reason": entry.reason,
                "views": None if entry.views is None else _views(entry.views, tables),
                "rested": entry.rested,
                **_control(entry, looks),
            }


def _began(entry: Began) -> dict[str, Any]:
    """Which nodes there are, which of them never run, and what is promised."""
    net, promised_to_it = entry.net, entry.guarantees
    return {
        "nodes": {node: net.running[node] for node in net.nodes},
        **({"down": sorted(net.down)} if net.down else {}),
        **({} if promised_to_it is None else {"guarantees": promises(promised_to_it)}),
    }


def _control(entry: Rested | Ended, looks: Looks) -> dict[str, Any]:
    """What nodes said of themselves, where they were asked."""
    return {"control": looks.dump(entry.control, entry.index)} if entry.control else {}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found = {
        "answer": outcome.answer.value,
        "code": outcome.code,
        "row": None if outcome.row is None else dict(outcome.row),
        "shown": None if outcome.view is None else _shown(outcome.view),
        "parts": [_outcome(part) for part in outcome.parts],
    }
    return {k: v for k, v in found.items() if v is not None and (v or k != "parts")}


def _shown(view: View) -> list[dict[str, Any]]:
    return [{"table": row.table, "id": row.name, **dict(value.shown)} for row, value in view.rows]


def _views(views: Mapping[str, View | None], tables: Sequence[str]) -> dict[str, Any]:
    return {
        node: None if view is None else {table: _rows(view, table) for table in tables}
        for node, view in views.items()
    }


def _rows(view: View, table: str) -> list[dict[str, Any]]:
    return [{"id": name, **dict(value.shown)} for name, value in view.table(table)]


def _divergence(divergence: Divergence) -> dict[str, Any]:
    row = divergence.row
    column = {"column": row.column} if row is not None and row.column else {}
    return {
        "name": divergence.kind.value,
        "node": divergence.node,
        "row": None if row is None else {"table": row.table, "id": row.name, **column},
        "expected": divergence.expected,
        "shown": divergence.shown,
        **({"answers": list(divergence.answers)} if divergence.answers else {}),
    }


# --- reading -----------------------------------------------------------------------------------


@frozen
class RecordedRun:
    """A run that diverged, as it was recorded.

    `system` is what it is a run of; `facts` are those of the record's first line.
    """

    number: int
    net: Net
    steps: tuple[Step, ...]
    divergences: tuple[Divergence, ...] = ()
    facts: Mapping[str, Any] = {}
    system: System = field(kw_only=True)


#: The fields of each kind of line.
LINES = {
    "began": ("nodes", "down", "guarantees"),
    "take": ("index", "step"),
    "step": ("index", "step", "outcome", "seconds"),
    "rest": ("index", "how", "seconds", "views", "control"),
    "end": ("index", "verdict", "divergences", "reason", "views", "rested", "control"),
}


def read_failing_runs(path: Path, systems: Systems) -> tuple[RecordedRun, ...]:
    """The runs of a record that diverged, by their numbers, as runs of what `systems` has for it.

    A last line that was torn off is left out. Raises `UsageError` if the file can't be read or is
    about a target that is not there, and `FormatError` with the line if it is malformed.
    """
    with opened(path, systems) as (header, system, lines):
        return tuple(sorted(_runs(lines, header, system), key=lambda run: run.number))


@contextmanager
def opened(path: Path, systems: Systems) -> Iterator[tuple[Fields, System, Iterator[Fields]]]:
    """A record's first line, the system that it is about, and every line after the first.

    Raises as `read_failing_runs`, also while the lines are read.
    """
    budgets.check_is_file(path)
    try:
        with path.open("rb") as file:
            lines = _lines(file, str(path))
            header = _header(lines, str(path))
            target = header.optional("target", str, format1.TARGET)
            yield header, system_of(target, systems, header.at("target")), lines
    except OSError as error:
        raise UsageError(f"The record {path} can't be read: {error.strerror}.") from error


def is_record(path: Path) -> bool:
    """Whether the file declares itself a record."""
    budgets.check_is_file(path)
    try:
        with path.open("rb") as file:
            return FORMAT.encode() in file.readline(1_000)
    except OSError:
        return False


def _lines(file: IO[bytes], where: str) -> Iterator[Fields]:
    """Every whole line, as an object."""
    read = 0
    for position in count(1):
        text = file.readline(budgets.LINE_BYTES + 1)
        read += len(text)
        if len(text) > budgets.LINE_BYTES or read > budgets.RECORD_BYTES:
            line, all_of_it = budgets.LINE_BYTES, budgets.RECORD_BYTES
            raise UsageError(
                f"{where} is too long to be read at line {position}: a line has at most {line:,} "
                f"bytes, and a record {all_of_it:,}; record fewer sequences."
            )
        if not text.endswith(b"\n"):
            return
        place = f"{where}, line {position}"
        yield Fields.of(parse(text, place), place)


def _check_replaced(path: Path) -> None:
    """A record takes the place of another record, and of nothing else. Raises `UsageError`."""
    budgets.check_is_file(path)
    with suppress(OSError):
        if path.is_file() and path.stat().st_size and not is_record(path):
            raise UsageError(
                f"{path} is not a record, so a record does not take its place: name another file."
            )


def _header(lines: Iterator[Fields], where: str) -> Fields:
    header = next(lines, Fields({}, where))
    version = header.raw.get("version")
    known = type(version) is int and version in (format1.VERSION, VERSION)
    if header.raw.get("format") != FORMAT or not known:
        raise FormatError(
            f"{where}: no record of this version: its first line must have format {FORMAT!r} and "
            f"version {format1.VERSION} or {VERSION}."
        )
    for bug in header.optional("bugs", list, []):
        header.exactly("bugs", bug, str)
    if type(header.raw.get("seed")) not in (int, str, type(None)):
        header.required("seed", int)
    return header


def _runs(lines: Iterable[Fields], header: Fields, system: System) -> Iterator[RecordedRun]:
    first = header.raw["version"] == format1.VERSION
    open_runs: dict[int, tuple[Net, list[Step]]] = {}
    for line in lines:
        kind = line.raw.get("entry")
        known = LINES.get(kind) if isinstance(kind, str) else None
        number = line.raw.get("run")
        begun = open_runs.get(number) if type(number) is int else None
        if known is None or (begun is None and kind != "began"):
            raise FormatError(f"{line.where}: not an entry that can stand here.")
        Fields.of(line.raw, line.where, ("entry", "run", *known))
        if begun is None or kind == "began":
            name = line.required("run", int)
            open_runs[name] = (net_of(system, line), [])
            continue
        net, steps = begun
        if kind == "step":
            steps.append(step_of(line, first=first))
        elif kind == "end":
            del open_runs[line.required("run", int)]
            if line.required("verdict", str) == "diverged":
                found = divergences_of(line)
                budgets.check_count([form.dump(step) for step in steps], line.where)
                check_steps(net, steps, f"{line.where}, run {line.raw['run']}")
                yield RecordedRun(
                    line.required("run", int), net, tuple(steps), found, header.raw, system=system
                )


def step_of(line: Fields, *, first: bool = False) -> Step:
    """The step of a line. Raises `FormatError`."""
    raw = line.required("step", dict)
    budgets.check_count([raw], line.where)
    return form.load(format1.upgrade_step(raw, line.where) if first else raw, line.where)


def net_of(system: System, line: Fields) -> Net:
    """The net of the line with which a run begins, without the nodes that never run.

    Raises `FormatError`.
    """
    net = whole_net_of(system, line)
    there = tuple(node for node in net.nodes if node not in net.down)
    running = Map({node: net.running[node] for node in there})
    few = replace(net, nodes=there, running=running, down=frozenset())
    return promised(few, system.guarantees)


def whole_net_of(system: System, line: Fields) -> Net:
    """The same with all of its nodes, and nothing promised. Raises `FormatError`."""
    line.required("nodes", dict)
    running = read_nodes(line, system.schema)
    nodes, down = tuple(line.raw["nodes"]), line.optional("down", list, [])
    if not all(node in nodes for node in down) or len(down) == len(nodes):
        raise FormatError(f"{line.at('down')}: not some of the nodes: {shown(down)}.")
    return Net(system.schema, nodes, running, frozenset(down))


def divergences_of(line: Fields) -> tuple[Divergence, ...]:
    """What differed, as the line has it with which a run ends. Raises `FormatError`."""
    each = enumerate(line.required("divergences", list), 1)
    return tuple(_read(one, f"{line.where}, divergence {i}") for i, one in each)


def _read(raw: Any, where: str) -> Divergence:
    found = Fields.of(raw, where, ("name", "node", "row", "expected", "shown", "answers"))
    name, kinds = found.required("name", str), {kind.value: kind for kind in Kind}
    if name not in kinds:
        raise FormatError(f"{found.at('name')}: unknown {shown(name)}.")
    row = found.or_null("row", dict)
    at = Fields.of(row or {}, found.at("row"), ("table", "id", "column"))
    return Divergence(
        kinds[name],
        found.required("node", str),
        None
        if row is None
        else Row(at.required("table", str), at.required("id", str), at.optional("column", str, "")),
        found.required("expected", str),
        found.required("shown", str),
        answers=tuple(map(str, found.optional("answers", list, []))),
    )
