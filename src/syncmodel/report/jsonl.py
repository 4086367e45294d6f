"""A history as JSON lines: everything that was done and seen, readable while it grows.

One object a line, flushed at once, so that a tester that is killed leaves all but its last word.
The first line says what was tested; `entry` names the kind of every other line: began, step, rest,
end, and `run` its run: the lines of several runs may alternate. Steps have their own JSON form
(`steps.form`). Nothing secret is in a history.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from attrs import evolve, frozen
from msgspec.structs import replace

from syncmodel.corpus import nodes_of
from syncmodel.engine.history import Began, Ended, Entry, Performed, Rested
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.steps import form
from syncmodel.steps.base import Step

FORMAT = "syncmodel-record"
VERSION = 1


class Recorder:
    """An observer that writes every entry to a file, which is made anew."""

    def __init__(self, path: Path, facts: Mapping[str, Any] | None) -> None:
        """`facts` say what was tested (target, nodes, bugs, seed).

        None joins a record that was begun elsewhere: each line is written at once, so that several
        processes can. Raises `UsageError` if the file can't be made.
        """
        self.path = path
        self._run = 0
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
        self._write(dump(entry, self._run))

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        """Past Python's buffer: what was refused once is not tried again when the file closes."""
        content = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        try:
            while content:
                content = content[os.write(self._file.fileno(), content) :]
        except OSError as error:
            raise InvalidRunError(
                f"The record {self.path} can't be written on: {error.strerror}. What was recorded "
                f"before is kept."
            ) from error


# --- writing -----------------------------------------------------------------------------------


def dump(entry: Entry, run: int) -> dict[str, Any]:
    """The JSON form of one entry of the run with that number."""
    match entry:
        case Began():
            running = nodes_of(entry.net)
            nodes = {node: running[node] for node in entry.net.nodes}
            return {"entry": "began", "run": run, "nodes": nodes}
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
                "views": _views(entry.views),
            }
        case Ended():
            return {
                "entry": "end",
                "run": run,
                "index": entry.index,
                "verdict": entry.verdict.value,
                "divergences": [_divergence(each) for each in entry.divergences],
                "reason": entry.reason,
                "views": None if entry.views is None else _views(entry.views),
            }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found = {
        "answer": outcome.answer.value,
        "code": outcome.code,
        "row": None if outcome.row is None else dict(outcome.row),
        "parts": [_outcome(part) for part in outcome.parts],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _views(views: Mapping[str, View | None]) -> dict[str, Any]:
    return {node: None if view is None else _view(view) for node, view in views.items()}


def _view(view: View) -> dict[str, Any]:
    return {
        "cases": [{"id": n, "title": c.title, "counter": c.counter} for n, c in view.cases],
        "events": [{"id": n, "case_id": e.case, "body": e.body} for n, e in view.events],
    }


def _divergence(divergence: Divergence) -> dict[str, Any]:
    row = divergence.row
    return {
        "name": divergence.kind.value,
        "node": divergence.node,
        "row": None if row is None else {"table": row.table, "id": row.name},
        "expected": divergence.expected,
        "shown": divergence.shown,
    }


# --- reading -----------------------------------------------------------------------------------


@frozen
class RecordedRun:
    """A run that diverged, as it was recorded; `facts` are those of the record's first line."""

    number: int
    net: Net
    steps: tuple[Step, ...]
    divergences: tuple[Divergence, ...] = ()
    facts: Mapping[str, Any] = {}


def read_failing_runs(path: Path) -> tuple[RecordedRun, ...]:
    """The runs of a record that diverged, by their numbers.

    A last line that was torn off is left out. Raises `UsageError` if the file can't be read, and
    `FormatError` with the line if it is malformed.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The record {path} can't be read: {error.strerror}.") from error
    lines = text.split(b"\n")[:-1]
    facts = _header(lines, str(path))
    failed = _runs(lines[1:], facts, str(path))
    return tuple(sorted(failed, key=lambda run: run.number))


def is_record(path: Path) -> bool:
    """Whether the file says of itself that it is a record."""
    try:
        with path.open("rb") as file:
            return FORMAT.encode() in file.readline(1_000)
    except OSError:
        return False


def _header(lines: Sequence[bytes], where: str) -> Mapping[str, Any]:
    header = _parse(lines[0], f"{where}, line 1") if lines else {}
    if header.get("format") != FORMAT or header.get("version") != VERSION:
        raise FormatError(
            f"{where}: no record of this version: its first line must have format {FORMAT!r} and "
            f"version {VERSION}."
        )
    return header


def _runs(lines: Sequence[bytes], facts: Mapping[str, Any], where: str) -> Iterator[RecordedRun]:
    runs: dict[int, RecordedRun] = {}
    for number, text in enumerate(lines, 2):
        place = f"{where}, line {number}"
        line = _parse(text, place)
        try:
            one = line.get("run", 0)
            match line.get("entry"), runs.get(one):
                case "began", _:
                    runs[one] = RecordedRun(int(line["run"]), _net(line["nodes"]), (), facts=facts)
                case "step", RecordedRun() as run:
                    step = form.load(line["step"], place)
                    runs[one] = evolve(run, steps=(*run.steps, step))
                case "end", RecordedRun() as run:
                    del runs[one]
                    if line["verdict"] == "diverged":
                        yield evolve(run, divergences=tuple(map(_read, line["divergences"])))
                case "rest", RecordedRun():
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


def _net(nodes: Mapping[str, int]) -> Net:
    net = fully_connected(len(nodes))
    running = net.running.update({str(name): int(number) for name, number in nodes.items()})
    if set(nodes) != set(net.nodes) or not set(running.values()) <= set(net.generations):
        raise ValueError(f"unknown nodes or generations {dict(nodes)}")
    return replace(net, running=running)


def _read(raw: Mapping[str, Any]) -> Divergence:
    row = raw["row"]
    return Divergence(
        Kind(raw["name"]),
        str(raw["node"]),
        None if row is None else Row(str(row["table"]), str(row["id"])),
        str(raw["expected"]),
        str(raw["shown"]),
    )
