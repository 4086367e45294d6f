"""What a signed event says about a row of the plugin, and which events say nothing that we accept.

The one place that knows the kinds and the content of a row. Not here: who may write (trust), which
version wins, and what a node does with it (`core`).
"""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event
from syncmodel.record import Record

CASES: Final = 30100
EVENTS: Final = 30101
KINDS: Final = (CASES, EVENTS)
DEFAULT_SEVERITY: Final = "normal"

CONTENT_LIMIT_CHARS: Final = 262_144
TAGS_LIMIT_CHARS: Final = 4_096
ID_LIMIT_CHARS: Final = 512
DEPTH_LIMIT: Final = 32
#: Whole numbers are from -NUMBER_LIMIT to below it, as SQLite holds them.
NUMBER_LIMIT: Final = 2**63

RowKey: TypeAlias = tuple[int, str]
Content: TypeAlias = dict[str, Any]


class RefusedEntryError(SyncModelError):
    """An event that is no version of a row which this node accepts; `code` is for machines.

    Nothing has changed when it is raised: the node counts it and goes on with the next one.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CaseRow(Record, cache_hash=True):
    """One row of supertest_cases; `severity` is None where the writer did not know that column."""

    id: str
    run_id: str
    title: str
    counter: int
    severity: str | None = None

    def to_json(self, plugin: int | None) -> dict[str, object]:
        """The row as version `plugin` of the plugin shows it."""
        row: dict[str, object] = {
            "id": self.id,
            "run_id": self.run_id,
            "title": self.title,
            "counter": self.counter,
        }
        if has_severity(plugin):
            row["severity"] = self.severity or DEFAULT_SEVERITY
        return row


def has_severity(plugin: int | None) -> bool:
    """Whether version `plugin` of the plugin has that column of a case: the third one drops it."""
    return plugin == 2


def body_name(plugin: int | None) -> str:
    """What version `plugin` of the plugin calls the body of an event."""
    return "text" if plugin is not None and plugin >= 2 else "body"


class EventRow(Record, cache_hash=True):
    """One row of supertest_events; from version 2 on its `body` is `text`, on the wire never."""

    id: str
    run_id: str
    case_id: str
    body: str

    def to_json(self, plugin: int | None) -> dict[str, object]:
        """The row as version `plugin` of the plugin shows it."""
        row = {"id": self.id, "run_id": self.run_id, "case_id": self.case_id}
        return {**row, body_name(plugin): self.body}


class Tombstone(Record, cache_hash=True):
    """A version that says: this row is deleted."""

    id: str
    run_id: str

    def to_json(self, plugin: int | None) -> dict[str, object]:
        """What a delete is answered with."""
        return {"id": self.id, "run_id": self.run_id, "deleted": True}


Row: TypeAlias = CaseRow | EventRow
Value: TypeAlias = CaseRow | EventRow | Tombstone


class Stored(Record, cache_hash=True):
    """The newest event of one author about one row, its place in the log, and what it says."""

    event: Event
    position: int
    value: Value

    @property
    def key(self) -> RowKey:
        """The row it is about."""
        return (self.event.kind, self.value.id)


def read(event: Event) -> Value:
    """What `event` says; raises RefusedEntryError when that is nothing we can show.

    It judges the same on every version of the plugin: versions of a cluster
    must not differ in what they accept, or else they would never agree again.
    """
    if event.kind not in KINDS:
        raise RefusedEntryError("unknown_kind", f"kind {event.kind} is none of {KINDS}")
    tags_chars = sum([len(tag) + len("".join(tag)) for tag in event.tags])
    if len(event.content) > CONTENT_LIMIT_CHARS or tags_chars > TAGS_LIMIT_CHARS:
        raise RefusedEntryError("too_large", "content or tags are longer than this node stores")
    return _said(event.kind, event.tag("d") or "", event.content)


@lru_cache(maxsize=256)
def _said(kind: int, name: str, text: str) -> Value:
    """What an event of this kind, tag d and content says.

    An event comes to each node and over each link, and an author reads its own before: nearly all
    are read once for all of them, as what they say follows from these three.
    """
    content = read_content(text)
    run_id = _text(content, "run_id")
    if not in_run(name, run_id) or len(name) > ID_LIMIT_CHARS:
        raise RefusedEntryError("malformed", f"tag d {name[:40]!r} is no id of run {run_id[:40]!r}")
    if "deleted" in content:
        if content["deleted"] is not True:
            raise RefusedEntryError("malformed", "deleted is there and not true")
        return Tombstone(name, run_id)
    return _case(name, run_id, content) if kind == CASES else _event(name, run_id, content)


def in_run(name: str, run_id: str) -> bool:
    """Whether `name` is an id of that run: RUN_ID/NAME, with both parts."""
    return bool(run_id) and name.startswith(run_id + "/") and len(name) > len(run_id) + 1


def _case(name: str, run_id: str, content: Content) -> CaseRow:
    counter = content.get("counter")
    if type(counter) is not int or not -NUMBER_LIMIT <= counter < NUMBER_LIMIT:
        raise RefusedEntryError("malformed", "counter is not a whole number of 64 bits")
    severity = _text(content, "severity") if "severity" in content else None
    return CaseRow(name, run_id, _text(content, "title"), counter, severity)


def _event(name: str, run_id: str, content: Content) -> EventRow:
    case_id = _text(content, "case_id")
    if not in_run(case_id, run_id):
        raise RefusedEntryError("malformed", "case_id names a case of another run")
    return EventRow(name, run_id, case_id, _text(content, "body"))


def _text(content: Mapping[str, Any], field: str) -> str:
    value = content.get(field)
    if type(value) is not str:
        raise RefusedEntryError("malformed", f"{field} is missing or not a text")
    return value


def read_content(text: str) -> Content:
    """A JSON object that can be written again as it is; raises RefusedEntryError for all else.

    Refused: what is not JSON, NaN and infinities, whole numbers that 64 bits do not hold, a key
    twice in one object, deep nesting, and lone surrogates (no UTF-8 has them, so that no event
    could carry the next version of the row).
    """
    try:
        content = _decode(text)
        if "\\u" in text:
            write_content(content).encode()
    except (ValueError, RecursionError) as exc:
        raise RefusedEntryError("malformed", f"content is not JSON that we accept: {exc}") from exc
    may_be_deep = text.count("{") + text.count("[") > DEPTH_LIMIT
    if type(content) is not dict or (may_be_deep and _deeper_than(content, DEPTH_LIMIT)):
        raise RefusedEntryError("malformed", "content is not a JSON object of reasonable depth")
    return content


def write_content(content: Mapping[str, Any]) -> str:
    """The text of an event's content."""
    return _encode(content)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is out of range")
    return value


def _whole(text: str) -> int:
    # The length first: Python refuses to convert what has thousands of digits.
    if len(text) > 20 or not -NUMBER_LIMIT <= (value := int(text)) < NUMBER_LIMIT:
        raise ValueError("a whole number has more than 64 bits")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _deeper_than(value: object, limit: int) -> bool:
    if isinstance(value, dict):
        return limit == 0 or any(_deeper_than(part, limit - 1) for part in value.values())
    if isinstance(value, list):
        return limit == 0 or any(_deeper_than(part, limit - 1) for part in value)
    return False


_decode = json.JSONDecoder(
    parse_constant=_no_constant,
    parse_float=_finite,
    parse_int=_whole,
    object_pairs_hook=_unique,
).decode
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
