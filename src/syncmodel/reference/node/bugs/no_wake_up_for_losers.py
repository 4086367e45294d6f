"""A log grows, and nobody is told."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="no-wake-up-for-losers",
    title="An entry that changes no table is not pushed: who follows the log never has all of it",
    stands_for=(
        "Watchers that are told only of what concerns them never learn how far the log "
        "went: Kubernetes, KEP-956 (Watch bookmarks)"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, wakes=lambda changes_table: changes_table),
)
