"""The plugin's API as a pure function: from a request to the next version of a row, or a refusal.

Nothing changes here; `core` stores the version. All conditions of one request are checked in the
state that it changes, so that two requests can't both create the same row.
"""

from collections.abc import Mapping
from typing import Any, Final

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event, unsigned
from syncmodel.reference.node.entries import (
    CASES,
    EVENTS,
    Content,
    RefusedEntryError,
    RowKey,
    Value,
    body_name,
    has_severity,
    in_run,
    read,
    read_content,
    write_content,
)
from syncmodel.reference.node.pieces import AHEAD_LIMIT_S
from syncmodel.reference.node.ports import Answer, Write
from syncmodel.reference.node.state import (
    Node,
    State,
    case_shows,
    newest_stamp,
    own_version,
    standing,
    winner,
)

BODY_LIMIT_BYTES: Final = 524_288


class DeniedError(SyncModelError):
    """A request that is refused: HTTP status, code, and why. Nothing has changed."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def answer(self) -> Answer:
        """The answer to the client."""
        return Answer(self.status, failure(self.code, str(self)))


def success(result: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON body of a request that was carried out."""
    return {"ok": True, "result": result}


def failure(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON body of a request that was not."""
    return {"ok": False, "error": {"code": code, "message": message, "details": details or {}}}


def next_version(state: State, node: Node, write: Write) -> tuple[Event, Value, int]:
    """(the signed event, what it says, HTTP status) of a write. Raises DeniedError."""
    if state.plugin is None:
        raise DeniedError(404, "no_plugin", "the running generation has no such plugin")
    table, _, rest = write.path.partition("/")
    match write.method, table, rest:
        case "POST", "cases", "":
            key, content = _create_case(state, node, _body(write))
            status = 201
        case "POST", "events", "":
            key, content = _create_event(state, node, _body(write))
            status = 201
        case "PATCH", "cases", name if name:
            key, changed = _key(state, node, CASES, name), _changed(state, write)
            content = {**_shown(state, node, key, write), **changed}
            status = 200
        case "POST", "cases", name if name.endswith("/increment"):
            key = _key(state, node, CASES, name.removesuffix("/increment"))
            by = _by(write)
            content = _shown(state, node, key, write)
            content["counter"] += by
            status = 200
        case "DELETE", ("cases" | "events"), name if name:
            key = _key(state, node, CASES if table == "cases" else EVENTS, name)
            content = {"run_id": _shown(state, node, key, write)["run_id"], "deleted": True}
            status = 200
        case _:
            raise DeniedError(404, "no_such_path", f"no {write.method} {write.path[:80]!r} here")
    event, value = _version(state, node, key, content, write.now_s)
    return node.seal(event), value, status


def answer(state: State, node: Node, kind: int, value: Value, status: int) -> Answer:
    """The answer to an accepted write that makes `value`."""
    own = own_version(state, node, (kind, value.id))
    told = node.pieces.told(value, own.value if own else None, status == 201)
    return Answer(status, success(told.to_json(state.plugin)))


def _version(
    state: State, node: Node, key: RowKey, content: Content, now_s: int
) -> tuple[Event, Value]:
    own = own_version(state, node, key)
    own_s = own.event.created_at if own else -1
    is_delete = "deleted" in content
    created_at = node.pieces.stamp(now_s, newest_stamp(state, key), own_s, is_delete)
    created_at = node.pieces.stamped(created_at, state.read_at.get(key))
    if created_at > now_s + AHEAD_LIMIT_S:
        raise DeniedError(
            409, "stamp_ahead", f"this row's stamps are {AHEAD_LIMIT_S} s ahead of the clock"
        )
    try:
        kind, name = key
        event = unsigned(node.pubkey, created_at, kind, (("d", name),), write_content(content))
        return event, read(event)
    except RefusedEntryError as exc:
        raise DeniedError(400, "malformed", str(exc)) from exc


def _key(state: State, node: Node, kind: int, name: str) -> RowKey:
    return node.pieces.same_row((kind, name), state.rows)


def _body(write: Write) -> Content:
    if len(write.body) > BODY_LIMIT_BYTES:
        raise DeniedError(400, "malformed", f"the body is longer than {BODY_LIMIT_BYTES} bytes")
    try:
        return read_content(write.body.decode())
    except (RefusedEntryError, UnicodeDecodeError) as exc:
        raise DeniedError(400, "malformed", f"the body is not a JSON object: {exc}") from exc


def _picked(body: Content, *fields: str) -> Content:
    missing = [field for field in fields if field not in body]
    if missing:
        raise DeniedError(400, "malformed", f"missing in the body: {', '.join(missing)}")
    return {field: body[field] for field in fields}


def _name(body: Content) -> str:
    name, run_id = body.get("id"), body.get("run_id")
    if type(name) is not str or type(run_id) is not str or not in_run(name, run_id):
        raise DeniedError(400, "malformed", "id is not RUN_ID/NAME with the run_id that was given")
    return name


def _create_case(state: State, node: Node, body: Content) -> tuple[RowKey, Content]:
    key = _key(state, node, CASES, _name(body))
    content = _picked(body, "run_id", "title", "counter")
    if has_severity(state.plugin) and "severity" in body:
        content["severity"] = body["severity"]
    _validate(node, key, content)
    _absent(state, node, key)
    return key, content


def _create_event(state: State, node: Node, body: Content) -> tuple[RowKey, Content]:
    key = _key(state, node, EVENTS, _name(body))
    called = body_name(state.plugin)
    content = _picked(body, "run_id", "case_id", called)
    content["body"] = content.pop(called)
    _validate(node, key, content)
    _absent(state, node, key)
    if not case_shows(state, content["case_id"]):
        raise DeniedError(422, "missing_case", f"there is no case {content['case_id'][:80]!r}")
    return key, content


def _validate(node: Node, key: RowKey, content: Content) -> None:
    """A malformed request is 400 whatever is stored."""
    kind, name = key
    try:
        read(Event("", node.pubkey, 0, kind, (("d", name),), write_content(content)))
    except RefusedEntryError as exc:
        raise DeniedError(400, "malformed", str(exc)) from exc


def _absent(state: State, node: Node, key: RowKey) -> None:
    if standing(winner(state, key, node.pieces)) is not None:
        raise DeniedError(409, "exists", f"{key[1][:80]!r} is there already")


def _shown(state: State, node: Node, key: RowKey, write: Write) -> Content:
    """The content of the row that stands under `key`, with the fields that we do not know."""
    state = node.pieces.reads(state, write.arrived or state)
    stored = winner(state, key, node.pieces)
    if stored is None or standing(stored) is None:
        raise DeniedError(404, "no_such_row", f"there is no {key[1][:80]!r}")
    rests_on = node.pieces.base(stored, own_version(state, node, key))
    assert state.plugin is not None
    return node.pieces.carried(read_content(rests_on.event.content), state.plugin)


def _changed(state: State, write: Write) -> Content:
    """The texts that a PATCH sets: the title, and the severity where there is one."""
    body = _body(write)
    known = ("title", "severity") if has_severity(state.plugin) else ("title",)
    changed = {field: body[field] for field in known if field in body}
    if not changed:
        raise DeniedError(400, "malformed", f"nothing to change in the body: {', '.join(known)}")
    for field, value in changed.items():
        if type(value) is not str:
            raise DeniedError(400, "malformed", f"{field} is not a text")
    return changed


def _by(write: Write) -> int:
    by = _picked(_body(write), "by")["by"]
    if type(by) is not int:
        raise DeniedError(400, "malformed", "by is not a whole number of 64 bits")
    return by
