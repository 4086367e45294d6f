"""Saved runs as the verbs read them: with the kind of target that each is performed on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.corpus import Reproduction
    from syncmodel.engine.invariant import Invariant
    from syncmodel.targets.registry import TargetKind

Loaded = tuple["TargetKind", "Reproduction"]


#: A class of a module, as an option names it.
CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def kinds(path: Path, asked: TargetKind | None, verb: str) -> Callable[[str], TargetKind | None]:
    """By the name of a target in that file: the kind that its runs are performed on.

    That is the one `asked` for, else the file's own, if it is registered: a name in a file imports
    nothing. Raises `UsageError` where the one asked for stores other tables, and with the command
    that works where the file names a class that nobody asked for.
    """
    from syncmodel.report.again import as_argument
    from syncmodel.targets import registry

    def kind_of(name: str) -> TargetKind | None:
        own = registry.registered(name)
        if own and asked and own.schema != asked.schema:
            raise UsageError(
                f"{path} is a run of {own.name}, whose tables or generations are others than those "
                f"of {asked.name}: it can't be performed there."
            )
        if asked is None and own is None and name == "inventory":
            command = shlex.join(["syncmodel", verb, "--inventory", "FILE", as_argument(path)])
            raise UsageError(f"{path} is a run on hosts of an inventory: name it with {command}")
        if asked is None and own is None and CLASS.fullmatch(name):
            options = ["--target", name, *_machine_of(path)]
            command = shlex.join(["syncmodel", verb, *options, as_argument(path)])
            raise UsageError(
                f"{path} is a run of {name}, which is not registered, and nothing is imported "
                f"because a file names it. If you trust that code: {command}"
            )
        return asked or own

    return kind_of


def _machine_of(path: Path) -> list[str]:
    """The option for the machine that found a saved run, as far as the file says."""
    from syncmodel.corpus.budgets import FILE_BYTES, content
    from syncmodel.corpus.fields import parse

    found = None
    with suppress(UsageError, AttributeError):
        found = parse(content(path, FILE_BYTES), str(path)).get("found", {}).get("machine")
    named = isinstance(found, str) and CLASS.fullmatch(found)
    return ["--machine", str(found)] if named else []


def is_kept(path: Path) -> bool:
    """Whether a file is one of ours that is kept: a record, or a saved run. Raises `UsageError`."""
    from syncmodel.corpus.budgets import FILE_BYTES, content
    from syncmodel.corpus.fields import parse
    from syncmodel.report.jsonl import is_record

    if not path.is_file():
        return False
    if is_record(path):
        return True
    with suppress(UsageError):
        found = parse(content(path, FILE_BYTES), str(path))
        return isinstance(found, dict) and {"version", "nodes", "steps"} <= found.keys()
    return False


def loaded_from(path: Path, asked: TargetKind | None, verb: str) -> Loaded:
    """A file's run, and the kind that it is performed on. Raises as `kinds` and `corpus.load`."""
    from syncmodel.corpus import load

    kind_of = kinds(path, asked, verb)
    reproduction = load(path, kind_of)
    kind = kind_of(reproduction.target)
    assert kind is not None, "else there is no reproduction"
    return kind, reproduction


def check_invariant(
    path: Path, reproduction: Reproduction, invariants: tuple[Invariant, ...]
) -> None:
    """Raises `UsageError` for a file that expects an invariant which is not checked here."""
    from syncmodel.model.divergence import Kind

    kind, name = reproduction.expected.divergence or ("", "")
    if kind == Kind.INVARIANT.value and name not in {each.name for each in invariants}:
        machine = reproduction.found.get("machine", "module:Class")
        raise UsageError(
            f"{path} expects the invariant {name} of a machine: name it with --machine "
            f"{shlex.quote(str(machine))}."
        )
