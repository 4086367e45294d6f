"""HTTP authorisation by a signed event (NIP-98): both the header and its check.

The clock is the caller's: every time here is an argument, in whole seconds.
"""

import base64
import binascii
import json
from collections.abc import Container
from hashlib import sha256
from heapq import heappop, heappush

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event, MalformedEventError, verify
from syncmodel.nostr.keys import Key

KIND = 27235
WINDOW_S = 60
_SCHEME = "Nostr "
_HEADER_LIMIT_CHARS = 16_384


class UnauthorizedError(SyncModelError):
    """A request whose authorisation does not hold. The message is the reason."""


def authorization(  # noqa: PLR0917  (the parts of a request, in their order on the wire)
    key: Key, url: str, method: str, body: bytes, now_s: int, nonce: str
) -> str:
    """The value of the Authorization header for one request.

    `nonce` must differ from request to request: two equal requests in one second would otherwise
    be one event id, and the second would be refused as a replay.
    """
    tags = (
        ("u", url),
        ("method", method),
        ("payload", sha256(body).hexdigest()),
        ("nonce", nonce),
    )
    event = key.sign_new(now_s, KIND, tags, "")
    text = json.dumps(event.to_json(), separators=(",", ":"))
    return _SCHEME + base64.b64encode(text.encode()).decode()


def check(  # noqa: PLR0917  (as `authorization`)
    header: str | None, url: str, method: str, body: bytes, now_s: int, admins: Container[str]
) -> Event:
    """The event that authorises this request. `admins` holds public keys in hex.

    Raises UnauthorizedError with the reason. It does not know of replays: pass what it returns to
    `SeenIds.admit`.
    """
    event = _decode(header)
    wanted = {"u": url, "method": method, "payload": sha256(body).hexdigest()}
    if event.kind != KIND:
        raise UnauthorizedError(f"The event is of kind {event.kind}, not {KIND}.")
    if abs(now_s - event.created_at) > WINDOW_S:
        raise UnauthorizedError(
            f"The event was made {now_s - event.created_at} s ago, more than {WINDOW_S} s apart."
        )
    for name, value in wanted.items():
        # Exactly one: with two, a reader of the other one would authorise another request.
        if [tag[1:2] for tag in event.tags if tag[0] == name] != [(value,)]:
            raise UnauthorizedError(f"The event's `{name}` tag is not that of this request.")
    if event.pubkey not in admins:
        raise UnauthorizedError("The signer is not an administrator.")
    if not verify(event):
        raise UnauthorizedError("The event's id or signature is wrong.")
    return event


def _decode(header: str | None) -> Event:
    if header is None or not header.startswith(_SCHEME):
        raise UnauthorizedError("There is no `Authorization: Nostr ...` header.")
    if len(header) > _HEADER_LIMIT_CHARS:
        raise UnauthorizedError("The Authorization header is too long.")
    try:
        raw = base64.b64decode(header.removeprefix(_SCHEME), validate=True)
        return Event.from_json(json.loads(raw))
    except (binascii.Error, ValueError, RecursionError):
        raise UnauthorizedError("The Authorization header is not base64 of JSON.") from None
    except MalformedEventError as error:
        raise UnauthorizedError(f"The Authorization header holds no event: {error}") from error


class SeenIds:
    """The replay guard: each authorising event is admitted once.

    It holds the ids that `check` could still accept, and at most `limit` of them. What it has
    forgotten it refuses, so neither a clock set back nor a flood opens the door again.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._ids: set[str] = set()
        self._by_age: list[tuple[int, str]] = []
        self._forgotten_until_s = -1

    def __len__(self) -> int:
        return len(self._ids)

    def admit(self, event: Event, now_s: int) -> None:
        """Note the event as used. Raises UnauthorizedError if it was used, or may have been."""
        while self._by_age and self._by_age[0][0] < now_s - WINDOW_S:
            self._forget_oldest()
        if event.id in self._ids:
            raise UnauthorizedError("This authorisation was used before.")
        if event.created_at <= self._forgotten_until_s:
            raise UnauthorizedError("This authorisation is older than what is remembered.")
        if len(self._ids) >= self._limit:
            self._forget_oldest()
        self._ids.add(event.id)
        heappush(self._by_age, (event.created_at, event.id))

    def _forget_oldest(self) -> None:
        created_at, identity = heappop(self._by_age)
        self._ids.discard(identity)
        self._forgotten_until_s = max(self._forgotten_until_s, created_at)
