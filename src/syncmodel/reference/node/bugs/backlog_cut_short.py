"""A backlog is cut to a fixed length, and said to be all."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.pieces import backlog

BUG = Bug(
    name="backlog-cut-short",
    title="Of all that a subscriber missed it is sent the last two entries alone",
    stands_for=(
        "Answers clamped to a limit without a word: Nostr, NIP-11, `max_limit` ('typically done "
        "silently by the relay')"
    ),
    family="checkpoint",
    pieces=lambda p: attrs.evolve(p, backlog=lambda entries, after: backlog(entries, after)[-2:]),
)
