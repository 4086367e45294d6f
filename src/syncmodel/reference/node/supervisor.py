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
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, Protocol

import attrs

from syncmodel.errors import BootError, SyncModelError
from syncmodel.reference.node import migrations
from syncmodel.reference.node.deployment import Deployment, RefusedError
from syncmodel.reference.node.generations import Generation
from syncmodel.reference.node.jobs import Job, JobStore, Kind
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import Plan
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

#: The jobs that can still be asked about; older ones are forgotten.
KEPT_JOBS = 50


class ApplicationFailedError(BootError):
    """The application did not come up; the message ends with the last lines of its log."""


class Application(Protocol):
    """The one application of a machine. Each method returns when the process is in that state.

    `state` is "running", "paused" or "stopped". Starting what runs and stopping or killing what is
    down does nothing. `start` raises ApplicationFailedError and leaves it stopped.
    """

    @property
    def state(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...


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
        self._deployment = Deployment(layout, self._pieces.migrations)
        self._generations = self._deployment.generations
        self._store = JobStore(layout.jobs)
        self._jobs = {job.name: job for job in self._store.load()}
        self._task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    async def boot(self) -> None:
        """Finish the job that a crash interrupted, if any; else start what is selected.

        Raises ApplicationFailedError.
        """
        for job in self._jobs.values():
            if not job.ended:
                self._launch(job)
        await self.job_ended()
        if self._application.state == "stopped":
            self._generations.set_running(self._generations.selected())
            await self._application.start()

    async def start(self) -> None:
        """Start the application, unless it runs. Raises ApplicationFailedError."""
        running = self._generations.running()
        if self._application.state == "stopped" and running is not None:
            number = self._pieces.boots(running, self._last_rollout())
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

    def begin(self, kind: Kind, number: int) -> Job:
        """Begin a job that leads to generation `number`; returns at once.

        Raises RefusedError: 404 unknown_generation, 409 job_running, 503 not_ready when the disk
        does not take it (nothing changed).
        """
        self._deployment.get(number)
        if self._task is not None and not self._task.done():
            raise RefusedError("job_running", "A job is running: wait for its end.", status=409)
        selected = self._generations.selected()
        job = Job(
            number=1 + max((job.number for job in self._jobs.values()), default=0),
            kind=kind,
            target=self._pieces.leads_to(kind, number, selected),
            previous=selected,
            was_up=self._application.state != "stopped",
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

    def _forget_old(self) -> None:
        # A long-running machine must not fill up with old jobs.
        ended = [job for job in self._jobs.values() if job.ended]
        for job in ended[: -(KEPT_JOBS - 1)]:
            self._store.remove(job)
            del self._jobs[job.name]

    async def job_status(self, name: str, limit_s: float) -> dict[str, Any]:
        """One job. Returns when it has ended, or after `limit_s`. Raises RefusedError (404)."""
        if name not in self._jobs:
            raise RefusedError("unknown_job", f"There is no job {name!r:.80} here.", status=404)
        if limit_s > 0 and not self._jobs[name].ended:
            try:
                async with asyncio.timeout(limit_s):
                    await self._ended.wait()
            except TimeoutError:
                pass  # the answer reports progress
        job = self._jobs[name]
        return {
            "job": name,
            "kind": job.kind,
            "generation": job.target,
            "state": job.state,
            "selected": self._generations.selected(),
            "running": self._generations.running(),
            "log": list(job.log),
            "error": job.error,
        }

    # One job, from any state that a crash may have left on disk.

    def _launch(self, job: Job) -> None:
        self._ended.clear()
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
        if job.state in ("preparing", "building"):
            self._prepare(job, target)
            job = self._note(job.to("building", f"store item {target.item}"))
        if job.state != "restarting":
            job = await self._migrate_and_commit(job, target, self._steps(job, target))
        await self._restart(target)
        again = self._replayed(job)
        if again is not None:
            await self._migrate_and_commit(job, again, self._deployment.plan(again))
            await self._restart(again)
        return job.to("done", f"generation {target.number} runs")

    def _prepare(self, job: Job, target: Generation) -> None:
        # What a rollback leads to was built once and is still in the store.
        missing = self._deployment.missing(target) if job.kind == "rollout" else []
        if missing:
            raise RefusedError(
                "missing_substitutes",
                f"No substitutes for {', '.join(missing)}: nothing was changed.",
                status=409,
                details={"missing": missing},
            )

    async def _migrate_and_commit(self, job: Job, target: Generation, steps: Plan) -> Job:
        said = ", ".join(f"{direction} {name}" for direction, name in steps) or "no migrations"
        if job.state != "committing":
            job = self._note(job.to("migrating", said))
        if job.kind == "rollback" or any(direction == "down" for direction, _ in steps):
            # Tables are not dropped under an application that still uses them.
            await self._application.stop()
        # In a thread: a store that an application holds locked must not stop SSH as well.
        await asyncio.to_thread(self._switch, job, steps, target)
        job = self._jobs[job.name]
        return self._note(job.to("restarting", f"selected is generation {target.number}"))

    def _switch(self, job: Job, steps: Plan, target: Generation) -> None:
        # The link is replaced while the transaction is open: should either of them fail, the
        # tables roll back on their own and `_fail` puts the link back.
        with closing(self._deployment.connect()) as connection, migrations.transaction(connection):
            migrations.run(
                connection,
                steps,
                new_log_id=self._pieces.log_after(
                    migrations.log_id(connection), self._new_log_id()
                ),
                now_s=int(self._clock()),
                migrations=self._pieces.migrations,
            )
            self._note(job.to("committing", f"generation {target.number}"))
            self._generations.select(target.number)

    async def _restart(self, target: Generation) -> None:
        await self._application.stop()
        if self._pieces.forgets_cursors():
            # Only now: what still ran could have noted new progress, and its refusals as progress.
            with (
                closing(self._deployment.connect()) as connection,
                migrations.transaction(connection),
            ):
                migrations.forget_cursors(connection)
        self._generations.set_running(target.number)
        await self._application.start()

    async def _fail(self, job: Job, error: Exception) -> Job:
        refused = error if isinstance(error, RefusedError) else None
        details = dict(refused.details) if refused else {}
        if job.state != "restarting":
            try:
                await self._put_back(job)
            except (SyncModelError, OSError) as worse:
                details["not_put_back"] = str(worse)
        code = refused.code if refused else _code(error)
        ended = job.to("aborted" if refused else "failed", _first_line(error))
        return attrs.evolve(ended, error={"code": code, "message": str(error), "details": details})

    async def _put_back(self, job: Job) -> None:
        selected = self._pieces.selected_after_failure(job.previous, job.target)
        if self._generations.selected() != selected:
            self._generations.select(selected)
        if job.was_up:
            await self._application.start()

    def _steps(self, job: Job, target: Generation) -> Plan:
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
        return self._store.save(job)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _code(error: Exception) -> str:
    if isinstance(error, ApplicationFailedError):
        return "application_failed"
    return "migration_failed" if isinstance(error, sqlite3.Error) else "internal"
