"""The command that performs a saved run again: it works as it is printed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.engine.script import leaves
from syncmodel.model.divergence import Kind
from syncmodel.steps import vocabulary

if TYPE_CHECKING:
    from syncmodel.corpus import Reproduction


def again(reproduction: Reproduction, file: Path) -> str:
    """The command that performs a saved run again, as a shell takes it.

    It names what the file alone must not import: a target and a machine of the user's own.
    """
    from syncmodel.targets import registry

    options, own = list[str](), list[str]()
    if registry.registered(reproduction.target) is None:
        options += ["--target", reproduction.target]
        own.append(reproduction.target)
    machine = reproduction.found.get("machine")
    if isinstance(machine, str) and _needs_machine(reproduction):
        options += ["--machine", machine]
        own.append(machine)
    folders = list(dict.fromkeys(filter(None, map(_folder, own))))
    prefix = f"PYTHONPATH={shlex.quote(os.pathsep.join(folders))} " if folders else ""
    return prefix + shlex.join(["syncmodel", "replay", *options, as_argument(file)])


def _needs_machine(reproduction: Reproduction) -> bool:
    """Whether the run has steps, or expects an invariant, that only a machine brings."""
    divergence = reproduction.expected.divergence
    ours = set(vocabulary().values())
    own = any(type(step) not in ours for _, step in leaves(reproduction.steps))
    return own or (divergence is not None and divergence[0] == Kind.INVARIANT.value)


def as_argument(file: Path) -> str:
    """The path as a command takes it, never for an option."""
    return f"./{file}" if str(file).startswith("-") else str(file)


def _folder(name: str) -> str | None:
    """Where the module of that class lies, if neither here nor among what is installed."""
    module = sys.modules.get(name.partition(":")[0])
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return None
    parts = module.__name__.count(".") + (Path(file).name == "__init__.py")
    folder, here = Path(file).resolve().parents[parts], Path.cwd().resolve()
    if folder == here or "site-packages" in folder.parts:
        return None
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
