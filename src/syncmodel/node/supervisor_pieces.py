"""The decisions of a supervisor that a planted bug replaces, one at a time.

Each is small, named and pure (but for the connection it is handed); the defaults are correct.
Not here: the bugs themselves (`bugs`) and the work around the decisions (`supervisor`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import attrs

from syncmodel.node.migrations import MIGRATIONS, Migration, Plan, forget_cursors


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


@attrs.frozen
class SupervisorPieces:
    """The decisions, by name.

    `migrations`: what there is to migrate, in dependency order.
    `rollback_migrations(plan) -> plan`: what a rollback or uninstall really runs.
    `selected_after_failure(previous, target) -> number`: selected after a failure before commit.
    `after_rollback(rolled_back_to, last_rollout) -> number | None`: what is then rolled out.
    `before_start(connection)`: what a switch does to the store while no application runs.
    """

    migrations: tuple[Migration, ...] = MIGRATIONS
    rollback_migrations: Callable[[Plan], Plan] = all_of
    selected_after_failure: Callable[[int, int], int] = back_to
    after_rollback: Callable[[int, int | None], int | None] = nothing_more
    before_start: Callable[[sqlite3.Connection], None] = forget_cursors
