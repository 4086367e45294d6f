"""The first version of files and records, which knew two tables only: read as the second one.

The tables were cases and events, each operation on them a separately named step, and
guarantees named a merge policy for each table. What is read is JSON of the second version; the
strict reading of all that stayed the same is `reading`'s and `steps.form`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncmodel.corpus.fields import Fields
from syncmodel.errors import FormatError

VERSION = 1
#: The kind of target that a file was performed on which did not say it.
TARGET = "embedded"
TABLES = ("cases", "events")
#: The merge policy of a table that a file did not name.
POLICY = "causal-lww"
#: Reasons of refusals that have another name now.
REASONS = {"missing_case": "missing_reference"}

#: Each write: its operation, the table, the field with the row's id, and its other fields.
WRITES: Mapping[str, tuple[str, str, str, Mapping[str, type]]] = {
    "create_case": ("create", "cases", "case", {"title": str}),
    "update_case": ("set", "cases", "case", {"title": str}),
    "increment_case": ("add", "cases", "case", {"by": int}),
    "delete_case": ("delete", "cases", "case", {}),
    "create_event": ("create", "events", "event", {"case": str, "body": str}),
    "delete_event": ("delete", "events", "event", {}),
}


def upgrade(raw: dict[str, Any], where: str) -> dict[str, Any]:
    """A file of the first version as one of the second.

    Raises `FormatError` that names `where`, the position and the field for a write or a guarantee
    that the first version did not have; the reading of the second version checks the rest.
    """
    if "target" in raw:
        raise FormatError(f"{where}: a file of version 1 has no field 'target'.")
    found = raw.get("found")
    facts = dict(found) if isinstance(found, dict) else {}
    upgraded = {**raw, "version": VERSION + 1, "target": facts.pop("target", TARGET)}
    if isinstance(found, dict):
        upgraded["found"] = facts
    if isinstance(raw.get("guarantees"), dict):
        upgraded["guarantees"] = _guarantees(raw["guarantees"], f"{where}, field `guarantees`")
    if isinstance(raw.get("steps"), list):
        upgraded["steps"] = _steps(raw["steps"], where)
    return upgraded


def upgrade_step(raw: Any, where: str) -> Any:
    """The JSON form of a step, and of those in it. Raises `FormatError` as `upgrade`."""
    if not isinstance(raw, dict):
        return raw
    op = raw.get("op")
    if isinstance(op, str) and op in WRITES:
        return _write(raw, op, where)
    if op in ("create", "set", "add", "delete"):
        raise FormatError(f"{where}: unknown op {op!r} in version 1.")
    upgraded = dict(raw)
    if isinstance(raw.get("steps"), list):
        upgraded["steps"] = _steps(raw["steps"], where)
    if isinstance(raw.get("step"), dict):
        upgraded["step"] = upgrade_step(raw["step"], where)
    if isinstance(raw.get("why"), str):
        upgraded["why"] = REASONS.get(raw["why"], raw["why"])
    return upgraded


def _steps(raw: list[Any], where: str) -> list[Any]:
    return [upgrade_step(step, f"{where}, step {i}") for i, step in enumerate(raw, 1)]


def _write(raw: Mapping[str, Any], op: str, where: str) -> dict[str, Any]:
    generic, table, row, more = WRITES[op]
    fields = Fields.of(raw, where, ("op", "node", row, *more))
    write = {
        "op": generic,
        "node": fields.required("node", str),
        "table": table,
        "row": fields.required(row, str),
    }
    given: dict[str, Any] = {name: fields.required(name, kind) for name, kind in more.items()}
    match op:
        case "create_case" | "create_event":
            return {**write, "values": given}
        case "update_case":
            return {**write, "column": "title", "value": given["title"]}
        case "increment_case":
            return {**write, "column": "counter", **given}
    return write


def _guarantees(raw: dict[str, Any], where: str) -> dict[str, Any]:
    known = ("policies", "heal_catches_up", "passes_on", "rollback_keeps_log")
    fields = Fields.of(raw, where, known)
    named = Fields.of(fields.optional("policies", dict, {}), fields.at("policies"), TABLES)
    policies = {table: named.optional(table, str, POLICY) for table in TABLES}
    rest = {name: value for name, value in raw.items() if name != "policies"}
    if len(set(policies.values())) == 1:
        return {"rows": policies["cases"], **rest} if named.raw else rest
    return {"tables": {t: name for t, name in policies.items() if name != POLICY}, **rest}
