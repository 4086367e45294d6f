"""The messages between a relay and its clients: values, and their one text form each.

NIP-01's messages, and the trailing elements by which peers follow a log: other clients ignore them.
The node decides how to answer each message; what can't be read has its answer here already.
"""

import json
import re
from typing import Any, Final

from syncmodel.nostr.events import Event, MalformedEventError
from syncmodel.nostr.filters import Filter, MalformedMessageError, label, number
from syncmodel.record import Record

__all__ = [
    "Auth",
    "BadDelivery",
    "Challenge",
    "Close",
    "Closed",
    "Delivery",
    "Eose",
    "Filter",
    "FromClient",
    "FromRelay",
    "MalformedMessageError",
    "Notice",
    "Ok",
    "Publish",
    "RefusedMessageError",
    "Req",
    "parse_from_client",
    "parse_from_relay",
]

#: What an answer says of a message is for people, and may quote it.
WORDS_LIMIT_CHARS: Final = 200
SUB_LIMIT_CHARS: Final = 64
_ANY_HEX_32_BYTES = re.compile(r"[0-9a-fA-F]{64}")

_plainly = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_escaped = json.JSONEncoder(separators=(",", ":")).encode


def _encode(message: object) -> str:
    """The text of a message, which UTF-8 can always carry: a lone surrogate is escaped."""
    text = _plainly(message)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return _escaped(message)
    return text


class Req(Record):
    """Client to relay: subscribe. `["REQ", sub, filter, ...]`, one filter or more."""

    sub: str
    filters: tuple[Filter, ...]

    def to_text(self) -> str:
        return _encode(["REQ", self.sub, *(one.to_json() for one in self.filters)])


class Close(Record):
    """Client to relay: end a subscription. `["CLOSE", sub]`."""

    sub: str

    def to_text(self) -> str:
        return _encode(["CLOSE", self.sub])


class Publish(Record):
    """Client to relay: store an event. `["EVENT", event]`."""

    event: Event

    def to_text(self) -> str:
        return _encode(["EVENT", self.event.to_json()])


class Auth(Record):
    """Client to relay: who is calling. `["AUTH", event]`, of NIP-42's kind (see nip42.py)."""

    event: Event

    def to_text(self) -> str:
        return _encode(["AUTH", self.event.to_json()])


class Challenge(Record):
    """Relay to client: what an Auth of this connection must quote. `["AUTH", challenge]`."""

    challenge: str

    def to_text(self) -> str:
        return _encode(["AUTH", self.challenge])


class Delivery(Record):
    """Relay to client: an event, with its position if the subscription follows the log."""

    sub: str
    event: Event
    position: int | None = None

    def to_text(self) -> str:
        return self.text_with(self.event_text())

    def event_text(self) -> str:
        """The event alone, as it is in the text."""
        return _encode(self.event.to_json())

    def text_with(self, event: str) -> str:
        """The text, made of the event's."""
        tail = "" if self.position is None else f",{self.position}"
        return f'["EVENT",{_encode(self.sub)},{event}{tail}]'


class BadDelivery(Record):
    """Relay to client: a delivery whose event is malformed. It is a value and not an error, since a
    follower of the log counts it and goes on from its position. It is only ever received."""

    sub: str
    reason: str
    position: int | None = None


class Eose(Record):
    """Relay to client: what was stored has been sent; with the log and its end, if followed."""

    sub: str
    log_id: str | None = None
    position: int | None = None

    def to_text(self) -> str:
        tail = () if self.log_id is None else (self.log_id, self.position)
        return _encode(["EOSE", self.sub, *tail])


class Ok(Record):
    """Relay to client: whether a published event was accepted."""

    event_id: str
    accepted: bool
    message: str = ""

    def to_text(self) -> str:
        return _encode(["OK", self.event_id, self.accepted, self.message])


class Notice(Record):
    """Relay to client: words for people."""

    message: str

    def to_text(self) -> str:
        return _encode(["NOTICE", self.message])


class Closed(Record):
    """Relay to client: the relay ended the subscription, or would not begin it."""

    sub: str
    message: str = ""

    def to_text(self) -> str:
        return _encode(["CLOSED", self.sub, self.message])


