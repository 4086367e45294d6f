"""A Nostr key pair and signing with it (BIP-340). Where keys are kept on disk lives elsewhere."""

import attrs
import coincurve
from msgspec.structs import replace

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event, MalformedEventError, Tags, event_id

# Without fresh randomness the same event always gets the same signature, so that a run is
# reproducible; BIP-340 allows it ("Default Signing", auxiliary random data).
_NO_RANDOMNESS = bytes(32)


class MalformedKeyError(SyncModelError):
    """Not a secret key. The message never quotes what was given."""


@attrs.frozen(repr=False)
class Key:
    """A secret key; equal keys have equal public halves. Its repr shows the public half alone."""

    public: str
    _private: coincurve.PrivateKey = attrs.field(eq=False)

    @classmethod
    def generate(cls) -> "Key":
        """A new random key."""
        return cls._of(coincurve.PrivateKey())

    @classmethod
    def from_hex(cls, secret: str) -> "Key":
        """The key with this secret, 64 hex digits. Raises MalformedKeyError."""
        # `from None`: the causes quote the secret, and tracebacks end up in reports.
        try:
            raw = bytes.fromhex(secret)
        except (ValueError, TypeError):
            raise MalformedKeyError("A secret key is 64 hex digits.") from None
        if len(raw) != 32:
            raise MalformedKeyError("A secret key is 64 hex digits.") from None
        try:
            return cls._of(coincurve.PrivateKey(raw))
        except ValueError:
            raise MalformedKeyError("This secret key is outside the curve's order.") from None

    @classmethod
    def _of(cls, private: coincurve.PrivateKey) -> "Key":
        return cls(private.public_key_xonly.format().hex(), private)

    def __repr__(self) -> str:
        return f"Key(public={self.public!r}, secret hidden)"

    def reveal(self) -> str:
        """The secret, 64 hex digits: only for the code that stores the key."""
        return self._private.to_hex()

    def sign(self, event: Event) -> Event:
        """The event, signed; the same event always gets the same signature.

        Raises MalformedEventError if its author is another key or its id is not that of its fields.
        """
        if event.pubkey != self.public:
            raise MalformedEventError(
                f"This event's author is {event.pubkey}, the key is {self.public}."
            )
        expected = event_id(event.pubkey, event.created_at, event.kind, event.tags, event.content)
        if event.id != expected:
            raise MalformedEventError(f"This event's id is {event.id}, its fields say {expected}.")
        return replace(event, sig=self.sign_digest(event.id))

    def sign_new(self, created_at: int, kind: int, tags: Tags, content: str) -> Event:
        """A new event of this author with these fields, signed.

        Raises MalformedEventError if a string is not text.
        """
        identity = event_id(self.public, created_at, kind, tags, content)
        sig = self.sign_digest(identity)
        return Event(identity, self.public, created_at, kind, tags, content, sig)

    def sign_digest(self, digest: str) -> str:
        """The BIP-340 signature over these 32 bytes; both are hex."""
        return self._private.sign_schnorr(bytes.fromhex(digest), _NO_RANDOMNESS).hex()
