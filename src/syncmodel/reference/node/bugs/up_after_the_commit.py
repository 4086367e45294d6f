"""The new generation is selected before its tables are there."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="up-after-the-commit",
    title="Up migrations run after the switch was committed, or never, if the machine dies between",
    stands_for=(
        "A version that is there before its migrations have run, so that a failure between them "
        "leaves a schema that is neither: oxidecomputer/omicron, pull request 3760, 'Implement "
        "on-boot DB Schema Migration' (its review)"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(
        p, commits_first=lambda steps: any(direction == "up" for direction, _ in steps)
    ),
)
