"""A restart boots another generation than what ran."""

import attrs

from syncmodel.reference.node.bugs.base import Bug


def _boots(running: int, last_rollout: int | None) -> int:
    rolled_back = last_rollout is not None and last_rollout > running
    return max(1, running - 1) if rolled_back else running


BUG = Bug(
    name="boots-one-further-back",
    title="After a rollback, an application that is restarted runs the generation before that one",
    stands_for=(
        "A boot that was not confirmed counts as failed, and the entry before it is "
        "booted: systemd, 'Automatic Boot Assessment'"
    ),
    family="restart",
    supervisor=lambda p: attrs.evolve(p, boots=_boots),
)
