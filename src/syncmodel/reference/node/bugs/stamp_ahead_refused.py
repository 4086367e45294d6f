"""Stamps that run ahead of the clock are refused."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="stamp-ahead-refused",
    title="A row stamped over a second ahead of the local clock is refused for good",
    stands_for=(
        "A limit on how far a stamp may be in the future that is tighter than what writers do: "
        "Nostr, NIP-11, `created_at_upper_limit` (its example has 3 seconds)"
    ),
    family="clock",
    pieces=lambda p: attrs.evolve(p, latest_stamp=lambda now_s: now_s + 1),
)
