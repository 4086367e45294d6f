"""Nostr events: their value, their id, their signature (NIP-01, BIP-340).

What an event means to a node (kinds, rows, tombstones) lives elsewhere; so does signing (keys.py).
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import coincurve
import msgspec

from syncmodel.errors import SyncModelError
from syncmodel.record import Record

_HEX_32_BYTES = re.compile(r"[0-9a-f]{64}")
_HEX_64_BYTES = re.compile(r"[0-9a-f]{128}")
# A JSON number beyond this is not the same number in every client (RFC 8259, section 6).
_LARGEST_STAMP_S = 2**53 - 1
_LARGEST_KIND = 65_535

Tags = tuple[tuple[str, ...], ...]

#: Without spaces and escaped as little as can be, as NIP-01 has it.
_encode = msgspec.json.Encoder().encode


class MalformedEventError(SyncModelError):
    """Not a Nostr event: a field is missing, of another type, out of range or not text."""


class Event(Record):
    """One event as NIP-01 has it. `created_at` is in whole seconds; ids, keys and `sig` are
    lower-case hex; `sig` is "" until the event is signed.

    Building one checks nothing: `from_json` is for what comes from outside, `verify` for what must
    be authentic.
    """

    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: Tags
    content: str
    sig: str = ""

    def tag(self, name: str) -> str | None:
        """The value of the first tag of this name, "" if it has none; None if there is no such tag.

        Later tags of the name never count: an addressable event has one address (NIP-01).
        """
        for tag in self.tags:
            if tag[0] == name:
                return tag[1] if len(tag) > 1 else ""
        return None

    def to_json(self) -> dict[str, Any]:
        """The event as the object that travels."""
        return {
            "id": self.id,
            "pubkey": self.pubkey,
            "created_at": self.created_at,
            "kind": self.kind,
            "tags": [list(tag) for tag in self.tags],
            "content": self.content,
            "sig": self.sig,
        }

    @classmethod
    def from_json(cls, obj: object) -> "Event":
        """A signed event from decoded JSON, however hostile. Unknown fields are dropped.

        The shape is checked, the id and the signature are not (`verify`).
        Raises MalformedEventError, which names the field.
        """
        if not isinstance(obj, Mapping):
            raise MalformedEventError(f"An event is a JSON object, not {type(obj).__name__}.")
        return cls(
            id=_hex(obj, "id", _HEX_32_BYTES),
            pubkey=_hex(obj, "pubkey", _HEX_32_BYTES),
            created_at=_number(obj, "created_at", _LARGEST_STAMP_S),
            kind=_number(obj, "kind", _LARGEST_KIND),
            tags=_tags(obj.get("tags")),
            content=text(obj.get("content"), "content"),
            sig=_hex(obj, "sig", _HEX_64_BYTES),
        )


def event_id(
    pubkey: str, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str
) -> str:
    """The id of an event with these fields: 64 hex digits (NIP-01).

    Raises MalformedEventError if a string is not text (a lone surrogate has no UTF-8 form).
    """
    try:
        return sha256(_encode([0, pubkey, created_at, kind, tags, content])).hexdigest()
    except UnicodeEncodeError:
        raise MalformedEventError("An event holds a lone surrogate, which is not text.") from None


def unsigned(
    pubkey: str, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str
) -> Event:
    """The event with its id and no signature yet. Raises MalformedEventError as `event_id` does."""
    frozen_tags = tuple(tuple(tag) for tag in tags)
    identity = event_id(pubkey, created_at, kind, frozen_tags, content)
    return Event(identity, pubkey, created_at, kind, frozen_tags, content)


def verify(event: Event) -> bool:
    """Whether the id is that of the fields and the signature is the author's (BIP-340)."""
    try:
        expected = event_id(event.pubkey, event.created_at, event.kind, event.tags, event.content)
    except MalformedEventError:
        return False
    return event.id == expected and signed_by(event.pubkey, expected, event.sig)


def signed_by(pubkey: str, digest: str, sig: str) -> bool:
    """Whether `sig` is the BIP-340 signature of this author over these 32 bytes; all are hex."""
    try:
        author = coincurve.PublicKeyXOnly(bytes.fromhex(pubkey))
        return bool(author.verify(bytes.fromhex(sig), bytes.fromhex(digest)))
    except ValueError:
        # Not hex, a wrong length, or an x that is on no point of the curve.
        return False


def text(value: object, field: str) -> str:
    """`value` if it is a string that UTF-8 can carry. Raises MalformedEventError naming `field`."""
    if not isinstance(value, str):
        raise MalformedEventError(f"`{field}` is a string, not {type(value).__name__}.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise MalformedEventError(f"`{field}` holds a lone surrogate.") from None
    return value


def _hex(obj: Mapping[str, object], field: str, shape: re.Pattern[str]) -> str:
    value = obj.get(field)
    if not isinstance(value, str) or shape.fullmatch(value) is None:
        raise MalformedEventError(f"`{field}` is not lower-case hex of the right length.")
    return value


def _number(obj: Mapping[str, object], field: str, largest: int) -> int:
    value = obj.get(field)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedEventError(f"`{field}` is a whole number, not {type(value).__name__}.")
    if not 0 <= value <= largest:
        raise MalformedEventError(f"`{field}` is not within 0 and {largest}.")
    return value


def _tags(value: object) -> Tags:
    if not isinstance(value, list):
        raise MalformedEventError(f"`tags` is a list, not {type(value).__name__}.")
    return tuple(_tag(tag) for tag in value)


def _tag(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise MalformedEventError("A tag is a list of one string or more.")
    return tuple(text(item, "tags") for item in value)
