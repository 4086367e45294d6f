"""`syncmodel export`: a recorded run as a history that other checkers read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncmodel.cli.edge import put
from syncmodel.cli.files import is_kept, kinds
from syncmodel.cli.options import MACHINE, REPLAYED_ON, asked_kind, given, number
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.report.export.jepsen import Op

NAME = "export"
HELP = "write a recorded run as a history for Elle, Jepsen's checkers, or programs"
EXAMPLES = """\
  syncmodel export run.jsonl --as jepsen-edn > history.edn     all that was asked, done and seen
  syncmodel export run.jsonl --as elle-edn > registers.edn     transactions, for elle.rw-register
  syncmodel export run.jsonl --as elle-json --run 17           the same as JSON, another run
  syncmodel export run.jsonl --as json --to history.json
  syncmodel replay --record run.jsonl found/FILE.json          how a saved run gets a record

What a checker can judge from each is said in docs/walking.md.
"""

FORMS = ("elle-edn", "elle-json", "jepsen-edn", "json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The record, the form, and where it goes."""
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="a record (--record of other verbs)"
    )
    parser.add_argument(
        "--as",
        dest="form",
        choices=FORMS,
        required=True,
        help="elle-edn, elle-json: transactions on registers; jepsen-edn, json: everything",
    )
    parser.add_argument(
        "--run",
        dest="number",
        metavar="N",
        type=number(1),
        help="which run of the record (default: the first that failed, else the first)",
    )
    parser.add_argument(
        "--to", metavar="FILE", type=given(Path), help="write it there (default: standard output)"
    )
    add_options(parser, (REPLAYED_ON, MACHINE))


def run(args: argparse.Namespace) -> int:
    """Read, turn, write; what was left out is said on stderr."""
    from syncmodel.report.export.calls import read_history
    from syncmodel.report.export.elle import Registers, elle
    from syncmodel.report.export.jepsen import jepsen
    from syncmodel.report.jsonl import is_record
    from syncmodel.report.terminal import remark

    asked = asked_kind(args.target, args.machine)
    if not is_record(args.file):
        raise UsageError(
            f"{args.file} is not a record; a saved run has no answers: perform it with `syncmodel "
            f"replay --record run.jsonl`, and export that."
        )
    _check_taken(args.to, args.file)
    history = read_history(args.file, kinds(args.file, asked, NAME), args.number)
    told = f"Run {history.number} of {args.file}"
    if args.form.startswith("elle"):
        registers = Registers.of(history)
        operations = elle(history, registers)
        told += f": {registers}"
    else:
        operations = jepsen(history)
    _write(args.to, _lines(operations, args.form))
    remark(f"{told}.")
    return 0


def _check_taken(path: Path | None, record: Path) -> None:
    """Raises `UsageError` where a history would take the place of what is read, or of a run."""
    if path is None or not path.exists():
        return
    if path.samefile(record):
        raise UsageError(f"{path} is to be exported: let the history be another file.")
    if is_kept(path):
        raise UsageError(
            f"{path} is a record or a saved run, whose place no history takes: name another file."
        )


def _lines(operations: Iterable[Op], form: str) -> Iterator[str]:
    """One operation a line: a series of maps in EDN, one list in JSON."""
    from syncmodel.report.export.edn import to_edn

    if form.endswith("edn"):
        yield from map(to_edn, operations)
        return
    line = "["
    for op in operations:
        if line != "[":
            line += ","
        yield line
        line = json.dumps(_plain(op))
    yield line
    yield "]"


def _plain(op: Op) -> dict[str, Any]:
    return {str(name): value for name, value in op.items()}


def _write(path: Path | None, lines: Iterable[str]) -> None:
    """Each line to the file, or to standard output, which the edge of the process looks after."""
    if path is None:
        for line in lines:
            put(f"{line}\n")
        return
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror or error}.") from error
