"""One position stands for all peers."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="one-cursor-for-all-peers",
    title="Every peer's log is asked for from the highest position that was applied of any",
    stands_for=(
        "One checkpoint shared by several sources, so that records of the others are skipped: "
        "digi-project/digi, issue 58, 'Exactly-once with multiple sources in sync'"
    ),
    family="checkpoint",
    pieces=lambda p: attrs.evolve(
        p, asks_after=lambda _applied, applied_of_all: max(applied_of_all)
    ),
)
