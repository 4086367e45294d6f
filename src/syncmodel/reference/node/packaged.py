"""The migrations that a plugin's package brings: a JSON file beside its manifest.

It is a list of objects, in the order in which they come up, with all that this version of the
plugin has: `name`, `version` (of the plugin, from which on it is there), `up` and `down` (SQL, one
statement each), and where there is something to say `tables`, `kinds` and `leaves`, as a
`Migration` has them. Not here: whose migrations fit together (`packages`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from syncmodel.errors import FormatError
from syncmodel.reference.node.migrations import Migration

_NAME = re.compile(r"[a-z][a-z0-9-]{0,80}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,80}")
_UNFIT = re.compile("[\0\ud800-\udfff]")
#: Event kinds are 16 bits (NIP-01).
_KINDS = range(1 << 16)
_NEEDED = {"name", "version", "up", "down"}
_FIELDS = _NEEDED | {"tables", "kinds", "leaves"}


def load(path: Path, plugin: str, version: int) -> tuple[Migration, ...]:
    """The migrations in this file. Raises `FormatError`, and FileNotFoundError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: no list of migrations: {error}") from None
    return read(data, plugin, version, str(path))


def to_json(migrations: Sequence[Migration]) -> list[dict[str, Any]]:
    """What the file of a package has of them."""
    return [
        {field: value for field, value in attrs.asdict(one).items() if field in _FIELDS}
        for one in migrations
    ]


def read(data: Any, plugin: str, version: int, where: str) -> tuple[Migration, ...]:
    """The migrations of one version of a plugin, from their JSON form. Raises `FormatError`."""
    if not isinstance(data, list | tuple):
        raise FormatError(f"{where}: migrations are a list of objects.")
    found: dict[str, Migration] = {}
    for one in data:
        migration = _one(one, plugin, version, where)
        if migration.name in found:
            raise FormatError(f"{where}: {migration.name} is there twice.")
        found[migration.name] = migration
    return tuple(found.values())


def _one(data: Any, plugin: str, version: int, where: str) -> Migration:
    if not isinstance(data, dict) or not data.keys() >= _NEEDED:
        raise FormatError(f"{where}: a migration is an object with name, version, up and down.")
    name, since = data["name"], data["version"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FormatError(f"{where}: {name!r:.60} is no name: a-z, 0-9 and -, at most 81.")
    here = f"{where}: {name}"
    strange = sorted(data.keys() - _FIELDS)
    if strange:
        raise FormatError(f"{here}: a migration has no {strange[0]!r:.60}.")
    if type(since) is not int or not 1 <= since <= version:
        raise FormatError(f"{here}: {since!r:.60} is no version of {plugin} from 1 to {version}.")
    for field, value in data.items():
        if field in ("up", "down") and not (_all(value, _is_statement) and value):
            raise FormatError(f"{here}: {field} is not a list of SQL statements, at least one.")
        if field in ("tables", "leaves") and not _all(value, _is_table):
            raise FormatError(f"{here}: {field} is not a list of names: a-z, 0-9 and _.")
        if field == "kinds" and not _all(value, _is_kind):
            raise FormatError(f"{here}: kinds is not a list of event kinds, up to {_KINDS[-1]}.")
    return Migration.from_json({**data, "plugin": plugin})


def _all(values: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(values, list | tuple) and all(fits(one) for one in values)


def _is_statement(one: Any) -> bool:
    # JSON can write lone surrogates and NUL, and SQLite takes no statement that has one.
    return isinstance(one, str) and bool(one.strip()) and not _UNFIT.search(one)


def _is_table(one: Any) -> bool:
    return isinstance(one, str) and bool(_TABLE.fullmatch(one))


def _is_kind(one: Any) -> bool:
    return type(one) is int and one in _KINDS
