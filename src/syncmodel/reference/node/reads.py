"""The plugin's API where it is asked for rows: from a state to an answer.

`GET state` is not here: it is one read of the store, with the position that it was made at.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from syncmodel.reference.node.entries import CASES, EVENTS, EventRow, Row, RowKey
from syncmodel.reference.node.ports import Answer, Read
from syncmodel.reference.node.state import Node, State, case_shows
from syncmodel.reference.node.writes import failure, success

KINDS: Final = {"cases": CASES, "events": EVENTS}


def answered(state: State, given: Read, node: Node) -> tuple[State, Answer]:
    """The rows that were asked for, and a state that remembers when."""
    if state.plugin is None:
        return state, _no(404, "no_plugin", "the running generation has no such plugin")
    table, slash, name = given.path.partition("/")
    if table not in KINDS or (slash and not name):
        return state, _no(404, "no_such_path", f"no GET {given.path[:80]!r} here")
    if not name and not given.run_id:
        return state, _no(400, "malformed", f"say which run, once and in UTF-8: {table}?run_id=R")
    keys = [(KINDS[table], name)] if name else _of_run(state, KINDS[table], given.run_id)
    rows = [row.to_json(state.plugin) for key in keys for row in _shown(state, key, node)]
    for key in keys:
        if key in state.rows:
            state = replace(state, read_at=state.read_at.set(key, given.now_s))
    if not name:
        return state, Answer(200, success({"rows": rows}))
    if not rows:
        return state, _no(404, "no_such_row", f"there is no {name[:80]!r}")
    return state, Answer(200, success(rows[0]))


def _no(status: int, code: str, message: str) -> Answer:
    return Answer(status, failure(code, message))


def _of_run(state: State, kind: int, run_id: str | None) -> list[RowKey]:
    """The rows of a run that were ever written, in order."""
    values = ((key, next(iter(authors.values())).value) for key, authors in state.rows.items())
    return sorted(key for key, value in values if key[0] == kind and value.run_id == run_id)


def _shown(state: State, key: RowKey, node: Node) -> Iterable[Row]:
    """What a reader is shown of one row: an event only where its case shows."""
    versions = state.rows[key].values() if key in state.rows else ()
    table, read_at = state.table.get(key, ()), state.read_at.get(key)
    rows = node.pieces.read(table, versions, node.pubkey, read_at)
    return [r for r in rows if not isinstance(r, EventRow) or case_shows(state, r.case_id)]
