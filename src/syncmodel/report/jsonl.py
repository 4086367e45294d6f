"""A history as JSON lines: everything that was done and seen, readable while it grows.

One object a line, flushed at once, so that a killed tester loses at most its last line.
The first line says what was tested; `entry` names the kind of every other line: began, take (a step
that is about to be performed), step (its outcome), rest, end, and `run` its run: the lines of
several runs may alternate. Steps have their own JSON form
(`steps.form`). Nothing secret is in a history.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from attrs import evolve, field, frozen
from immutables import Map

from syncmodel.corpus import System, Systems, format1, nodes_of
from syncmodel.corpus.fields import Fields, to_json
from syncmodel.corpus.reading import NODE_NAME, system_of
from syncmodel.engine.history import Began, Ended, Entry, Performed, Rested, Taken
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.model.world import promised
from syncmodel.steps import form
from syncmodel.steps.base import Step

FORMAT = "syncmodel-record"
VERSION = 2


class Recorder:
    """An observer that writes every entry to a file; a new record replaces an old file."""

    def __init__(self, path: Path, facts: Mapping[str, Any] | None) -> None:
        """`facts` say what was tested (target, nodes, bugs, seed).

        None joins a record that was begun elsewhere: each line is written at once, so that several
        processes can. Raises `UsageError` if the file can't be made.
        """
        self.path = path
        self._run = 0
        self._tables: tuple[str, ...] = ()
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
        self._write(dump(entry, self._run, self._tables))

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


def dump(entry: Entry, run: int, tables: Sequence[str]) -> dict[str, Any]:
    """The JSON form of one entry of the run with that number, on nodes with these tables."""
    match entry:
        case Began():
            running = nodes_of(entry.net)
            nodes = {node: running[node] for node in entry.net.nodes}
            return {"entry": "began", "run": run, "nodes": nodes}
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
            }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found = {
        "answer": outcome.answer.value,
        "code": outcome.code,
        "row": None if outcome.row is None else dict(outcome.row),
        "parts": [_outcome(part) for part in outcome.parts],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _views(views: Mapping[str, View | None], tables: Sequence[str]) -> dict[str, Any]:
    return {
        node: None if view is None else {table: _rows(view, table) for table in tables}
        for node, view in views.items()
    }


def _rows(view: View, table: str) -> list[dict[str, Any]]:
    return [{"id": name, **dict(value.cells)} for name, value in view.table(table)]


def _divergence(divergence: Divergence) -> dict[str, Any]:
    row = divergence.row
    column = {"column": row.column} if row is not None and row.column else {}
    return {
        "name": divergence.kind.value,
        "node": divergence.node,
        "row": None if row is None else {"table": row.table, "id": row.name, **column},
        "expected": divergence.expected,
        "shown": divergence.shown,
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


def read_failing_runs(path: Path, systems: Systems) -> tuple[RecordedRun, ...]:
    """The runs of a record that diverged, by their numbers, as runs of what `systems` has for it.

    A last line that was torn off is left out. Raises `UsageError` if the file can't be read or is
    about a target that is not there, and `FormatError` with the line if it is malformed.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The record {path} can't be read: {error.strerror}.") from error
    lines = text.split(b"\n")[:-1]
    facts = _header(lines, str(path))
    header = Fields.of(facts, f"{path}, line 1")
    target = header.optional("target", str, format1.TARGET)
    system = system_of(target, systems, header.at("target"))
    failed = _runs(lines[1:], facts, system, str(path))
    return tuple(sorted(failed, key=lambda run: run.number))


def is_record(path: Path) -> bool:
    """Whether the file declares itself a record."""
    try:
        with path.open("rb") as file:
            return FORMAT.encode() in file.readline(1_000)
    except OSError:
        return False


def _header(lines: Sequence[bytes], where: str) -> dict[str, Any]:
    header = _parse(lines[0], f"{where}, line 1") if lines else {}
    version = header.get("version")
    if header.get("format") != FORMAT or version not in (format1.VERSION, VERSION):
        raise FormatError(
            f"{where}: no record of this version: its first line must have format {FORMAT!r} and "
            f"version {format1.VERSION} or {VERSION}."
        )
    return header


def _runs(
    lines: Sequence[bytes], facts: Mapping[str, Any], system: System, where: str
) -> Iterator[RecordedRun]:
    first = facts["version"] == format1.VERSION
    runs: dict[int, RecordedRun] = {}
    for position, text in enumerate(lines, 2):
        place = f"{where}, line {position}"
        line = _parse(text, place)
        try:
            number: Any = line.get("run")
            match line.get("entry"), runs.get(number):
                case "began", _:
                    net = _net(system, line["nodes"])
                    runs[number] = RecordedRun(int(number), net, (), facts=facts, system=system)
                case "step", RecordedRun() as run:
                    raw = format1.upgrade_step(line["step"], place) if first else line["step"]
                    runs[number] = evolve(run, steps=(*run.steps, form.load(raw, place)))
                case "end", RecordedRun() as run:
                    del runs[number]
                    if line["verdict"] == "diverged":
                        yield evolve(run, divergences=tuple(map(_read, line["divergences"])))
                case "take" | "rest", RecordedRun():
                    pass
                case _:
                    raise FormatError(f"{place}: not an entry that can stand here.")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"{place}: malformed: {error!r}.") from None


def _parse(text: bytes, place: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(f"{place}: no JSON.") from None
    if not isinstance(line, dict):
        raise FormatError(f"{place}: expected an object.")
    return line


def _net(system: System, nodes: Mapping[str, int]) -> Net:
    running = Map({name: int(number) for name, number in nodes.items()})
    strange = [name for name in running if not NODE_NAME.fullmatch(name)]
    if strange or not running or not set(running.values()) <= set(system.schema.deployment):
        raise ValueError(f"unknown nodes or generations {dict(nodes)}")
    return promised(Net(system.schema, tuple(nodes), running), system.guarantees)


def _read(raw: Mapping[str, Any]) -> Divergence:
    row = raw["row"]
    return Divergence(
        Kind(raw["name"]),
        str(raw["node"]),
        None if row is None else Row(str(row["table"]), str(row["id"]), str(row.get("column", ""))),
        str(raw["expected"]),
        str(raw["shown"]),
    )
