"""Requests that no node may carry out: a good one (NIP-98), each with one thing wrong about it.

What is wrong is data, so that it is the same on the wire and in memory. Not here: a request that
is good and comes twice, as it has nothing wrong.
"""

import base64
import json
from collections.abc import Mapping
from hashlib import sha256

from syncmodel.nostr import nip98
from syncmodel.nostr.keys import Key
from syncmodel.record import Record

#: So far from the node's time is what is no more, or not yet, good: clocks may differ by a minute.
FAR_S = 600
#: Nobody's administrator; that anyone can sign as this one does no harm.
STRANGER = Key.from_hex(sha256(b"syncmodel: nobody's administrator").hexdigest())


class Forgery(Record):
    """What is said of a request that is not so; what nothing is said of is as it should be.

    `after_s`: how much later than now it was made. `url` is added to the URL, `body` to the body
    whose hash is signed.
    """

    signed: bool = True
    by_admin: bool = True
    whole: bool = True
    to_peer: bool = False
    after_s: int = 0
    url: str = ""
    method: str = "POST"
    body: bytes = b""


FORGERIES: Mapping[str, Forgery] = {
    "unsigned": Forgery(signed=False),
    "not-admin": Forgery(by_admin=False),
    "bad-signature": Forgery(whole=False),
    "stale": Forgery(after_s=-FAR_S),
    "early": Forgery(after_s=FAR_S),
    "wrong-url": Forgery(url="?x=1"),
    "wrong-method": Forgery(method="GET"),
    "wrong-body": Forgery(body=b" "),
    "other-node": Forgery(to_peer=True),
}


class Request(Record):
    """A good request: to which place, with which body, when, and to which node (its key)."""

    url: str
    body: bytes
    now_s: int
    nonce: str
    node: str

    def authorization(self, key: Key) -> str:
        """Its header."""
        return nip98.authorization(
            key, self.url, "POST", self.body, self.now_s, self.nonce, self.node
        )


def forged(request: Request, variant: str, key: Key, peer: str) -> str | None:
    """The header of the request with that wrong about it; None for none. `peer` is the key of
    another node. Raises KeyError for an unknown variant."""
    wrong = FORGERIES[variant]
    if not wrong.signed:
        return None
    header = nip98.authorization(
        key if wrong.by_admin else STRANGER,
        request.url + wrong.url,
        wrong.method,
        request.body + wrong.body,
        request.now_s + wrong.after_s,
        request.nonce,
        peer if wrong.to_peer else request.node,
    )
    return header if wrong.whole else _spoiled(header)


def _spoiled(header: str) -> str:
    """The same event with another signature."""
    scheme, coded = header.split(" ")
    event = json.loads(base64.b64decode(coded))
    event["sig"] = event["sig"][::-1]
    return f"{scheme} {base64.b64encode(json.dumps(event).encode()).decode()}"
