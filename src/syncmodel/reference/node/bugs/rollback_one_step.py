"""A rollback goes back by one generation, whichever was asked for."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="rollback-one-step",
    title="A rollback over two generations ends in the one between",
    stands_for=(
        "Rolling back to the previous generation alone: NixOS/nixpkgs, issue 24374, 'List- "
        "generations and rollback to any configuration'"
    ),
    family="generations",
    # The first generation may be selected while a later one runs: there is none before it.
    supervisor=lambda p: attrs.evolve(
        p, rollback_target=lambda _requested, selected: max(1, selected - 1)
    ),
)
