"""`syncmodel report`: pages of saved runs, and an index of a folder of them."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.files import check_invariant, loaded_from
from syncmodel.cli.options import MACHINE, REPLAYED_ON, asked_kind, given, invariants_of
from syncmodel.cli.parsing import add_options
from syncmodel.errors import InvalidRunError, SyncModelError, UsageError

if TYPE_CHECKING:
    from syncmodel.report.page.index import Listed

NAME = "report"
HELP = "show saved runs as pages for a browser, and a folder of them as an index"
EXAMPLES = """\
  syncmodel report found/a-file.json         its page, beside it
  syncmodel report found/*.json -o pages     their pages, in a folder
  syncmodel report found                     a page for each, and found/report/index.html
  syncmodel report found --target embedded   as seen on live nodes, which takes longer

Each run is performed for its page, on the simulator where the file's target has one that can take
its steps, unless --target says otherwise. The page that a search wrote beside a file shows what was
seen then, and stays: name another folder with -o.
"""

#: Where the pages of a folder go.
FOLDER = "report"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files or folders, and where the pages go."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="a saved run, or a folder of them"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=given(Path),
        default=None,
        help="where the pages go (default: beside the file, or FOLDER/report)",
    )
    add_options(parser, (REPLAYED_ON, MACHINE))


def run(args: argparse.Namespace) -> int:
    """Perform each file, and write its page. Exit code 0, whatever it shows; 3 without one."""
    from syncmodel.engine.tally import Tally
    from syncmodel.report.page.index import Index
    from syncmodel.report.page.saved import Performer, quickest, unreadable
    from syncmodel.report.page.searched import check_report
    from syncmodel.report.page.writing import is_written
    from syncmodel.report.terminal import say

    asked, invariants = asked_kind(args.target, args.machine), invariants_of(args.machine)
    for path in filter(Path.is_dir, args.paths):
        check_report(args.output, path)
    with ExitStack() as closing:
        performer, whole = Performer(closing, invariants), True

        def page(path: Path, folder: Path) -> Listed:
            kind, reproduction = loaded_from(path, asked, NAME)
            check_invariant(path, reproduction, invariants)
            chosen = kind if asked else quickest(kind, reproduction)
            return performer.page(path, chosen, reproduction, folder)

        for path in args.paths:
            if not path.is_dir():
                listed = page(path, args.output or path.parent)
                say(f"{listed.headline}\n{listed.judged}")
                whole &= listed.page is not None
                continue
            performer.tally, at = Tally(), args.output or path / FOLDER
            all_of_it: list[Listed] = []
            for file in _files(path):
                try:
                    all_of_it.append(page(file, at))
                except SyncModelError as error:
                    all_of_it.append(unreadable(file, error))
            title = f"Saved runs in {path}"
            told = Index(title, all_of_it, performer.tally).put(at)
            say("\n".join(told))
            # What no run can be read from has no page, and is in the index.
            pages = [one.page for one in all_of_it if one.reproduction is not None]
            whole &= None not in pages and all(map(is_written, told))
    return 0 if whole else InvalidRunError.exit_code


def _files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))
    if not files:
        raise UsageError(f"There is no saved run in {folder}: name a folder that has some.")
    return files
