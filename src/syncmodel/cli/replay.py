"""`syncmodel replay`: perform saved runs again and show what was seen."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.options import BUG, RECORD, TARGET, known_bugs
from syncmodel.cli.parsing import add_options

if TYPE_CHECKING:
    from syncmodel.corpus import Reproduction
    from syncmodel.engine.history import Observer, Verdict
    from syncmodel.engine.pool import Stage

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
    add_options(parser, (TARGET, BUG, RECORD))
    parser.add_argument("--no-bug", action="store_true", help="leave the bug out that a file names")


def run(args: argparse.Namespace) -> int:
    """Replay every file; all of them are read before the first is performed."""
    from syncmodel.corpus import load
    from syncmodel.engine.history import nobody
    from syncmodel.engine.pool import Stage
    from syncmodel.report.jsonl import Recorder

    named = known_bugs(args.bug)
    loaded = [(path, load(path)) for path in args.files]
    with ExitStack() as closing:
        stage = closing.enter_context(Stage(args.target))
        observe: Observer = nobody
        if args.record:
            facts = {"target": args.target, "files": [str(path) for path in args.files]}
            observe = closing.enter_context(Recorder(args.record, facts))
        verdicts = []
        for path, reproduction in loaded:
            bugs = named or _bug_of(reproduction, without=args.no_bug)
            verdicts.append(_replay(stage, path, reproduction, bugs, observe))
    return _exit_code(verdicts)


def _bug_of(reproduction: Reproduction, *, without: bool) -> tuple[str, ...]:
    if without or reproduction.bug is None:
        return ()
    return known_bugs([reproduction.bug])


def _replay(
    stage: Stage,
    path: Path,
    reproduction: Reproduction,
    bugs: tuple[str, ...],
    observe: Observer,
) -> Verdict:
    """Perform one file and print it with what was seen; how its last run ended."""
    from syncmodel.engine.history import Ended, Entry, Verdict, all_of
    from syncmodel.engine.replay import replay
    from syncmodel.report.story import story
    from syncmodel.report.terminal import say

    ended: list[Ended] = []

    def keep(entry: Entry) -> None:
        if isinstance(entry, Ended):
            ended.append(entry)

    target = stage.target(len(reproduction.nodes), bugs)
    expected = reproduction.expected_with(bugs)
    replayed = stage.driver.run(replay(target, reproduction, all_of(keep, observe), expected))
    verdict = replayed.results[-1].verdict
    about = f"{path}, with {' and '.join(bugs)} planted" if bugs else f"{path}"
    sight = ended[-1] if verdict is not Verdict.PASS else None
    judged = f"{replayed.judgement.value.capitalize()}: the file says that it must {expected}"
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
