"""`syncmodel judge`: recorded runs compared with the model again, without any node."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.files import kinds
from syncmodel.cli.options import REPLAYED_ON, asked_kind
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.corpus import Systems
    from syncmodel.report.judged import Judged
    from syncmodel.targets.registry import TargetKind

NAME = "judge"
HELP = "compare recorded runs with the model again, from what was kept alone"
EXAMPLES = """\
  syncmodel judge artefacts/2026-05-01t133844554z-restored-node     what a scenario left
  syncmodel judge found/NAME.artefacts                              what a failure left
  syncmodel judge run.jsonl                                         every run of a record
  syncmodel judge run.jsonl --target mine:Store                     of a target of yours

No node is asked, and none is needed: the answers and sights in the record go through the model's
comparison once more. What a node never answered, or an invariant of a machine, is not derived:
it is told as the record has it, and said to be.

exit codes: 0 if every run passes, 1 if one diverges, 3 if nothing can be said of one, 4 if one
is not as the record says
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The folders or records."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="a folder of artefacts, or a record (--record of other verbs)",
    )
    add_options(parser, (REPLAYED_ON,))


def run(args: argparse.Namespace) -> int:
    """Judge each run of each record."""
    from syncmodel.report.judged import judged
    from syncmodel.report.terminal import say

    asked = asked_kind(args.target, None)
    codes = {0}
    for path in args.paths:
        file = _record(path)
        for one in judged(file, _systems(file, asked)):
            say(_told(file, one))
            codes.add(_code(one))
    return max(codes, key=(0, 3, 1, 4).index)


def _record(path: Path) -> Path:
    """The record that is meant. Raises `UsageError` where there is none."""
    from syncmodel.report.beside import RECORD
    from syncmodel.report.jsonl import is_record

    file = path / RECORD if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"There is no record {file}: name a record, or a folder that has one.")
    if not is_record(file):
        raise UsageError(f"{file} is not a record: `syncmodel replay FILE` performs a saved run.")
    return file


def _systems(file: Path, asked: TargetKind | None) -> Systems:
    """What a record is about: hosts of an inventory have the tables of live nodes."""
    from syncmodel.targets import registry

    kind_of = kinds(file, asked, NAME)

    def system(name: str) -> TargetKind | None:
        of_hosts = name == "inventory" and asked is None
        return registry.get("embedded") if of_hosts else kind_of(name)

    return system


def _told(file: Path, one: Judged) -> str:
    """One run in a few lines."""
    from syncmodel.engine.history import Verdict
    from syncmodel.errors import printable

    found = [f"  {printable(str(each))}" for each in one.found]
    said = "diverged" if one.found else one.verdict.value
    if one.verdict is Verdict.DIVERGED and not one.found:
        said = Verdict.PASS.value
    how = "as recorded" if one.as_recorded else "not as recorded"
    if one.found and not one.derived:
        how = "as recorded, and not derived"
    if not one.as_recorded:
        found += [f"  recorded: {printable(str(each))}" for each in one.recorded]
    if one.reason:
        found.append(f"  {printable(one.reason)}")
    at = f" after step {one.index}" if one.found else ""
    return "\n".join([f"{file}, run {one.number}: {said}{at}, {how}", *found])


def _code(one: Judged) -> int:
    from syncmodel.engine.history import Verdict

    if not one.as_recorded:
        return 4
    if one.found:
        return 1
    return 0 if one.verdict is Verdict.PASS else 3
