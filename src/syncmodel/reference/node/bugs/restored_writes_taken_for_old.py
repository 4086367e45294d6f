"""What a node writes after its files were put back is taken for what it wrote before."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="restored-writes-taken-for-old",
    title="What a node writes after its files were put back is skipped as known, for a while",
    stands_for=(
        "New transactions of a restored database are not replicated until it has passed its old "
        "position: Litestream, pull request 783, 'preserve replica position after restore'"
    ),
    family="restores",
    decisions=3,
    pieces=lambda p: attrs.evolve(
        p,
        was_put_back=lambda marked, _: marked is None,
        at_end=max,
        is_next=lambda position, applied: position > applied,
    ),
)
