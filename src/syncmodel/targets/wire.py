"""The plugin API of docs/contract.md: its tables as a schema, and the model's words on its wire.

Runs share a cluster, so on the wire an id is `run_id/name`; in the model it is `name`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from syncmodel.model import words
from syncmodel.model.columns import Counter, Ref, Token
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.outcome import Outcome, accepted, refused, shown, unknown
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.model.values import Write
from syncmodel.model.view import View

PLUGIN: Final = "supertest"
PLUGIN_PATH: Final = f"/plugins-api/{PLUGIN}"


def _schema(versions: int, severity: Token) -> Schema:
    """With so many versions of the plugin, of which the second one brings that column. Runs start
    from the last one but one."""
    plugins = (Generation(f"plugin version {v}", {PLUGIN: v}) for v in range(1, versions + 1))
    return Schema(
        Table("cases", Token("title"), Counter("counter"), severity),
        Table("events", Ref("case", "cases"), Token("body", fixed=True, renamed=((2, "text"),))),
        plugin=PLUGIN,
        generations=(Generation("no plugin"), *plugins),
        usual=versions,
        texts=words.TEXTS,
        ids=words.IDS,
    )


SUPERTEST: Final = _schema(2, Token("severity", default="normal", since=2))
#: The same with a third version of the plugin, which drops what the second one brought. The wire is
#: the same: who does not have a column does not show it.
DROPPING: Final = _schema(3, Token("severity", default="normal", since=2, until=3))

#: No row of any table.
NO_ROWS: Final[dict[str, Any]] = {name: [] for name in SUPERTEST.by_name}

#: Columns that hold ids have another name on the wire.
ON_THE_WIRE = {"case": "case_id"}
#: Columns that hold ids.
IDS = ("id", *ON_THE_WIRE.values())
#: What the model calls a column that nodes call otherwise, in some version at least.
IN_THE_MODEL = {wire: column for column, wire in ON_THE_WIRE.items()} | {
    name: column.name
    for table in SUPERTEST.tables
    for column in table.columns
    for _, name in column.renamed
}
#: Error codes that the model calls otherwise.
CODES = {"missing_case": "missing_reference"}


def to_wire(
    write: Write, run_id: str, *, malformed: bool = False
) -> tuple[str, str, dict[str, Any] | None]:
    """(method, path below the plugin API, JSON body or None) of a write.

    `malformed`: with the fields of a create left out.
    """
    name = f"{run_id}/{write.row.name}"
    path = f"{quoted(write.row.table)}/{quoted(name)}"
    match write.op:
        case "create":
            body = {} if malformed else _created(write, run_id) | {"id": name, "run_id": run_id}
            return "POST", write.row.table, body
        case "set":
            return "PATCH", path, dict(write.values)
        case "add":
            return "POST", f"{path}/increment", {"by": next(iter(write.values.values()))}
        case _:
            return "DELETE", path, None


@lru_cache(maxsize=1024)
def quoted(text: str) -> str:
    """The text as one segment of a path, or as a value of a query: no part of it acts as a URL's,
    as a slash would, or a segment that is all dots."""
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def _created(write: Write, run_id: str) -> dict[str, Any]:
    """The fields of a create; a column of a later version only if it is no default, a renamed one
    by all its names: a node takes the one that it knows, and passes over the others."""
    table = SUPERTEST.by_name[write.row.table]
    return {
        ON_THE_WIRE.get(called, called): f"{run_id}/{value}" if name in ON_THE_WIRE else value
        for name, value in write.values.items()
        if table.by_name[name].since == 1 or value != table.by_name[name].default
        for called in table.by_name[name].names
    }


def to_outcome(status: int, body: Any, run_id: str) -> Outcome:
    """The outcome of an answer: 2xx happened, 4xx did not, of anything else nothing is known."""
    match body:
        case {"ok": True, "result": {**row}} if 200 <= status < 300:
            return accepted(_columns({str(key): row[key] for key in row}, run_id))
        case {"error": {"code": str(code)}} if 400 <= status < 500:
            return refused(CODES.get(code, code))
        case {"error": {"code": "not_ready"}}:
            return refused("not_ready")
    if 200 <= status < 300:
        return accepted({"answer": repr(body)[:200]})
    return refused(f"http {status}") if 400 <= status < 500 else unknown(f"http {status}")


def _columns(row: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """The row's columns, without the run's prefix of its ids; any other prefix stays to be seen."""
    prefix = f"{run_id}/"
    return {
        IN_THE_MODEL.get(key, key): value.removeprefix(prefix)
        if key in IDS and isinstance(value, str)
        else value
        for key, value in row.items()
    }


def to_view(node: str, result: Any, run_id: str) -> View:
    """The view of a `GET state` result.

    Raises `DivergenceFound` (control plane) if the answer has not the contract's shape.
    """
    try:
        tables = {
            table: [(str(row["id"]), row) for row in (_columns(r, run_id) for r in result[table])]
            for table in SUPERTEST.by_name
        }
        return View.of(SUPERTEST, tables)
    except (KeyError, TypeError, ValueError, AttributeError):
        expected = "the state's rows as the contract has them"
        raise DivergenceFound(
            (Divergence(Kind.CONTROL_PLANE, node, None, expected, repr(result)[:200]),)
        ) from None


def to_shown(node: str, table: str, status: int, body: Any, run_id: str) -> Outcome:
    """The outcome of a read of one row of a table, or of all: what showed, or why nothing is known.

    Raises `DivergenceFound` (control plane) if the answer has not the contract's shape.
    """
    match body:
        case {"ok": True, "result": {"rows": [*rows]}} if 200 <= status < 300:
            return shown(to_view(node, NO_ROWS | {table: rows}, run_id))
        case {"ok": True, "result": row} if 200 <= status < 300:
            return shown(to_view(node, NO_ROWS | {table: [row]}, run_id))
        case {"error": {"code": "no_such_row"}} if status == 404:
            return shown(View())
    outcome = to_outcome(status, body, run_id)
    return unknown(f"http {status} without rows") if outcome.ok else outcome


def to_columns(tables: object) -> tuple[str, ...] | None:
    """The columns of the model that these tables have, as `cases.title`, in order and by the names
    that they have there; None where they are listed without the names of their columns."""
    if not isinstance(tables, Mapping):
        return None
    found = [(_table(name), one) for name, columns in tables.items() for one in columns]
    if not all(isinstance(column, str) for _, column in found):
        return None
    known = {t.name: {name for c in t.columns for name in c.names} for t in SUPERTEST.tables}
    ids = {wire: column for column, wire in ON_THE_WIRE.items()}
    named = [(table, ids.get(column, column)) for table, column in found if table in known]
    return tuple(sorted(f"{t}.{column}" for t, column in named if column in known[t]))


def to_tables(names: Any) -> tuple[str, ...]:
    """The tables that a node's schema lists, as the model calls them; others as they are."""
    return tuple(sorted(map(_table, names)))


def _table(name: object) -> str:
    return str(name).removeprefix(f"{PLUGIN}_")
