"""`syncmodel import`: a list of steps from another tool becomes a saved run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from syncmodel.cli.options import (
    BUG,
    CORPUS,
    MACHINE,
    NODES_LIMIT,
    TARGET,
    asked_kind,
    given,
    invariants_of,
    known_bugs,
    number,
)
from syncmodel.cli.parsing import add_options
from syncmodel.errors import FormatError, UsageError

NAME = "import"
HELP = "make a saved run of a list of steps in our JSON, from another tool"
EXAMPLES = """\
  syncmodel import steps.json --nodes 2               saved in found/, expected to pass
  syncmodel replay --step found/a-run-from-steps-json-*.json
  some-tool | syncmodel import - --title "what my model found" --corpus corpus

steps.json is a list of steps, for example:
  [{"op": "create", "node": "n1", "table": "cases", "row": "c1", "values": {"title": "t1"}},
   {"op": "partition", "groups": [["n1"], ["n2"]]}]

The steps and their fields are those of a saved run: docs/semantics.md. Each is checked as a file
is: it must be possible where it stands.
"""

#: The name of a file that stands for standard input.
STDIN = "-"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The list, and what the run is."""
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="a JSON list of steps (-: standard input)"
    )
    parser.add_argument(
        "--nodes",
        metavar="N",
        type=number(1, NODES_LIMIT[1]),
        help="how many nodes the run has (default: as many as the steps name)",
    )
    parser.add_argument(
        "--title", metavar="WORDS", type=given(), help="what the run shows, in plain words"
    )
    add_options(parser, (TARGET, BUG, CORPUS, MACHINE))


def run(args: argparse.Namespace) -> int:
    """Read, check, save, and say how to perform it."""
    from syncmodel.corpus import check_folder, save
    from syncmodel.corpus.reading import read
    from syncmodel.report.again import again
    from syncmodel.report.terminal import say
    from syncmodel.targets import registry

    check_folder(args.corpus)
    invariants_of(args.machine)  # so that a machine's own steps are known
    kind = asked_kind(args.target, args.machine) or registry.get("embedded")
    where = "standard input" if str(args.file) == STDIN else str(args.file)
    steps = _steps(args.file, where)
    bugs = known_bugs(args.bug, args.target)
    if len(bugs) > 1:
        raise UsageError("A saved run names one bug at most.")
    made = {
        "version": _version(),
        "title": args.title or f"a run from {where}",
        "target": kind.name,
        "nodes": args.nodes or _nodes(steps, where),
        "steps": steps,
        "expected": {"verdict": "pass"},
        **({"bug": bugs[0]} if bugs else {}),
        **({"found": {"machine": args.machine}} if args.machine else {}),
    }
    reproduction = read(json.dumps(made).encode(), where, kind)
    file = save(args.corpus, reproduction)
    say(f"Saved as {file}\nPerform it: {again(reproduction, file)}")
    return 0


def _steps(path: Path, where: str) -> list[Any]:
    """The list, alone or as the field `steps` of an object. Raises `FormatError`, `UsageError`."""
    from syncmodel.corpus.fields import parse

    raw = parse(_content(path, where), where)
    steps = raw.get("steps") if isinstance(raw, dict) else raw
    if not isinstance(steps, list):
        raise FormatError(f"{where}: expected a list of steps, or an object with `steps`.")
    return steps


def _content(path: Path, where: str) -> bytes:
    """All of the file, or of standard input. Raises `UsageError`."""
    import sys

    from syncmodel.corpus import budgets

    if str(path) != STDIN:
        return budgets.content(path, budgets.FILE_BYTES)
    try:
        found = sys.stdin.buffer.read(budgets.FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{where} can't be read: {error.strerror}.") from error
    if len(found) > budgets.FILE_BYTES:
        raise UsageError(f"{where} is too long: it has more than {budgets.FILE_BYTES:,} bytes.")
    return found


def _nodes(steps: list[Any], where: str) -> int:
    """As many nodes as the steps need: n1 to the last that they name, and one at least."""
    from syncmodel.corpus import budgets
    from syncmodel.engine.script import leaves
    from syncmodel.steps import form

    budgets.check_count(steps, where)
    named = {name for _, step in leaves(form.load_all(steps, where)) for name in step.nodes()}
    numbers = [int(name[1:]) for name in named if name[:1] == "n" and name[1:].isdecimal()]
    return min(max(numbers, default=1), NODES_LIMIT[1])


def _version() -> int:
    from syncmodel.corpus.format import VERSION

    return VERSION
