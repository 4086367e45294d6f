"""One supervisor over one folder, an application that is only a word, and a store that is real."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from syncmodel.reference.node import migrations
from syncmodel.reference.node.clock import Clock
from syncmodel.reference.node.control import Control
from syncmodel.reference.node.faults import ApplicationFailedError
from syncmodel.reference.node.generations import DEFAULT_GENERATIONS, Generations
from syncmodel.reference.node.jobs import Job, JobStore
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import MIGRATIONS, Direction, Migration
from syncmodel.reference.node.supervisor import Supervisor
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

Snapshot = tuple[int, int | None, list[str]]


class Application:
    """Notes what was done to it and what it saw: the running generation and the tables then."""

    def __init__(self, layout: Layout) -> None:
        self.state = "stopped"
        self.calls: list[str] = []
        self.fails_in: set[int | None] = set()
        self.at_stop: Callable[[], None] = lambda: None
        self.fell = asyncio.Event()
        self._generations = Generations(layout)

    async def start(self) -> None:
        if self.state == "stopped":
            generation = self._generations.running()
            self.calls.append(f"start {generation}")
            if generation in self.fails_in:
                raise ApplicationFailedError("It ended.\nlast line")
            self.state = "running"

    async def stop(self) -> None:
        if self.state != "stopped":
            self.at_stop()
            self.calls.append("stop")
            self.state = "stopped"

    async def kill(self) -> None:
        self.state = "stopped"

    async def pause(self) -> None:
        self.state = "paused"

    async def resume(self) -> None:
        self.state = "running"

    async def fallen(self) -> str:
        await self.fell.wait()
        self.fell.clear()
        return "was ended by signal 9"


class Machine:
    """One supervisor over one folder; `again` is the machine after its supervisor was killed."""

    def __init__(self, root: Path, pieces: SupervisorPieces | None = None) -> None:
        self.layout = Layout(root)
        self.application = Application(self.layout)
        self.generations = Generations(self.layout)
        self.supervisor = Supervisor(
            self.layout, self.application, pieces, new_log_id=lambda: "new", clock=lambda: 5.0
        )
        self.control = Control(self.supervisor, self.application, Clock(root / "clock"))

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        answer = await self.control.call(method, params)
        assert answer["ok"], answer
        result: dict[str, Any] = answer["result"]
        return result

    async def refused(self, method: str, **params: object) -> dict[str, Any]:
        answer = await self.control.call(method, params)
        assert not answer["ok"], answer
        error: dict[str, Any] = answer["error"]
        return error

    async def job(self, method: str, **params: object) -> dict[str, Any]:
        started = await self.ask(method, **params)
        return await self.ask("rollout.status", job=started["job"], wait={"limit_s": 20})

    def snapshot(self) -> Snapshot:
        with self.store() as store:
            dump = list(store.iterdump())
        return self.generations.selected(), self.generations.running(), dump

    def tables(self) -> set[str]:
        with self.store() as store:
            found = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {name for (name,) in found if name.startswith("supertest")}

    def store(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.layout.database, isolation_level=None))

    def execute(self, *statements: str) -> None:
        with self.store() as store:
            for statement in statements:
                store.execute(statement)


def prepared(folder: Path) -> Path:
    """A machine's folder on the baseline, whose store has its base tables."""
    layout = Layout(folder)
    layout.database.parent.mkdir(parents=True)
    generations = Generations(layout)
    for generation in DEFAULT_GENERATIONS:
        generations.install(generation)
    generations.select(1)
    generations.set_running(1)
    with closing(sqlite3.connect(layout.database, isolation_level=None)) as store:
        migrations.ensure_base(store)
    return folder


def live(root: Path, test: Callable[[Machine], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        machine = Machine(root, **options)
        await machine.supervisor.boot()
        await test(machine)

    asyncio.run(main())


async def as_previewed(machine: Machine, number: int, *, back: bool = False) -> dict[str, Any]:
    """How the job to this generation ended, which ran what its preview had named."""
    preview = await machine.ask("rollout.preview", generation=number)
    method = "rollout.rollback" if back else "rollout.start"
    ended = await machine.job(method, generation=number)
    assert (ended["state"], ended["selected"], ended["running"]) == ("done", number, number)
    assert ended["migrations"] == preview["migrations"]
    migrated: dict[str, Any] = ended["migrations"]
    return migrated


async def killed(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    generation: int,
    *,
    state: str,
    before_write: bool,
) -> None:
    """Its supervisor begins a job, and dies around the write of it that first has this state: what
    came before is on disk, and nothing is after it."""
    save, dead = JobStore.save, False

    class Dead(BaseException):
        pass

    def save_and_die(self: JobStore, job: Job) -> Job:
        nonlocal dead
        if not dead and (job.state != state or not before_write):
            save(self, job)
        dead = dead or job.state == state
        if dead:
            raise Dead
        return job

    with monkeypatch.context() as patched:
        patched.setattr(JobStore, "save", save_and_die)
        with contextlib.suppress(Dead):
            await machine.ask(method, generation=generation)
            await machine.supervisor.job_ended()
    assert dead


def without_log(snapshot: Snapshot) -> Snapshot:
    """A log whose tables came and went has another name."""
    selected, running, dump = snapshot
    return selected, running, [line for line in dump if '"meta"' not in line]


def migration(plugin: str, version: int, needs: Sequence[str] = ()) -> Migration:
    """A table of this version of a plugin; it is made of those that it needs, and can't without."""
    table = f"{plugin}_{version}"
    looks = tuple(f"CREATE TEMP TABLE seen_{table}_{one} AS SELECT * FROM {one}" for one in needs)
    gone = tuple(f"DROP TABLE seen_{table}_{one}" for one in needs)
    # Looked at both ways: what it needs is there before it comes, and still when it goes.
    return Migration(
        name=f"{plugin}-{version}",
        plugin=plugin,
        version=version,
        up=(*looks, *gone, f"CREATE TABLE {table} (id)"),
        down=(*looks, *gone, f"DROP TABLE {table}"),
        tables=(table,),
    )


def failing(one: Migration, way: Direction) -> Migration:
    """The same migration, which fails after its work in this direction."""
    fail = ("INSERT INTO nowhere VALUES (1)",)
    if way == "up":
        return attrs.evolve(one, up=one.up + fail)
    return attrs.evolve(one, down=one.down + fail)


def broken(name: str, way: Direction = "up") -> SupervisorPieces:
    """Pieces whose migration `name` fails in this direction."""
    return SupervisorPieces(
        migrations=tuple(failing(one, way) if one.name == name else one for one in MIGRATIONS)
    )
