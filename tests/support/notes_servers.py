"""The adapter that `syncmodel init --processes` writes, and who of its servers runs."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from syncmodel.adapter import Processes

TEMPLATE = Path(sys.modules[Processes.__module__].__file__ or "").parent / "templates/processes"


def _notes() -> type[Processes]:
    """The adapter that `syncmodel init --processes` writes."""
    spec = importlib.util.spec_from_file_location("notes_of_servers", TEMPLATE / "notes_adapter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[Processes] = module.Notes
    return found


NOTES = _notes()


def running(mark: str) -> set[int]:
    """The processes that have this in their command line."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in command and int(folder.name) != os.getpid():
            found.add(int(folder.name))
    return found
