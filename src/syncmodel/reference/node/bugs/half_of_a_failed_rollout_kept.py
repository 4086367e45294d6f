"""What a failed rollout did to the tables stays."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.migrations import Plan


def _whole(steps: Plan) -> bool:
    return any(direction == "down" for direction, _ in steps)


BUG = Bug(
    name="half-of-a-failed-rollout-kept",
    title="Tables that a rollout made stay, though one of its migrations failed",
    stands_for=(
        "Migrations that are not one transaction: metabase/metabase, issue 8360, 'Partial database "
        "migrations possible when a failure occurs'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, all_or_nothing=_whole),
)
