"""`syncmodel init`: a suite, an adapter and a corpus folder to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from syncmodel.errors import UsageError

NAME = "init"
HELP = "write a suite and an adapter to start from, which run on a toy"
EXAMPLES = """\
  syncmodel init mysuite                  a store in memory
  syncmodel init mysuite --processes      servers, each a process of its own

  cd mysuite; syncmodel selftest notes_adapter:Notes; pytest
"""

TEMPLATES = "templates"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and for what kind of system."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that is new or empty")
    parser.add_argument(
        "--processes",
        action="store_true",
        help="for servers that are processes (default: for a library, in this process)",
    )


def run(args: argparse.Namespace) -> int:
    """Write every file; nothing that is there is touched."""
    from importlib.resources import as_file, files
    from shutil import copytree, ignore_patterns

    from syncmodel.report.terminal import say

    folder: Path = args.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there and not empty: name a new folder.")
    template = "processes" if args.processes else "in_process"
    try:
        with as_file(files("syncmodel.adapter") / TEMPLATES / template) as source:
            copytree(source, folder, dirs_exist_ok=True, ignore=ignore_patterns("__pycache__"))
    except OSError as error:
        why = error.strerror or _first(error)
        raise UsageError(f"{folder} can't be written: {why}.") from error
    say(f"Written to {folder}:")
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            say(f"  {file.relative_to(folder)}")
    say(f"Now: cd {folder} && syncmodel selftest notes_adapter:Notes && pytest")
    return 0


def _first(error: OSError) -> str:
    """What the copying of a folder says of the first of its files that could not be copied."""
    files = error.args[0] if error.args else ()
    said = files[0][-1] if isinstance(files, list) and files else error
    return str(said).rstrip(".")
