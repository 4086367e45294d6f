"""A machine by its name, `module:Class`: for the command line, and for the workers of a search."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.errors import UsageError, why
from syncmodel.safe_path import search_last

if TYPE_CHECKING:
    from syncmodel.machine.cluster import ClusterMachine

OURS = "syncmodel.machine.cluster:ClusterMachine"


def load(text: str, folder: Path | None = None) -> type[ClusterMachine]:
    """The class of that name; its module may lie in `folder`, where nothing hides it.

    `folder` stays on the path, last, for whatever the module imports later. Raises `UsageError` if
    there is no such class, or if it is no `ClusterMachine`.
    """
    from syncmodel.machine.cluster import ClusterMachine

    module, colon, name = text.partition(":")
    if not (module and colon and name):
        raise UsageError(f"{text!r} is not a machine: name it as module:Class.")
    if folder is not None:
        search_last(str(folder))
    try:
        found = getattr(importlib.import_module(module), name)
    except (UsageError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise UsageError(f"The machine {text} can't be loaded: {why(error)}.") from error
    if not (isinstance(found, type) and issubclass(found, ClusterMachine)):
        raise UsageError(f"{text} is not a subclass of ClusterMachine.")
    return found


def name_of(machine: type[ClusterMachine]) -> str:
    """The name by which `load` finds it."""
    return f"{machine.__module__}:{machine.__qualname__}"


def facts_of(machine: type[ClusterMachine]) -> dict[str, str]:
    """What a saved failure says about the machine that found it: nothing if it is ours."""
    name = name_of(machine)
    return {} if name == OURS else {"machine": name}
