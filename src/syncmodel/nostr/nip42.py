"""Who is at the other end of a connection to a relay (NIP-42): the proof and its check.

A relay is named by the key of its node, since a node is reached by many addresses. The clock and
the challenge are the caller's.
"""

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event, verify
from syncmodel.nostr.keys import Key

KIND = 22242
#: "Close, e.g. within about ten minutes": what makes a proof fresh is the challenge.
WINDOW_S = 600


class NotProvedError(SyncModelError):
    """A proof that does not hold. The message is the reason."""


def relay_url(pubkey: str) -> str:
    """The name of the relay of the node with this key, by whatever address it was dialled."""
    return f"ws://{pubkey}"


def prove(key: Key, relay: str, challenge: str, now_s: int) -> Event:
    """The event that proves to the node `relay` (its public key) that `key` is calling.

    Raises MalformedEventError if the challenge is not text.
    """
    tags = (("relay", relay_url(relay)), ("challenge", challenge))
    return key.sign_new(now_s, KIND, tags, "")


def check(event: Event, relay: str, challenge: str, now_s: int) -> None:
    """Raises NotProvedError unless the event's author is calling `relay` on the connection that has
    this challenge, which must be of that connection alone."""
    if event.kind != KIND:
        raise NotProvedError(f"The event is of kind {event.kind}, not {KIND}.")
    if abs(now_s - event.created_at) > WINDOW_S:
        raise NotProvedError(f"The event's created_at is more than {WINDOW_S} s off.")
    for name, value in (("relay", relay_url(relay)), ("challenge", challenge)):
        # Exactly one: with two, it would be a proof for another relay or connection too.
        if [tag[1:2] for tag in event.tags if tag[0] == name] != [(value,)]:
            raise NotProvedError(f"The event's `{name}` tag is not that of this connection.")
    if not verify(event):
        raise NotProvedError("The event's id or signature is wrong.")
