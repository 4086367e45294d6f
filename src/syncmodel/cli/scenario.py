"""`syncmodel scenario`: perform a scenario by its name, phase by phase, and keep what shows it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.files import loaded_from
from syncmodel.cli.options import (
    BUG,
    INVENTORY,
    REPLAYED_ON,
    asked_kind,
    check_inventory,
    known_bugs,
)
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError, printable

if TYPE_CHECKING:
    from syncmodel.corpus import Reproduction
    from syncmodel.engine.history import Ended, Entry

NAME = "scenario"
HELP = "perform a scenario by its name, phase by phase, and keep what its nodes say of it"
EXAMPLES = """\
  syncmodel scenario                                        list them
  syncmodel scenario single-node-plugin-rollout-rollback    on live nodes
  syncmodel scenario rollback-across-versions --target simulated
  syncmodel scenario ./mine.json                            a file of your own
  syncmodel scenario cluster-plugin-rollout-sync-split-brain --inventory hosts.toml

A step for which a target lacks the ability is left out, and said to be.

exit codes: 0 if every phase passed, 1 if one diverged, 3 if nothing can be said
"""

FOLDER, KEPT = Path("corpus/scenarios"), Path("artefacts")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The scenario, and where what it leaves is kept."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="its name, or a file")
    add_options(parser, (REPLAYED_ON, INVENTORY, BUG))
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help=f"where scenarios are (default: {FOLDER})"
    )
    parser.add_argument(
        "--artefacts",
        type=Path,
        default=KEPT,
        metavar="DIR",
        help=f"where each run leaves a folder of what its nodes say (default: {KEPT})",
    )


def run(args: argparse.Namespace) -> int:
    """Perform one scenario, or list them."""
    from syncmodel.report.terminal import say

    file = found(args)
    if file is None:
        say(_listed(args.folder))
        return 0
    return _performed(args, file)


def found(args: argparse.Namespace) -> Path | None:
    """The file of the scenario that is asked for, if one is. Raises `UsageError`, which lists the
    known ones."""
    name: str | None = args.name
    folder: Path = args.folder
    if name is None:
        return None
    if name.endswith(".json"):
        return Path(name)
    names = _names(folder)
    if name not in names:
        known = ", ".join(names) or "none; say where they are with --folder"
        raise UsageError(f"There is no scenario {printable(name)} in {folder}, only: {known}.")
    return folder / f"{name}.json"


def _names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.json"))


def _listed(folder: Path) -> str:
    names = _names(folder)
    if not names:
        raise UsageError(f"There are no scenarios in {folder}: say where with --folder.")
    return "\n".join(f"{name}\n  {_title(folder / f'{name}.json')}" for name in names)


def _title(file: Path) -> str:
    _, reproduction = loaded_from(file, None, NAME)
    return printable(reproduction.title)


def _performed(args: argparse.Namespace, file: Path) -> int:
    from syncmodel.engine.abridged import abridged
    from syncmodel.engine.history import Ended, Verdict, all_of
    from syncmodel.engine.pool import Pool
    from syncmodel.engine.replay import replay
    from syncmodel.report.beside import RECORD, leave_story
    from syncmodel.report.jsonl import Recorder
    from syncmodel.report.terminal import say
    from syncmodel.targets.base import Diagnosed

    check_inventory(args.inventory, args.target, args.bug)
    asked = asked_kind(args.target, None, args.inventory)
    kind, whole = loaded_from(file, asked, NAME)
    scenario, left_out = abridged(whole, kind)
    if not scenario.steps:
        raise UsageError(f"{kind.name} can take no step of {file}.")
    bugs = known_bugs(args.bug, args.target)
    folder = args.artefacts / run_id(file.stem)
    folder.mkdir(parents=True)
    say(f"{folder.name} on {kind.name}: {printable(scenario.title)}")
    for step in left_out:
        say(f"  left out, as {kind.name} lacks the ability: {printable(str(step))}")
    ended: list[Ended] = []

    def end(entry: Entry) -> None:
        if isinstance(entry, Ended):
            ended.append(entry)

    facts = {"target": kind.name, "files": [str(file)], "bugs": list(bugs)}
    with Recorder(folder / RECORD, facts) as record, Pool(kind) as pool:
        target = pool.target(len(scenario.nodes), bugs)
        seen = all_of(end, _told(scenario), record)
        pool.driver.run(replay(target, scenario, seen, scenario.expected_with(bugs)))
        says = isinstance(target, Diagnosed)
        if isinstance(target, Diagnosed):
            pool.driver.run(target.artefacts(folder))
    last = ended[-1]
    if last.verdict is not Verdict.PASS:
        say(f"\n{leave_story(folder, scenario, last)}\n")
    kept = "the record, and what each node says" if says else "the record"
    but = f" (without {len(left_out)} of {len(whole.steps)} steps)" if left_out else ""
    say(f"{last.verdict.value}{but}: {folder} has {kept}.")
    return {Verdict.PASS: 0, Verdict.DIVERGED: 1}.get(last.verdict, 3)


def run_id(name: str) -> str:
    """The moment in UTC, to the millisecond, and the name: `2026-05-01t133844554z-NAME`."""
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%dt%H%M%S}{now.microsecond // 1000:03}z-{name}"


def _told(scenario: Reproduction) -> _Phases:
    return _Phases(list(_ends(scenario)))


def _ends(scenario: Reproduction) -> Iterator[tuple[int, str]]:
    """With which step each phase is over."""
    step = 0
    for phase in scenario.phases:
        step += phase.steps
        yield step, phase.name


class _Phases:
    """Says of each phase that it is over, once its last step was compared; an observer."""

    def __init__(self, left: list[tuple[int, str]]) -> None:
        self._left, self._seconds = left, 0.0

    def __call__(self, entry: Entry) -> None:
        from syncmodel.engine.history import Ended, Performed, Rested, Verdict
        from syncmodel.report.terminal import say

        if isinstance(entry, Performed | Rested):
            self._seconds += entry.seconds
        if isinstance(entry, Rested):
            while self._left and self._left[0][0] <= entry.index:
                say(f"  passed  {self._seconds:6.2f} s  {printable(self._left.pop(0)[1])}")
                self._seconds = 0.0
        if isinstance(entry, Ended) and entry.verdict is not Verdict.PASS and self._left:
            say(f"  {entry.verdict.value:7} {self._seconds:6.2f} s  {printable(self._left[0][1])}")
