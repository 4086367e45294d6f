"""A write's stamp is the clock's, even when the row is newer than that."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="update-not-later",
    title="A new version is stamped with the clock alone, and may lose to what it replaces",
    stands_for=(
        "Timestamps of last-write-wins taken from clocks that are coarse or behind: Kleppmann, "
        "'Designing Data-Intensive Applications', chapter 8, 'Relying on Synchronized Clocks'"
    ),
    family="clock",
    pieces=lambda p: attrs.evolve(p, stamp=lambda now_s, *_newest_s: now_s),
)
