"""A folder of reproductions, one JSON file each, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import unicodedata
from pathlib import Path

from syncmodel.corpus import budgets
from syncmodel.corpus.budgets import FILE_BYTES
from syncmodel.corpus.format import Reproduction, Systems, dump, to_text
from syncmodel.corpus.reading import read
from syncmodel.errors import SyncModelError, UsageError

SLUG_CHARACTERS = 60
FILE_MODE = 0o644


def slug(title: str) -> str:
    """A title as the part of a file name: small ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if len(words) > SLUG_CHARACTERS:
        words = words[:SLUG_CHARACTERS].rpartition("-")[0] or words[:SLUG_CHARACTERS]
    return words or "run"


def file_name(reproduction: Reproduction) -> str:
    """The name by content: the title's slug and a hash of target, nodes, guarantees and steps."""
    whole = dump(reproduction)
    content = [whole[name] for name in ("target", "nodes", "steps")] + [whole.get("guarantees")]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{slug(reproduction.title)}-{digest[:8]}.json"


def save(folder: Path, reproduction: Reproduction, name: str | None = None) -> Path:
    """Write the file into the folder (made if need be) and return its path.

    A file of that name is replaced. Raises `SyncModelError` if it can't be written (no space, no
    permission); the folder is then as it was.
    """
    target = folder / (name or file_name(reproduction))
    content = to_text(reproduction).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
    except OSError as error:
        raise SyncModelError(
            f"The reproduction can't be written to {target}: {error.strerror}. Free some space "
            f"or name another folder; nothing is left there."
        ) from error
    return target


def write_whole(target: Path, content: bytes) -> None:
    """Write the file so that a reader sees the old one or the new. Raises `OSError`.

    Temporary file, fsync, rename, fsync of the folder.
    """
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_folder(folder: Path) -> None:
    """Raises `UsageError` if nothing can be saved there. Leaves nothing, and makes no folder."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a directory: say where failures are to be saved.")
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UsageError(
            f"Nothing can be saved in {folder}: {error.strerror or error}"
            f"{'' if there == folder.absolute() else f' ({there})'}. Name another folder."
        ) from error


def load(path: Path, systems: Systems) -> Reproduction:
    """The reproduction in a file, as a run of the system that `systems` has for it.

    Raises `FormatError` if it is malformed and `UsageError` if it can't be read, or is a run of a
    target that is not there.
    """
    return read(budgets.content(path, FILE_BYTES), str(path), systems)


def load_all(folder: Path, systems: Systems) -> tuple[tuple[Path, Reproduction], ...]:
    """Every `*.json` of the folder with its reproduction, by file name.

    Raises `UsageError` if there is no such folder, `FormatError` for the first malformed file.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no corpus folder {folder}.")
    paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    return tuple((path, load(path, systems)) for path in paths)
