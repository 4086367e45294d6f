"""A rollback is followed by the rollout which it was to undo."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="rollback-replays-plan",
    title="After a rollback the current rollout plan is carried out once more",
    stands_for=(
        "A controller that reconciles towards the plan it still holds: tribes-supertest, plugin "
        "rollout/rollback progress notes, 'must not replay the current rollout plan'"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, after_rollback=lambda _to, last_rollout: last_rollout),
)
