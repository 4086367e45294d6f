"""`syncmodel replay`: perform saved runs again and show what was seen."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli import walk
from syncmodel.cli.files import Loaded, check_invariant, loaded_from
from syncmodel.cli.options import (
    BUG,
    INVENTORY,
    MACHINE,
    RECORD,
    REPLAYED_ON,
    REPORT,
    asked_kind,
    check_inventory,
    invariants_of,
    known_bugs,
)
from syncmodel.cli.parsing import add_options
from syncmodel.errors import InvalidRunError, UsageError, printable

if TYPE_CHECKING:
    from syncmodel.corpus import Reproduction
    from syncmodel.engine.history import Ended, Observer, Verdict
    from syncmodel.engine.invariant import Invariant
    from syncmodel.engine.pool import Pool
    from syncmodel.engine.replay import Judgement, Replayed
    from syncmodel.engine.walk import Walk
    from syncmodel.targets.registry import TargetKind

NAME = "replay"
HELP = "perform saved runs again, with the bug that a file names planted"
EXAMPLES = """\
  syncmodel replay found/*.json                 see again what a search found
  syncmodel replay --no-bug found/*.json        the same steps on nodes without the file's bug
  syncmodel replay --target simulated corpus/*.json
  syncmodel replay --inventory hosts.toml --no-bug corpus/*.json
  syncmodel replay --target mystore:Target found/*.json
  syncmodel replay --check corpus/*.json        one line for CI: does every file behave as it says?
  syncmodel replay --step FILE                  step by step: the tables, what each node must know
  syncmodel replay --step --target simulated FILE
                                                the same message by message (key m)
  syncmodel replay --until 3 FILE | less        the first three steps, listed
  syncmodel replay --until 3 --hold FILE        then the nodes stay up, to be looked at by hand

exit codes: 1 if a run diverged (also where the file says that it must), else 3 if one was invalid
or unknown, else 0 (also where --until stops before the end); with --check: 4 if a file does not
behave as it says, else 3 if nothing can be said of one, else 0
"""

#: The exit code of --check where a file does not behave as it says.
OTHERWISE_CODE = 4


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files, and on what they are performed."""
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a saved run")
    add_options(parser, (REPLAYED_ON, INVENTORY, BUG, RECORD, REPORT, MACHINE))
    parser.add_argument("--no-bug", action="store_true", help="leave the bug out that a file names")
    parser.add_argument(
        "--check",
        action="store_true",
        help="gate a build: exit with 0 only if every file behaves as it says, diverged or not",
    )
    walk.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replay every file; all of them are read before the first is performed."""
    from syncmodel.engine.following import Following
    from syncmodel.engine.history import all_of, nobody
    from syncmodel.engine.tally import Tally
    from syncmodel.report.jsonl import Recorder
    from syncmodel.report.page.index import Index, Listed
    from syncmodel.report.page.saved import put_run
    from syncmodel.report.terminal import Watch, say

    _check(args)
    wanted = walk.wanted(args)
    named, invariants = known_bugs(args.bug, args.target), invariants_of(args.machine)
    check_inventory(args.inventory, args.target, args.bug)
    asked = asked_kind(args.target, args.machine, args.inventory)
    loaded = [(path, loaded_from(path, asked, NAME)) for path in args.files]
    for path, (_, reproduction) in loaded:
        check_invariant(path, reproduction, invariants)
    with ExitStack() as closing:
        pools = _Pools(closing)
        observe: Observer = nobody
        if args.record:
            facts = {"target": _recorded(loaded), "files": [str(path) for path in args.files]}
            observe = closing.enter_context(Recorder(args.record, facts))
        tally, listed = Tally(), list[Listed]()
        if args.report:
            observe = all_of(tally, observe)
        seen: list[Replayed] = []
        for path, (kind, reproduction) in loaded:
            bugs = named or _bug_of(reproduction, without=args.no_bug)
            pool = pools.of(kind)
            if wanted.anything:
                watch = Watch(Tally())
                seeing = all_of(watch.performing(str(path), len(reproduction.steps)), observe)
                to_walk = _walk(pool, reproduction, bugs, seeing, invariants)
                walk.check(wanted, to_walk, path)
                say(f"{_heading(path, kind, reproduction, bugs)}\n\n{reproduction.title}\n")
                ended = walk.through(to_walk, pool.driver, wanted, watch, reproduction.title)
                return _exit_code(() if ended is None else (ended,))
            with Watch(Tally()) as watch:
                seeing = all_of(watch.performing(str(path), len(reproduction.steps)), observe)
                target = pool.target(len(reproduction.nodes), bugs)
                if follows := Following(target) if args.report else None:
                    seeing = all_of(seeing, follows)
                replayed = _replayed(pool, reproduction, bugs, seeing, invariants)
            say(_told(_heading(path, kind, reproduction, bugs), reproduction, *replayed))
            seen.append(replayed[0])
            if follows is not None:
                put = partial(put_run, kind=kind, follows=follows, driver=pool.driver)
                listed.append(put(path, reproduction, replayed[0], args.report))
        if args.report:
            say("\n".join(Index("Saved runs", listed, tally).put(args.report)))
    if not args.check:
        return _exit_code(one.results[-1].verdict for one in seen)
    judgements = [one.judgement for one in seen]
    say(_sum(judgements))
    return _check_code(judgements)


def _walk(
    pool: Pool,
    reproduction: Reproduction,
    bugs: tuple[str, ...],
    observe: Observer,
    invariants: tuple[Invariant, ...],
) -> Walk:
    """The run as it is to be walked through."""
    from syncmodel.engine.walk import Walk

    target = pool.target(len(reproduction.nodes), bugs)
    expected = reproduction.expected_with(bugs)
    return Walk(target, reproduction, invariants, expected=expected, observe=observe)


def _check(args: argparse.Namespace) -> None:
    """Raises `UsageError` where what is written would replace what is read."""
    from syncmodel.report.page.searched import check_report

    if args.record and any(_same(path, args.record) for path in args.files):
        raise UsageError(f"{args.record} is to be replayed: let the record be another file.")
    for path in args.files:
        check_report(args.report, path.parent)


def _same(one: Path, other: Path) -> bool:
    """Whether both are one file, by whatever name."""
    return one.exists() and other.exists() and one.samefile(other)


class _Pools:
    """One pool for each kind of target, made when it is first needed."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._pools: dict[str, Pool] = {}

    def of(self, kind: TargetKind) -> Pool:
        """The pool of that kind."""
        from syncmodel.engine.pool import Pool

        if kind.name not in self._pools:
            self._pools[kind.name] = self._closing.enter_context(Pool(kind))
        return self._pools[kind.name]


def _recorded(loaded: Iterable[tuple[Path, Loaded]]) -> str:
    """The one target that a record is about. Raises `UsageError` if there are several."""
    names = dict.fromkeys(kind.name for _, (kind, _) in loaded)
    if len(names) > 1:
        raise UsageError(
            f"A record is about one target, and these files name {' and '.join(names)}: choose one "
            f"with --target, or record them one by one."
        )
    return next(iter(names))


def _bug_of(reproduction: Reproduction, *, without: bool) -> tuple[str, ...]:
    if without or reproduction.bug is None:
        return ()
    return known_bugs([reproduction.bug], reproduction.target)


def _replayed(
    pool: Pool,
    reproduction: Reproduction,
    bugs: tuple[str, ...],
    observe: Observer,
    invariants: tuple[Invariant, ...],
) -> tuple[Replayed, list[Ended]]:
    """Perform one file; what was seen, and how each of its runs ended."""
    from syncmodel.engine.history import Ended, Entry, all_of
    from syncmodel.engine.replay import replay

    ended: list[Ended] = []

    def keep(entry: Entry) -> None:
        if isinstance(entry, Ended):
            ended.append(entry)

    target = pool.target(len(reproduction.nodes), bugs)
    expected = reproduction.expected_with(bugs)
    seen = all_of(keep, observe)
    once = replay(target, reproduction, seen, expected, invariants)
    return pool.driver.run(once), ended


def _heading(
    path: Path, kind: TargetKind, reproduction: Reproduction, bugs: tuple[str, ...]
) -> str:
    """Which file this is, and on what it is performed."""
    about = f"{path}, with {' and '.join(bugs)} planted" if bugs else f"{path}"
    if kind.name != reproduction.target:
        about += f"\nA run of {printable(reproduction.target)}, performed on {kind.name}."
    return about


def _told(about: str, reproduction: Reproduction, replayed: Replayed, ended: list[Ended]) -> str:
    """One file with what was seen."""
    from syncmodel.engine.history import Verdict
    from syncmodel.report.story import story

    verdict = replayed.results[-1].verdict
    sight = ended[-1] if verdict is not Verdict.PASS else None
    judged = f"{replayed.judgement.value.capitalize()}: the file says that it must "
    judged += str(replayed.expected)
    times = f" in {len(ended)} runs" if len(ended) > 1 else ""
    if verdict is Verdict.PASS:
        judged += f"; it passed{times}"
    return f"{about}\n\n{story(reproduction, sight)}\n\n{judged}.\n"


def _exit_code(verdicts: Iterable[Verdict]) -> int:
    names = {verdict.value for verdict in verdicts}
    if "diverged" in names:
        return 1
    return 3 if names & {"invalid", "unknown"} else 0


def _sum(judgements: Sequence[Judgement]) -> str:
    """What --check says in the end."""
    from syncmodel.report.story import plural

    counts = Counter(judgement.value for judgement in judgements)
    as_expected, files = counts["as expected"], plural(len(judgements), "file")
    if as_expected == len(judgements):
        which = "it is" if as_expected == 1 else "all"
        return f"Checked {files}: {which} as expected."
    return (
        f"Checked {files}: {as_expected} as expected, {counts['otherwise']} otherwise, and nothing "
        f"can be said of {counts['unknown']}."
    )


def _check_code(judgements: Sequence[Judgement]) -> int:
    found = {judgement.value for judgement in judgements}
    if "otherwise" in found:
        return OTHERWISE_CODE
    return InvalidRunError.exit_code if "unknown" in found else 0