FromClient = Req | Close | Publish | Auth
FromRelay = Delivery | BadDelivery | Eose | Ok | Notice | Closed | Challenge


class RefusedMessageError(MalformedMessageError):
    """A client's message that can't be read, and the answer that NIP-01 has for it."""

    def __init__(self, answer: Ok | Closed | Notice) -> None:
        super().__init__(answer.message)
        self.answer = answer


def parse_from_client(frame: str | bytes) -> FromClient:
    """The message in a WebSocket frame that a relay received. Raises RefusedMessageError."""
    message: list[Any] = []
    try:
        message = _array(frame)
        return _from_client(message)
    except (MalformedMessageError, MalformedEventError) as error:
        raise RefusedMessageError(_refusal(message, str(error)[:WORDS_LIMIT_CHARS])) from None


def _refusal(message: list[Any], why: str) -> Ok | Closed | Notice:
    """The answer to a message that can't be read, which names the event or the subscription if
    that much can be."""
    match message:
        case ["EVENT" | "AUTH", {"id": str(event_id)}, *_] if _ANY_HEX_32_BYTES.fullmatch(event_id):
            return Ok(event_id, False, f"invalid: {why}")
        case ["REQ", sub, *_] if _is_sub(sub):
            return Closed(sub, f"invalid: {why}")
        case _:
            return Notice(f"invalid: {why}")


def _from_client(message: list[Any]) -> FromClient:
    match message:
        case ["REQ", sub, first, *rest]:
            filters = tuple(Filter.from_json(one) for one in (first, *rest))
            return Req(_sub(sub), filters)
        case ["CLOSE", sub, *_]:
            return Close(_sub(sub))
        case ["EVENT", event, *_]:
            return Publish(Event.from_json(event))
        case ["AUTH", event, *_]:
            return Auth(Event.from_json(event))
        case other:
            raise _unknown(other)


def parse_from_relay(frame: str | bytes) -> FromRelay:
    """The message in a WebSocket frame that a client received. Raises MalformedMessageError."""
    match _array(frame):
        case ["EVENT", sub, event, *tail]:
            return _delivery(_sub(sub), event, number(_first(tail), "position"))
        case ["EOSE", sub, *tail]:
            log_id, position, *_ = (*tail, None, None) if len(tail) > 1 else (None, None)
            return Eose(_sub(sub), label(log_id, "log_id"), number(position, "position"))
        case ["OK", str(event_id), bool(accepted), *tail]:
            return Ok(event_id, accepted, _words(tail))
        case ["NOTICE", *tail]:
            return Notice(_words(tail))
        case ["AUTH", str(challenge), *_]:
            return Challenge(challenge)
        case ["CLOSED", sub, *tail]:
            return Closed(_sub(sub), _words(tail))
        case other:
            raise _unknown(other)


def _array(frame: str | bytes) -> list[Any]:
    try:
        value = json.loads(frame)
    except (ValueError, RecursionError):
        raise MalformedMessageError("A message is JSON; this is not.") from None
    if not isinstance(value, list) or not value:
        raise MalformedMessageError("A message is a JSON array with its type first.")
    return value


def _sub(value: object) -> str:
    if not _is_sub(value):
        raise MalformedMessageError(
            f"A subscription id is text of 1 to {SUB_LIMIT_CHARS} characters."
        )
    assert isinstance(value, str)
    return value


def _is_sub(value: object) -> bool:
    """Whether this names a subscription: any text, as NIP-01 has it, which UTF-8 can carry."""
    if not isinstance(value, str) or not 0 < len(value) <= SUB_LIMIT_CHARS:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _delivery(sub: str, event: object, position: int | None) -> Delivery | BadDelivery:
    try:
        return Delivery(sub, Event.from_json(event), position)
    except MalformedEventError as error:
        return BadDelivery(sub, str(error), position)


def _first(tail: list[object]) -> object:
    return tail[0] if tail else None


def _words(tail: list[object]) -> str:
    words = _first(tail)
    return words if isinstance(words, str) else ""


def _unknown(message: list[object]) -> MalformedMessageError:
    kind = message[0]
    named = ascii(kind)[:40] if isinstance(kind, str) else type(kind).__name__
    return MalformedMessageError(
        f"No message of this type and length: {named}, {len(message)} long."
    )
