"""How much a file may hold, and how its rows may be named: files come from anywhere.

What we write ourselves stays far below these limits; what is above them is one sentence, before it
costs memory or time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from syncmodel.errors import FormatError, UsageError
from syncmodel.model import words
from syncmodel.model.columns import Ref
from syncmodel.model.schema import Schema
from syncmodel.model.values import Scalar
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently, Refused
from syncmodel.steps.data import Create, Data
from syncmodel.steps.fill import Fill
from syncmodel.steps.reads import Read

#: Of a saved run, of one line of a record, and of a whole record.
FILE_BYTES = 16_000_000
LINE_BYTES = 64_000_000
RECORD_BYTES = 4_000_000_000
#: Of what a person writes: an inventory, a configuration, a key, the note of a lease.
SMALL_BYTES = 1_000_000
#: Of any JSON that is read: how deep it nests, how many values it has, and how long these are.
DEPTH = 32
VALUES = 1_000_000
TEXT_CHARACTERS = 1_000_000
NUMBER_CHARACTERS = 64
#: Of one run.
STEPS = 5_000
NODES = 100
FACTS = 100
#: Steps times links: each step may be about every link. 100 nodes have room for 500 steps.
WORK = 5_000_000
#: An id on the wire has at most 512, the run's prefix among them (docs/contract.md).
ID_CHARACTERS = 480


def check_is_file(path: Path) -> None:
    """Raises `UsageError` for a named pipe, which may never begin.

    What a shell makes of `<(...)`, and /dev/stdin, are no named ones.
    """
    if Path(os.path.realpath(path)).is_fifo():
        raise UsageError(f"{path} is a pipe, and no file: name a file.")


def content(path: Path, most: int = SMALL_BYTES) -> bytes:
    """All of a file, of at most so many bytes, whatever it is: a device never ends.

    Raises `UsageError` if it can't be read, or is longer.
    """
    check_is_file(path)
    try:
        with path.open("rb") as file:
            found = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"The file {path} can't be read: {error.strerror or error}.") from error
    if len(found) > most:
        raise UsageError(f"The file {path} is too long: it has more than {most:,} bytes.")
    return found


def at_home(path: Path) -> Path:
    """The path, with the home that a leading `~` stands for. Raises `UsageError`."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(
            f"{path}: nobody knows where that home is; set HOME, or name the whole path."
        ) from None


def check_count(raw: object, where: str) -> None:
    """Raises `FormatError` for more steps than a run may have; those inside others count, too."""
    counted, waiting = 0, [raw]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            counted += len(one)
            waiting += one
        elif isinstance(one, dict):
            waiting += (one.get("steps"), one.get("step"))
        if counted > STEPS:
            raise FormatError(f"{where}: more than {STEPS:,} steps: save a shorter run.")


def check_work(nodes: int, steps: Sequence[Step], where: str) -> None:
    """Raises `FormatError` for so many steps on so many nodes that reading them takes minutes."""
    most = WORK // nodes**2
    if _count(steps) > most:
        raise FormatError(f"{where}: on {nodes} nodes at most {most:,} steps: save a shorter run.")


def _count(steps: Sequence[Step]) -> int:
    within = (step.steps if isinstance(step, Burst | Concurrently) else () for step in steps)
    filled = sum(max(step.rows, 0) for step in steps if isinstance(step, Fill))
    return len(steps) + filled + sum(map(_count, within))


def check_names(step: Step, schema: Schema, where: str) -> None:
    """Raises `FormatError` for a row or a text that no system with this schema is asked to store.

    An id is no empty text, has at most `ID_CHARACTERS` and no NUL, and a text has at most
    64 KiB; a schema that takes such ids (see `words`) takes them from a file, too.
    """
    if isinstance(step, Burst | Concurrently):
        for inner in step.steps:
            check_names(inner, schema, where)
    if isinstance(step, Refused):
        step = step.step
    if isinstance(step, Fill):
        _check_ids(step.refs, schema, where)
    if not isinstance(step, Data | Read):
        return
    values = dict(step.values) if isinstance(step, Create) else {"": getattr(step, "value", None)}
    table = schema.by_name.get(step.table)
    columns = {} if table is None else table.by_name
    ids = [step.row, *(v for name, v in values.items() if isinstance(columns.get(name), Ref))]
    _check_ids(ids, schema, where)
    for value in values.values():
        if isinstance(value, str) and len(value.encode()) > words.LONG_BYTES:
            raise FormatError(f"{where}: a text has at most {words.LONG_BYTES:,} bytes.")


def _check_ids(ids: Iterable[Scalar], schema: Schema, where: str) -> None:
    for name in ids:
        reason = wrong_id(name, schema.ids) if isinstance(name, str) else ""
        if reason:
            raise FormatError(f"{where}: {reason}.")


def wrong_id(name: str, looks: frozenset[str]) -> str:
    """What is wrong with the id of a row where ids may have these looks; "" if nothing is."""
    most = words.LONG_BYTES if "long" in looks else ID_CHARACTERS
    if not 1 <= len(name) <= most:
        return f"the id of a row has 1 to {most} characters, and this one {len(name):,}"
    if "\0" in name and "nul" not in looks:
        return "the id of a row has no NUL in it"
    return ""
