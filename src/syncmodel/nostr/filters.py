"""What a subscription asks for (NIP-01 filters, and the two keys by which a peer follows a log)."""

from collections.abc import Mapping
from typing import Any

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event
from syncmodel.record import Record

_LARGEST = 2**53 - 1
# NIP-01 limits subscription ids so; a log id needs no more.
_LABEL_LIMIT_CHARS = 64


class MalformedMessageError(SyncModelError):
    """Not a relay message. The message says which part of it is wrong."""


class Filter(Record):
    """One filter. None: the key was not there. Keys that are not listed here are ignored.

    `tags` are the `#x` keys: (name of the tag, values). `after` is a position in the log `log_id`
    (None: the peer knows none yet); a filter with `after` follows the log, all others are plain
    NIP-01. `since` and `until` are in seconds, both inclusive.
    """

    ids: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    kinds: tuple[int, ...] | None = None
    since: int | None = None
    until: int | None = None
    limit: int | None = None
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    log_id: str | None = None
    after: int | None = None

    @property
    def size(self) -> int:
        """How many values are in its lists; a list counts for one more."""
        lists = (self.ids, self.authors, self.kinds, *(values for _, values in self.tags))
        return sum(1 + len(one) for one in lists if one is not None)

    def matches(self, event: Event) -> bool:
        """Whether the event is asked for. `limit`, `log_id` and `after` are the relay's to heed."""
        return (
            (self.ids is None or event.id in self.ids)
            and (self.authors is None or event.pubkey in self.authors)
            and (self.kinds is None or event.kind in self.kinds)
            and (self.since is None or event.created_at >= self.since)
            and (self.until is None or event.created_at <= self.until)
            and all(_tagged(event, name, values) for name, values in self.tags)
        )

    def to_json(self) -> dict[str, Any]:
        """The filter as the object that travels; one that follows a log has both its keys."""
        plain = ("ids", "authors", "kinds", "since", "until", "limit")
        obj: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value
            for name in plain
            if (value := getattr(self, name)) is not None
        }
        obj.update((f"#{name}", list(values)) for name, values in self.tags)
        if self.after is not None:
            obj.update(log_id=self.log_id, after=self.after)
        return obj

    @classmethod
    def from_json(cls, obj: object) -> "Filter":
        """A filter from decoded JSON. Raises MalformedMessageError."""
        if not isinstance(obj, Mapping):
            raise MalformedMessageError("A filter is a JSON object.")
        return cls(
            ids=_strings(obj, "ids"),
            authors=_strings(obj, "authors"),
            kinds=_numbers(obj, "kinds"),
            since=number(obj.get("since"), "since"),
            until=number(obj.get("until"), "until"),
            limit=number(obj.get("limit"), "limit"),
            tags=tuple((name[1:], _strings(obj, name) or ()) for name in obj if name[:1] == "#"),
            log_id=label(obj.get("log_id"), "log_id"),
            after=number(obj.get("after"), "after"),
        )


def number(value: object, name: str) -> int | None:
    """`value` if it is None or a whole number from 0. Raises MalformedMessageError."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise MalformedMessageError(f"`{name}` is not a whole number from 0 to {_LARGEST}.")
    return value


def label(value: object, name: str) -> str | None:
    """`value` if it is None or short printable text. Raises MalformedMessageError.

    Labels are stored and sent back, where a lone surrogate would be an error in the wrong place.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LABEL_LIMIT_CHARS:
        raise MalformedMessageError(
            f"`{name}` is not text of 1 to {_LABEL_LIMIT_CHARS} characters."
        )
    if not value.isprintable():
        raise MalformedMessageError(f"`{name}` is not printable text.")
    return value


def _list(obj: Mapping[str, object], name: str) -> list[object] | None:
    value = obj.get(name)
    if value is None or isinstance(value, list):
        return value
    raise MalformedMessageError(f"`{name}` is not a list.")


def _strings(obj: Mapping[str, object], name: str) -> tuple[str, ...] | None:
    values = _list(obj, name)
    if values is None:
        return None
    if not all(isinstance(value, str) for value in values):
        raise MalformedMessageError(f"`{name}` is not a list of strings.")
    return tuple(str(value) for value in values)


def _numbers(obj: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    values = _list(obj, name)
    if values is None:
        return None
    numbers = tuple(number(value, name) for value in values)
    if None in numbers:
        raise MalformedMessageError(f"`{name}` holds null.")
    return tuple(value for value in numbers if value is not None)


def _tagged(event: Event, name: str, values: tuple[str, ...]) -> bool:
    return any(len(tag) > 1 and tag[0] == name and tag[1] in values for tag in event.tags)
