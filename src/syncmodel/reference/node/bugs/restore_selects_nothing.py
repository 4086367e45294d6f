"""A restore puts everything back but which generation is selected."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="restore-selects-nothing",
    title="A restored machine runs the generation of its backup, and would boot another one",
    stands_for=(
        "Another system is booted than the one that was restored: Timeshift, issue 826, 'Timeshift "
        "restores the wrong snapshot'"
    ),
    family="restores",
    supervisor=lambda p: attrs.evolve(p, selects_what_was_copied=lambda: False),
)
