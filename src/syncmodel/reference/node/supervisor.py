"""The supervisor of one machine: carries jobs through the application's restart.

Lives here: the order in which a rollout, rollback, disable or uninstall does things, what is left
after a failure at each point, and going on after the supervisor's own restart. Not here: the steps
themselves (`generations`, `migrations`), how jobs are kept (`jobs`), how clients reach this
(`control`), and how an application is started (it is handed in).

What a crash at any moment finds: until "committing" is on disk the tables are as they were. From
then on the tables and the selected link may be old or new, each for itself; carrying out the rest
once more leads to the new ones, as each part looks first at what is there.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import attrs

from syncmodel.errors import SyncModelError
from syncmodel.reference.node import migrations
from syncmodel.reference.node.backups import vouch
from syncmodel.reference.node.deployment import Deployment, RefusedError
from syncmodel.reference.node.endings import code, failed, first_line
from syncmodel.reference.node.faults import ApplicationFailedError, Faults
from syncmodel.reference.node.generations import Generation
from syncmodel.reference.node.jobs import Job, JobStore, Kind
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import Migration, Plan
from syncmodel.reference.node.supervised import Application
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

#: The jobs that can still be asked about; older ones are forgotten.
KEPT_JOBS = 50


class Supervisor:
    """One machine's generations and jobs. At most one job runs at a time."""

    def __init__(
        self,
        layout: Layout,
        application: Application,
        pieces: SupervisorPieces | None = None,
        *,
        new_log_id: Callable[[], str] = lambda: secrets.token_hex(8),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._application = application
        self._pieces = pieces or SupervisorPieces()
        self._new_log_id = new_log_id
        self._clock = clock
        self._deployment = Deployment.decided_by(self._pieces, layout)
        self._generations = self._deployment.generations
        self._store = JobStore(layout.jobs)
        self._jobs = {job.name: job for job in self._store.load()}
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        #: Held while it is decided whether a job may still be aborted.
        self._committing = threading.Lock()
        self._aborted = False
        self.faults = Faults()

    async def boot(self) -> None:
        """Finish the job that a crash interrupted, if any; then run what is selected.

        Another generation than ran is migrated to before it starts, by a job. Raises
        ApplicationFailedError.
        """
        for job in [job for job in self._jobs.values() if not job.ended]:
            if self._pieces.resumes():
                self._launch(job)
            else:
                del self._jobs[job.name]
        await self.job_ended()
        selected, running = self._generations.selected(), self._generations.running()
        number = selected if running is None else self._pieces.machine_boots(selected, running)
        if running is not None and number != running:
            self._launch(self._new_job("boot", number, previous=running, was_up=True))
            await self.job_ended()
        if self._application.state == "stopped":
            if self._generations.running() is None:
                self._generations.set_running(number)
            await self._application.start()

    async def start(self) -> None:
        """Start the application, unless it runs. Raises ApplicationFailedError."""
        running = self._generations.running()
        if self._application.state == "stopped" and running is not None:
            number = self._pieces.application_of(self._generations.selected(), running)
            number = self._pieces.boots(number, self._last_rollout())
            if number != running:
                self._generations.set_running(number)
        await self._application.start()

    async def job_ended(self) -> None:
        """Returns when no job runs."""
        if self._task is not None:
            # Who waits may be cancelled; the job goes on.
            await asyncio.shield(self._task)

    @property
    def deployment(self) -> Deployment:
        """What is deployed, for questions."""
        return self._deployment

    def summary(self) -> dict[str, Any]:
        """The machine at a glance: application, selected, running, and the job that runs now."""
        current = [job.name for job in self._jobs.values() if not job.ended]
        return {
            "application": self._application.state,
            "selected": self._generations.selected(),
            "running": self._generations.running(),
            "job": current[0] if current else None,
        }

    def begin(
        self,
        kind: Kind,
        number: int,
        *,
        at_boot: bool = False,
        pins: Mapping[str, str] | None = None,
    ) -> Job:
        """Begin a job that leads to generation `number`; returns at once.

        `at_boot`: it only selects that generation, which is migrated to and runs once the machine
        boots; so is every one that needs another supervisor. `pins` are commits that may be pulled
        though they do not follow from what is there, by channel. Raises RefusedError: 404
        unknown_generation, 409 job_running, 503 not_ready when the disk does not take it.
        """
        target = self._deployment.get(number)
        busy = self._task is not None and not self._task.done()
        if busy and self._pieces.one_at_a_time():
            raise RefusedError("job_running", "A job is running: wait for its end.", status=409)
        selected = self._generations.selected()
        job = self._new_job(
            kind,
            self._pieces.leads_to(kind, number, selected),
            previous=selected,
            was_up=self._application.state != "stopped",
            at_boot=at_boot or bool(self._deployment.reboot_reasons(target)),
            pins=dict(pins or {}),
        )
        self._forget_old()
        try:
            self._note(job.to("preparing", f"{kind} to generation {number}"))
        except OSError as error:
            del self._jobs[job.name]
            raise RefusedError(
                "not_ready", f"The job can't be written down: {error}", status=503
            ) from error
        self._launch(self._jobs[job.name])
        return job

    def abort(self, name: str) -> None:
        """Have a job end before its commit, as if it had not begun; returns at once.

        Raises RefusedError: 404 unknown_job, 409 too_late (it commits, or has ended).
        """
        with self._committing:
            if self._job(name).state not in ("preparing", "building", "migrating"):
                raise RefusedError("too_late", f"{name} commits, or has ended.", status=409)
            self._aborted = True
        self.faults.let_go()

    def _new_job(
        self, kind: Kind, target: int, *, previous: int, was_up: bool, **options: Any
    ) -> Job:
        number = 1 + max((job.number for job in self._jobs.values()), default=0)
        return Job(number, kind, target, previous, was_up, **options)

    def _job(self, name: str) -> Job:
        if name not in self._jobs:
            raise RefusedError("unknown_job", f"There is no job {name!r:.80} here.", status=404)
        return self._jobs[name]

    def _forget_old(self) -> None:
        # A long-running machine must not fill up with old jobs.
        ended = [job for job in self._jobs.values() if job.ended]
        for job in ended[: -(KEPT_JOBS - 1)]:
            self._store.remove(job)
            del self._jobs[job.name]

    async def job_status(self, name: str, limit_s: float) -> dict[str, Any]:
        """One job. Returns when it has ended, or after `limit_s`. Raises RefusedError (404)."""
        if limit_s > 0 and not self._job(name).ended:
            try:
                async with asyncio.timeout(limit_s):
                    await self._ended.wait()
            except TimeoutError:
                pass  # the answer reports progress
        there = {
            "selected": self._generations.selected(),
            "running": self._generations.running(),
        }
        return self._job(name).told() | there

    # One job, from any state that a crash may have left on disk.

    def _launch(self, job: Job) -> None:
        self._ended.clear()
        self._aborted = False
        self._task = asyncio.get_running_loop().create_task(self._carry_out(job))

    async def _carry_out(self, job: Job) -> None:
        try:
            job = await self._to_the_end(job)
        except Exception as error:  # noqa: BLE001 - the edge of a job: it must end, whatever it met
            job = await self._fail(self._jobs[job.name], error)
        try:
            self._note(job)
        finally:
            self._ended.set()

    async def _to_the_end(self, job: Job) -> Job:
        target = self._deployment.get(job.target)
        if job.state == "reverting":
            return await self._revert(job)
        if job.state in ("preparing", "building", "migrating"):
            pulled = await asyncio.to_thread(self._prepare, job, target, first=True)
            job = self._note(job.to("building", f"store item {target.item}; {pulled}"))
            await self.faults.hold("killed-before-commit")
        if job.at_boot:
            return self._select(job, target)
        if job.state != "restarting":
            steps = await asyncio.to_thread(self._steps, job, target)
            job = await self._migrate_and_commit(job, target, steps)
            await self.faults.hold("killed-after-commit")
            if self._pieces.commits_first(steps):
                await asyncio.to_thread(self._migrate_late, steps, target)
        await asyncio.to_thread(self._prepare, job, target, first=False)
        try:
            await self._restart(target)
        except ApplicationFailedError as not_up:
            if not self._reversible(job):
                raise
            error = {"code": code(not_up), "message": str(not_up), "details": {}}
            job = attrs.evolve(job.to("reverting", first_line(not_up)), error=error)
            return await self._revert(self._note(job))
        again = self._replayed(job)
        if again is not None:
            await self._migrate_and_commit(job, again, self._deployment.plan(again))
            await self._restart(again)
        return job.to("done", f"generation {target.number} runs")

    def _prepare(self, job: Job, target: Generation, *, first: bool) -> str:
        if first != self._pieces.looks_first():
            return "not looked"
        # What a rollback leads to was built once and is still in the store.
        missing = self.faults.missing()
        pinned = job.pins if job.kind == "rollout" else None
        return self._deployment.unless_hindered(target, pinned, missing=missing)

    async def _migrate_and_commit(self, job: Job, target: Generation, steps: Plan) -> Job:
        said = ", ".join(f"{direction} {name}" for direction, name in steps) or "no migrations"
        if job.state != "committing":
            job = self._note(attrs.evolve(job.to("migrating", said), ran=steps))
            await self.faults.hold("aborted")
            await self.faults.hold("second-job")
            self._unless_aborted()
        if job.kind == "rollback" or any(direction == "down" for direction, _ in steps):
            # Tables are not dropped under an application that still uses them.
            await self._application.stop()
        # In a thread: a store that an application holds locked must not stop SSH as well.
        await asyncio.to_thread(self._switch, job, steps, target)
        job = self._jobs[job.name]
        return self._note(job.to("restarting", f"selected is generation {target.number}"))

    def _select(self, job: Job, target: Generation) -> Job:
        """The target is what the machine boots from now on; nothing else changes."""
        with self._committing:
            self._unless_aborted()
            job = self._note(job.to("committing", f"generation {target.number}"))
        self._generations.select(target.number)
        return job.to("done", f"generation {target.number} runs once the machine boots")

    def _switch(self, job: Job, steps: Plan, target: Generation) -> None:
        # The link is replaced while the transaction is open: should either of them fail, the
        # tables roll back on their own and `_fail` puts the link back.
        whole = self._pieces.all_or_nothing(steps)
        with (
            closing(self._deployment.connect()) as connection,
            migrations.transaction(connection, whole=whole),
        ):
            if not self._pieces.commits_first(steps):
                undone = self._migrate(connection, steps, self._deployment.wanted(target))
                job = attrs.evolve(job, undone=job.undone or undone)
                self.faults.meet("migration-fails")
            with self._committing:
                self._unless_aborted()
                self.faults.meet("disk-full")
                self._note(job.to("committing", f"generation {target.number}"))
            self._generations.select(target.number)

    def _migrate_late(self, steps: Plan, target: Generation) -> None:
        with closing(self._deployment.connect()) as connection, migrations.transaction(connection):
            self._migrate(connection, steps, self._deployment.wanted(target))
            self.faults.meet("migration-fails")

    def _migrate(
        self, connection: sqlite3.Connection, steps: Plan, ups: Sequence[Migration]
    ) -> tuple[Migration, ...]:
        lost = migrations.log_id(connection)
        return migrations.run(
            connection,
            steps,
            new_log_id=self._pieces.log_after(lost, self._new_log_id()),
            now_s=int(self._clock()),
            migrations=ups,
        )

    def _unless_aborted(self) -> None:
        if self._aborted:
            raise RefusedError("aborted", "Aborted before the commit.", status=409)

    async def _revert(self, job: Job) -> Job:
        """Back to what was selected, from a rollout whose application does not come up."""
        await self._application.stop()
        if self._pieces.reverts():
            await asyncio.to_thread(self._switch_back, job)
        self._generations.set_running(job.previous)
        if job.was_up:
            await self._application.start()
        return job.to("failed", f"generation {job.previous} runs again")

    def _switch_back(self, job: Job) -> None:
        with closing(self._deployment.connect()) as connection, migrations.transaction(connection):
            # Rows are lost by no step: nothing has run on these tables.
            back = migrations.due(migrations.undoing(job.ran), migrations.applied(connection))
            self._migrate(connection, back, job.undone)
            self._generations.select(job.previous)
            vouch(self._deployment.layout, connection)

    async def _restart(self, target: Generation) -> None:
        await self._application.stop()
        # Only now: what still ran could have noted new progress, and its refusals as progress.
        await asyncio.to_thread(self._leave_store)
        self._generations.set_running(target.number)
        self.faults.meet("activation-fails")
        await self._application.start()

    def _leave_store(self) -> None:
        with closing(self._deployment.connect()) as connection, migrations.transaction(connection):
            if self._pieces.forgets_cursors():
                migrations.forget_cursors(connection)
            vouch(self._deployment.layout, connection)

    async def _fail(self, job: Job, error: Exception) -> Job:
        details = {}
        if job.state not in ("restarting", "reverting"):
            try:
                await self._put_back(job)
            except (SyncModelError, OSError) as worse:
                details["not_put_back"] = str(worse)
        if self._aborted and self._pieces.goes_on_after_abort():
            self._aborted = False
            target = self._deployment.get(job.target)
            await self._migrate_and_commit(job, target, self._steps(job, target))
            await self._restart(target)
        return failed(job, error, details)

    async def _put_back(self, job: Job) -> None:
        selected = self._pieces.selected_after_failure(job.previous, job.target)
        if self._generations.selected() != selected:
            self._generations.select(selected)
        if job.was_up:
            await self._application.start()

    def _reversible(self, job: Job) -> bool:
        """Whether all that the job did to the tables can be undone without loss."""
        return job.kind == "rollout" and not any(one.tables for one in job.undone)

    def _steps(self, job: Job, target: Generation) -> Plan:
        if job.state == "committing":
            return self._deployment.left_of(job.ran)
        return self._pieces.carried_out(job.kind, self._deployment.plan(target))

    def _replayed(self, job: Job) -> Generation | None:
        number = self._pieces.afterwards(job.kind, job.target, self._last_rollout())
        return None if number is None else self._deployment.get(number)

    def _last_rollout(self) -> int | None:
        rollouts = [job.target for job in self._jobs.values() if job.kind == "rollout"]
        return rollouts[-1] if rollouts else None

    def _note(self, job: Job) -> Job:
        # Memory first: on a full disk a client that asks still learns how the job ended.
        self._jobs[job.name] = job
        late = job.changes and not self._pieces.notes_first()
        return job if late else self._store.save(job)
