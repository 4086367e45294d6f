"""The decisions of a supervisor that a planted bug replaces, one at a time.

Each is small, named and pure; the defaults are correct. What follows from them for one job stands
here too, as the simulated machine decides by it as well. Not here: the bugs themselves (`bugs`)
and the work around the decisions (`supervisor`).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from syncmodel.node.migrations import MIGRATIONS, Migration, Plan


def all_of(steps: Plan) -> Plan:
    """A rollback runs every migration of its plan."""
    return steps


def back_to(previous: int, target: int) -> int:
    """After a failure before the commit: selected is what it was."""
    del target
    return previous


def nothing_more(rolled_back_to: int, last_rollout: int | None) -> int | None:
    """After a rollback no generation is rolled out: the current rollout plan is not replayed."""
    del rolled_back_to, last_rollout
    return None


def always() -> bool:
    """Before the new generation starts every peer's log counts as not applied at all."""
    return True


@attrs.frozen
class SupervisorPieces:
    """The decisions, by name.

    `migrations`: what there is to migrate, in dependency order.
    `rollback_migrations(plan) -> plan`: what a rollback or uninstall really runs.
    `selected_after_failure(previous, target) -> number`: selected after a failure before commit.
    `after_rollback(rolled_back_to, last_rollout) -> number | None`: what is then rolled out.
    `forgets_cursors()`: whether a switch, while no application runs, lets go of what was applied.
    """

    migrations: tuple[Migration, ...] = MIGRATIONS
    rollback_migrations: Callable[[Plan], Plan] = all_of
    selected_after_failure: Callable[[int, int], int] = back_to
    after_rollback: Callable[[int, int | None], int | None] = nothing_more
    forgets_cursors: Callable[[], bool] = always

    def carried_out(self, kind: str, steps: Plan) -> Plan:
        """What a job of this kind runs of the migrations that lead to its generation."""
        if kind == "disable":
            return ()
        return steps if kind == "rollout" else self.rollback_migrations(steps)

    def afterwards(self, kind: str, target: int, last_rollout: int | None) -> int | None:
        """The generation that is rolled out once this job is done, if any."""
        return self.after_rollback(target, last_rollout) if kind == "rollback" else None
