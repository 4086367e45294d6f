"""`syncmodel replay`: perform saved runs again and show what was seen."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.options import BUG, MACHINE, RECORD, TARGET, invariants_of, known_bugs, target_of
from syncmodel.cli.parsing import add_options
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.corpus import Reproduction
    from syncmodel.engine.history import Ended, Observer, Verdict
    from syncmodel.engine.invariant import Invariant
    from syncmodel.engine.pool import Stage
    from syncmodel.engine.replay import Replayed

NAME = "replay"
HELP = "perform saved runs again, with the bug that a file names planted"
EXAMPLES = """\
  syncmodel replay found/*.json                 see again what a search found
  syncmodel replay --no-bug found/*.json        the same steps on nodes without the file's bug
  syncmodel replay --target simulated corpus/*.json

exit codes: 1 if a run diverged (also where the file says that it must), else 3 if one was invalid
or unknown, else 0
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files, and on what they are performed."""
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a saved run")
    add_options(parser, (TARGET, BUG, RECORD, MACHINE))
    parser.add_argument("--no-bug", action="store_true", help="leave the bug out that a file names")


def run(args: argparse.Namespace) -> int:
    """Replay every file; all of them are read before the first is performed."""
    from syncmodel.corpus import load
    from syncmodel.engine.history import nobody
    from syncmodel.engine.pool import Stage
    from syncmodel.report.jsonl import Recorder

    named, invariants = known_bugs(args.bug), invariants_of(args.machine)
    kind = target_of(args.target, args.machine)
    loaded = [(path, load(path)) for path in args.files]
    for path, reproduction in loaded:
        _check_invariant(path, reproduction, invariants)
    with ExitStack() as closing:
        stage = closing.enter_context(Stage(kind))
        observe: Observer = nobody
        if args.record:
            facts = {"target": kind.name, "files": [str(path) for path in args.files]}
            observe = closing.enter_context(Recorder(args.record, facts))
        verdicts = []
        for path, reproduction in loaded:
            bugs = named or _bug_of(reproduction, without=args.no_bug)
            replayed = _replayed(stage, reproduction, bugs, observe, invariants)
            verdicts.append(_tell(path, reproduction, bugs, *replayed))
    return _exit_code(verdicts)


def _check_invariant(
    path: Path, reproduction: Reproduction, invariants: tuple[Invariant, ...]
) -> None:
    """Raises `UsageError` for a file that expects an invariant which nobody checks."""
    from syncmodel.model.divergence import Kind

    kind, name = reproduction.expected.divergence or ("", "")
    if kind == Kind.INVARIANT.value and name not in {each.name for each in invariants}:
        machine = reproduction.found.get("machine", "module:Class")
        raise UsageError(
            f"{path} expects the invariant {name} of a machine: name it with --machine {machine}."
        )


def _bug_of(reproduction: Reproduction, *, without: bool) -> tuple[str, ...]:
    if without or reproduction.bug is None:
        return ()
    return known_bugs([reproduction.bug])


def _replayed(
    stage: Stage,
    reproduction: Reproduction,
    bugs: tuple[str, ...],
    observe: Observer,
    invariants: tuple[Invariant, ...],
) -> tuple[Replayed, list[Ended]]:
    """Perform one file; what came of it, and how each of its runs ended."""
    from syncmodel.engine.history import Ended, Entry, all_of
    from syncmodel.engine.replay import replay

    ended: list[Ended] = []

    def keep(entry: Entry) -> None:
        if isinstance(entry, Ended):
            ended.append(entry)

    target = stage.target(len(reproduction.nodes), bugs)
    expected = reproduction.expected_with(bugs)
    seen = all_of(keep, observe)
    once = replay(target, reproduction, seen, expected, invariants)
    return stage.driver.run(once), ended


def _tell(
    path: Path,
    reproduction: Reproduction,
    bugs: tuple[str, ...],
    replayed: Replayed,
    ended: list[Ended],
) -> Verdict:
    """Print one file with what was seen; how its last run ended."""
    from syncmodel.engine.history import Verdict
    from syncmodel.report.story import story
    from syncmodel.report.terminal import say

    verdict = replayed.results[-1].verdict
    about = f"{path}, with {' and '.join(bugs)} planted" if bugs else f"{path}"
    sight = ended[-1] if verdict is not Verdict.PASS else None
    judged = f"{replayed.judgement.value.capitalize()}: the file says that it must "
    judged += str(replayed.expected)
    times = f" in {len(ended)} runs" if len(ended) > 1 else ""
    if verdict is Verdict.PASS:
        judged += f"; it passed{times}"
    say(f"{about}\n\n{story(reproduction, sight)}\n\n{judged}.\n")
    return verdict


def _exit_code(verdicts: Iterable[Verdict]) -> int:
    names = {verdict.value for verdict in verdicts}
    if "diverged" in names:
        return 1
    return 3 if names & {"invalid", "unknown"} else 0
