"""The decisions of a supervisor that a planted bug replaces, one at a time.

Each is small, named and pure; the defaults are correct. What follows from them for one job is here
too, as the simulated machine uses it as well. Not here: the bugs themselves (`bugs`) and the work
around the decisions (`supervisor`).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from syncmodel.reference.node.migrations import MIGRATIONS, Migration, Plan


def all_of(steps: Plan) -> Plan:
    """Every migration of a plan: a rollback runs them, a preview names them."""
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
    """What a supervisor does every time."""
    return True


def as_asked(requested: int, selected: int) -> int:
    """A rollback leads to the generation that was asked for, however many lie between."""
    del selected
    return requested


def fresh(lost: str | None, fresh_id: str) -> str:
    """A log that was dropped is followed by another one, which has another identity."""
    del lost
    return fresh_id


def what_ran(running: int, last_rollout: int | None) -> int:
    """An application that is started again runs the generation that ran before."""
    del last_rollout
    return running


def undone(steps: Plan) -> bool:
    """A failure undoes every step of a plan."""
    del steps
    return True


def no_step(steps: Plan) -> Plan:
    """A disable runs no migration."""
    del steps
    return ()


def what_is_selected(selected: int, running: int) -> int:
    """A machine boots the generation that is selected, whatever ran before."""
    del running
    return selected


def what_runs(selected: int, running: int) -> int:
    """An application that is started again belongs to what runs, whatever is selected."""
    del selected
    return running


def only_then(steps: Plan) -> bool:
    """The switch is committed with the migrations, and not before."""
    del steps
    return False


def never() -> bool:
    """What a supervisor never does: an aborted job does not go on."""
    return False


@attrs.frozen
class SupervisorPieces:
    """The decisions, by name.

    `migrations`: what there is to migrate, in dependency order.
    `rollback_target(requested, selected) -> number`: where a rollback leads.
    `rollback_migrations(plan) -> plan`: what a rollback or uninstall really runs.
    `selected_after_failure(previous, target) -> number`: selected after a failure before commit.
    `after_rollback(rolled_back_to, last_rollout) -> number | None`: what is then rolled out.
    `log_after(lost, fresh_id) -> log_id`: the identity of the log that follows a dropped one.
    `forgets_cursors()`: whether a switch, while no application runs, lets go of what was applied.
    `boots(running, last_rollout) -> number`: what runs once a stopped application is started.
    `all_or_nothing(plan)`: whether a failure undoes what was done of the plan.
    `looks_first()`: whether substitutes are looked for before anything is changed.
    `reverts()`: whether a rollout whose application does not come up is undone.
    `resumes()`: whether a supervisor that was killed goes on with its job.
    `one_at_a_time()`: whether a job is refused while another one runs.
    `previewed(plan) -> plan`: the migrations that a preview names.
    `notes_first()`: whether a job is written down before what it is about to change.
    `names_missing()`: whether a preview names substitutes that are missing.
    `disable_migrations(plan) -> plan`: what a disable runs.
    `wants_confirmation()`: whether an uninstall that nobody confirmed is refused.
    `machine_boots(selected, running) -> number`: what a machine boots.
    `application_of(selected, running) -> number`: what is started while the machine is up.
    `commits_first(plan)`: whether the switch is committed before these migrations are run.
    `goes_on_after_abort()`: whether an aborted plan is carried out all the same.
    `copies_the_latest()`: whether a backup has the newest entry too.
    `selects_what_was_copied()`: whether a restore selects the generation that was selected then.
    `keeps_cursors()`: whether a restore keeps what counts as applied now, and not what did then.
    """

    migrations: tuple[Migration, ...] = MIGRATIONS
    rollback_target: Callable[[int, int], int] = as_asked
    rollback_migrations: Callable[[Plan], Plan] = all_of
    selected_after_failure: Callable[[int, int], int] = back_to
    after_rollback: Callable[[int, int | None], int | None] = nothing_more
    log_after: Callable[[str | None, str], str] = fresh
    forgets_cursors: Callable[[], bool] = always
    boots: Callable[[int, int | None], int] = what_ran
    all_or_nothing: Callable[[Plan], bool] = undone
    looks_first: Callable[[], bool] = always
    reverts: Callable[[], bool] = always
    resumes: Callable[[], bool] = always
    one_at_a_time: Callable[[], bool] = always
    previewed: Callable[[Plan], Plan] = all_of
    names_missing: Callable[[], bool] = always
    notes_first: Callable[[], bool] = always
    goes_on_after_abort: Callable[[], bool] = never
    disable_migrations: Callable[[Plan], Plan] = no_step
    wants_confirmation: Callable[[], bool] = always
    machine_boots: Callable[[int, int], int] = what_is_selected
    application_of: Callable[[int, int], int] = what_runs
    commits_first: Callable[[Plan], bool] = only_then
    copies_the_latest: Callable[[], bool] = always
    selects_what_was_copied: Callable[[], bool] = always
    keeps_cursors: Callable[[], bool] = never

    def leads_to(self, kind: str, requested: int, selected: int) -> int:
        """The generation that a job of this kind leads to."""
        return self.rollback_target(requested, selected) if kind == "rollback" else requested

    def carried_out(self, kind: str, steps: Plan) -> Plan:
        """What a job of this kind runs of the migrations that lead to its generation."""
        if kind == "disable":
            return self.disable_migrations(steps)
        return steps if kind in ("rollout", "boot") else self.rollback_migrations(steps)

    def afterwards(self, kind: str, target: int, last_rollout: int | None) -> int | None:
        """The generation that is rolled out once this job is done, if any."""
        return self.after_rollback(target, last_rollout) if kind == "rollback" else None
