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
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

import attrs

from syncmodel.errors import BootError, SyncModelError
from syncmodel.node import migrations
from syncmodel.node.generations import Generation, Generations, UnknownGenerationError
from syncmodel.node.jobs import Job, JobStore, Kind
from syncmodel.node.layout import Layout
from syncmodel.node.migrations import Plan
from syncmodel.node.supervisor_pieces import SupervisorPieces

# A store that is locked for longer than this is stuck: the job fails and says so.
_STORE_BUSY_LIMIT_S = 5.0


class RefusedError(SyncModelError):
    """A request that is not carried out, with a code for programs and the fitting HTTP status."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = details or {}


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
        self._layout = layout
        self._application = application
        self._pieces = pieces or SupervisorPieces()
        self._new_log_id = new_log_id
        self._clock = clock
        self._generations = Generations(layout)
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

    async def job_ended(self) -> None:
        """Returns when no job runs."""
        if self._task is not None:
            await self._task

    def summary(self) -> dict[str, Any]:
        """The machine at a glance: application, selected, running, and the job that runs now."""
        current = [job.name for job in self._jobs.values() if not job.ended]
        return {
            "application": self._application.state,
            "selected": self._generations.selected(),
            "running": self._generations.running(),
            "job": current[0] if current else None,
        }

    def generations_list(self) -> list[dict[str, Any]]:
        """Every generation: number, store item, plugins, and whether it is selected or running."""
        selected, running = self._generations.selected(), self._generations.running()
        return [
            {
                "number": generation.number,
                "store_item": f"/gnu/store/{generation.item}",
                "plugins": generation.plugins,
                "selected": generation.number == selected,
                "running": generation.number == running,
            }
            for generation in self._generations.list()
        ]

    def with_plugins(self, plugins: dict[str, int]) -> int:
        """The number of the generation with exactly these plugins. Raises RefusedError (404)."""
        with _unknown_generation():
            return self._generations.with_plugins(plugins).number

    def without_plugin(self, plugin: str) -> int:
        """The generation with all that is selected but this plugin. Raises RefusedError (404)."""
        plugins = self._get(self._generations.selected()).plugins
        if plugin not in {**plugins, **self._installed()}:
            raise RefusedError("no_plugin", f"There is no plugin {plugin!r} here.", status=404)
        return self.with_plugins({name: v for name, v in plugins.items() if name != plugin})

    def rows_lost(self, target: int) -> dict[str, int]:
        """How many rows of which tables the way to generation `target` drops."""
        down = {name for direction, name in self._plan(self._get(target)) if direction == "down"}
        tables = [t for m in self._pieces.migrations if m.name in down for t in m.tables]
        with closing(self._connect()) as connection:
            # The names are those of our own migrations, never a client's.
            return {
                table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in tables
            }

    def preview(self, number: int) -> dict[str, Any]:
        """The plan of a rollout to generation `number`, in the contract's fields.

        Raises RefusedError (404 unknown_generation).
        """
        target = self._get(number)
        steps = self._plan(target)
        missing = self._missing(target)
        running = self._generations.running()
        return {
            "generation": number,
            "channel_delta": {
                "from": self._get(self._generations.selected()).plugins,
                "to": target.plugins,
            },
            "migrations": {
                "up": [name for direction, name in steps if direction == "up"],
                "down": [name for direction, name in steps if direction == "down"],
            },
            "substitutes": {
                "available": [item for item in target.substitutes if item not in missing],
                "missing": missing,
            },
            "restart_required": running != number,
            "reboot_required": False,
            "reboot_reasons": [],
        }

    def begin(self, kind: Kind, number: int) -> Job:
        """Begin a job that leads to generation `number`; returns at once.

        Raises RefusedError: 404 unknown_generation, 409 job_running (nothing changed).
        """
        self._get(number)
        if self._task is not None and not self._task.done():
            raise RefusedError("job_running", "A job is running: wait for its end.", status=409)
        job = Job(
            number=1 + max((job.number for job in self._jobs.values()), default=0),
            kind=kind,
            target=number,
            previous=self._generations.selected(),
            was_up=self._application.state != "stopped",
        )
        self._launch(self._note(job.to("preparing", f"{kind} to generation {number}")))
        return job

    async def job_status(self, name: str, limit_s: float) -> dict[str, Any]:
        """One job. Returns when it has ended, or after `limit_s`. Raises RefusedError (404)."""
        if name not in self._jobs:
            raise RefusedError("unknown_job", f"There is no job {name!r} here.", status=404)
        if limit_s > 0 and not self._jobs[name].ended:
            try:
                async with asyncio.timeout(limit_s):
                    await self._ended.wait()
            except TimeoutError:
                pass  # the answer says how far it is
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
        target = self._get(job.target)
        if job.state in ("preparing", "building"):
            self._prepare(job, target)
            job = self._note(job.to("building", f"store item {target.item}"))
        if job.state != "restarting":
            job = await self._migrate_and_commit(job, target, self._steps(job, target))
        await self._restart(target)
        again = self._replayed(job)
        if again is not None:
            await self._migrate_and_commit(job, again, self._plan(again))
            await self._restart(again)
        return job.to("done", f"generation {target.number} runs")

    def _prepare(self, job: Job, target: Generation) -> None:
        # What a rollback leads to was built once and is still in the store.
        missing = self._missing(target) if job.kind == "rollout" else []
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
        # tables roll back by themselves and `_fail` puts the link back.
        with closing(self._connect()) as connection, migrations.transaction(connection):
            migrations.run(
                connection,
                steps,
                new_log_id=self._new_log_id(),
                now_s=int(self._clock()),
                migrations=self._pieces.migrations,
            )
            self._note(job.to("committing", f"generation {target.number}"))
            self._generations.select(target.number)

    async def _restart(self, target: Generation) -> None:
        await self._application.stop()
        # Only now: what still ran could have noted new progress, and its refusals as progress.
        with closing(self._connect()) as connection, migrations.transaction(connection):
            self._pieces.before_start(connection)
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

    # What is there, and what leads from it to a generation.

    def _steps(self, job: Job, target: Generation) -> Plan:
        if job.kind == "disable":
            return ()
        steps = self._plan(target)
        return steps if job.kind == "rollout" else self._pieces.rollback_migrations(steps)

    def _plan(self, target: Generation) -> Plan:
        # From what the tables are, not from what runs: after a disable these differ.
        return migrations.plan(self._installed(), target.plugins, self._pieces.migrations)

    def _replayed(self, job: Job) -> Generation | None:
        if job.kind != "rollback":
            return None
        rollouts = [j.target for j in self._jobs.values() if j.kind == "rollout"]
        last = rollouts[-1] if rollouts else None
        number = self._pieces.after_rollback(job.target, last)
        return None if number is None else self._get(number)

    def _missing(self, target: Generation) -> list[str]:
        try:
            available = json.loads(self._layout.substitutes.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [item for item in target.substitutes if item not in available]

    def _installed(self) -> dict[str, int]:
        with closing(self._connect()) as connection:
            return migrations.installed(connection, self._pieces.migrations)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._layout.database, isolation_level=None, timeout=_STORE_BUSY_LIMIT_S
        )
        migrations.ensure_base(connection)
        return connection

    def _get(self, number: int) -> Generation:
        with _unknown_generation():
            return self._generations.get(number)

    def _note(self, job: Job) -> Job:
        # Memory first: on a full disk whoever asks still learns how the job ended.
        self._jobs[job.name] = job
        return self._store.save(job)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _code(error: Exception) -> str:
    if isinstance(error, ApplicationFailedError):
        return "application_failed"
    return "migration_failed" if isinstance(error, sqlite3.Error) else "internal"


@contextmanager
def _unknown_generation() -> Iterator[None]:
    try:
        yield
    except UnknownGenerationError as error:
        raise RefusedError("unknown_generation", str(error), status=404) from error
