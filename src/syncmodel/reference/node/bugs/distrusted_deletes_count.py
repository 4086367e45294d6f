"""Deletes are taken from anybody."""

import attrs

from syncmodel.nostr.events import Event
from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Tombstone, read


def _deletes(event: Event) -> bool:
    return isinstance(read(event), Tombstone)


BUG = Bug(
    name="distrusted-deletes-count",
    title="A delete counts though its author is not trusted",
    stands_for=(
        "Deletes are carried out whoever asks for them: UTXOnly/nostpy-relay, issue 38 "
        "(discussion of who signed the deletion)"
    ),
    family="trust",
    pieces=lambda p: attrs.evolve(p, counts_anyway=_deletes),
)
