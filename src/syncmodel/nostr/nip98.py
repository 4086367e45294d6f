"""HTTP authorisation by a signed event (NIP-98): both the header and its check.

NIP-98 names a URL, and behind ours is a node on each machine. So one more tag, `p` (NIP-01: another
user's key), names the node that is asked: a captured request is of no use at any other node.
The clock is the caller's: every time here is an argument, in whole seconds.
"""

import base64
import binascii
import json
from collections.abc import Container, Iterable
from hashlib import sha256
from heapq import heappop, heappush

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event, MalformedEventError, verify
from syncmodel.nostr.keys import Key
from syncmodel.record import Record

KIND = 27235
WINDOW_S = 60
#: So long ids are remembered: if a clock goes back by two minutes, who asks in its time is heard.
REMEMBERED_S = WINDOW_S + 140
_SCHEME = "Nostr"
_HEADER_LIMIT_CHARS = 16_384


class UnauthorizedError(SyncModelError):
    """A request whose authorisation does not hold. The message is the reason."""


class Asked(Record):
    """What an event must say of a request: the URL as it was asked, the method, the body's hash."""

    url: str
    method: str
    payload: str

    @classmethod
    def of(cls, url: str, method: str, body: bytes) -> "Asked":
        """The request with this body."""
        return cls(url, method, sha256(body).hexdigest())


def authorization(  # noqa: PLR0917  (the parts of a request, in their order on the wire)
    key: Key, url: str, method: str, body: bytes, now_s: int, nonce: str, node: str | None = None
) -> str:
    """The value of the Authorization header for one request to the node with this public key.

    `nonce` must differ from request to request: two equal requests in one second would otherwise
    be one event id, and the second would be refused as a replay. Without `node` it is what any
    NIP-98 client sends.
    """
    asked = Asked.of(url, method, body)
    tags = (
        ("u", asked.url),
        ("method", asked.method),
        ("payload", asked.payload),
        ("nonce", nonce),
        *((("p", node),) if node is not None else ()),
    )
    event = key.sign_new(now_s, KIND, tags, "")
    text = json.dumps(event.to_json(), separators=(",", ":"))
    return f"{_SCHEME} {base64.b64encode(text.encode()).decode()}"


def check(
    header: str | None,
    asked: Asked,
    now_s: int,
    admins: Container[str],
    node: str,
    *,
    plain: bool = False,
) -> Event:
    """The event that authorises this request to `node`. `admins` and `node` are keys in hex.

    `plain`: an event that names no node will do, as plain NIP-98 clients send it. Raises
    UnauthorizedError with the reason. It does not know of replays: pass what it returns to
    `SeenIds.admit`.
    """
    event = _decode(header)
    wanted = {"u": asked.url, "method": asked.method, "payload": asked.payload, "p": node}
    if event.kind != KIND:
        raise UnauthorizedError(f"The event is of kind {event.kind}, not {KIND}.")
    if abs(now_s - event.created_at) > WINDOW_S:
        raise UnauthorizedError(
            f"The event was made {now_s - event.created_at} s ago, more than {WINDOW_S} s apart."
        )
    for name, value in wanted.items():
        said = [tag[1:2] for tag in event.tags if tag[0] == name]
        if plain and name == "p" and not said:
            continue
        # Exactly one: with two, a reader of the other one would authorise another request.
        if said != [(value,)]:
            raise UnauthorizedError(f"The event's `{name}` tag is not that of this request.")
    if event.pubkey not in admins:
        raise UnauthorizedError("The signer is not an administrator.")
    if not verify(event):
        raise UnauthorizedError("The event's id or signature is wrong.")
    return event


def _decode(header: str | None) -> Event:
    # RFC 9110, section 11.1: the scheme's case does not matter, and spaces follow it.
    scheme, space, coded = (header or "").partition(" ")
    if not space or scheme.lower() != _SCHEME.lower():
        raise UnauthorizedError("There is no `Authorization: Nostr ...` header.")
    if len(coded) > _HEADER_LIMIT_CHARS:
        raise UnauthorizedError("The Authorization header is too long.")
    try:
        raw = base64.b64decode(coded.strip(" "), validate=True)
        return Event.from_json(json.loads(raw))
    except (binascii.Error, ValueError, RecursionError):
        raise UnauthorizedError("The Authorization header is not base64 of JSON.") from None
    except MalformedEventError as error:
        raise UnauthorizedError(f"The Authorization header holds no event: {error}") from error


class SeenIds:
    """The replay guard: each authorising event is admitted once.

    It holds the ids that `check` could still accept, if the clock does not go back too far, and at
    most `limit` of them. What it has forgotten it refuses, so neither a clock set back nor a flood
    opens the door again.
    """

    def __init__(
        self,
        held: Iterable[tuple[int, str]] = (),
        forgotten_until_s: int = -1,
        limit: int = 100_000,
    ) -> None:
        """`held` are the ids from before, each after its `created_at`."""
        self._limit = limit
        self._by_age = sorted(held)
        self._ids = {identity for _, identity in self._by_age}
        self.forgotten_until_s = forgotten_until_s

    def __len__(self) -> int:
        return len(self._ids)

    def admit(self, event: Event, now_s: int) -> None:
        """Note the event as used. Raises UnauthorizedError if it was used, or may have been."""
        while self._by_age and self._by_age[0][0] < now_s - REMEMBERED_S:
            self._forget_oldest()
        if event.id in self._ids:
            raise UnauthorizedError("This authorisation was used before.")
        if event.created_at <= self.forgotten_until_s:
            raise UnauthorizedError("This authorisation is older than what is remembered.")
        if len(self._ids) >= self._limit:
            self._forget_oldest()
        self._ids.add(event.id)
        heappush(self._by_age, (event.created_at, event.id))

    def _forget_oldest(self) -> None:
        created_at, identity = heappop(self._by_age)
        self._ids.discard(identity)
        self.forgotten_until_s = max(self.forgotten_until_s, created_at)
