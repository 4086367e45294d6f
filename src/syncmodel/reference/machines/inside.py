"""What of the computer's own files a machine in namespaces sees, and the programs that run in it.

Some folders below / are a machine's own: what the computer has there is not there inside.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

#: What a machine has of its own below /; links and folders beside these are the computer's.
OWN = frozenset({"dev", "etc", "gnu", "proc", "root", "run", "sys", "tmp", "var", "lost+found"})
#: Where programs are looked for; the last ones are there whatever our user has named.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"


def program(name: str) -> str | None:
    """Where machines find it, without links that lead through folders of their own; None if there
    is none that they see."""
    for folder in PATH.split(os.pathsep):
        found = shutil.which(name, path=folder)
        real = Path(found or "").resolve()
        if found and (not _is_hidden(real) or _is_below(real, list(of_python()))):
            return str(real)
    return None


def of_python() -> Iterator[Path]:
    """The folders of this interpreter that would not be seen, as they lie where a machine has its
    own: what is imported late must be there."""
    wanted = {Path(one).absolute() for one in (sys.prefix, sys.base_prefix, *sys.path) if one}
    there = {one for path in wanted for one in (path, path.resolve()) if one.is_dir()}
    shown: list[Path] = []
    for path in sorted(there):
        if _is_hidden(path) and not _is_below(path, shown):
            shown.append(path)
    yield from shown


def _is_hidden(path: Path) -> bool:
    return bool(OWN.intersection(path.parts[1:2]))


def _is_below(path: Path, folders: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
