"""A machine's control answers within a bound, whatever its job waits for and however many ask."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from one_machine import Machine, live, prepared

from syncmodel.reference.node.control import serve_control

#: A locked store is waited for longer than that.
BOUND_S = 2.5
CLIENTS = 30


async def asked(path: Path, method: str, **params: object) -> dict[str, Any]:
    """One question over the machine's socket."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(json.dumps({"method": method, "params": params}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        return answer
    finally:
        writer.close()


async def slowest(path: Path, job: str) -> float:
    """How long the slowest of many clients waits for a status."""

    async def timed(method: str, **params: object) -> float:
        began = time.monotonic()
        assert (await asked(path, method, **params))["ok"]
        return time.monotonic() - began

    statuses = [timed("rollout.status", job=job) for _ in range(CLIENTS)]
    return max(await asyncio.gather(*statuses, timed("status"), timed("generations.list")))


def while_locked(
    root: Path, to: int, locks_at: Callable[[Machine, Callable[[], None]], None]
) -> None:
    """A job to that generation meets a store that somebody else has locked."""

    async def test(machine: Machine) -> None:
        path = machine.layout.control_socket
        path.parent.mkdir(exist_ok=True)
        server = await serve_control(machine.control, path)
        with machine.store() as store:
            locked = asyncio.Event()

            def lock() -> None:
                store.execute("BEGIN EXCLUSIVE")
                locked.set()

            locks_at(machine, lock)
            job = (await asked(path, "rollout.start", generation=to))["result"]["job"]
            await locked.wait()
            waiting = [
                asyncio.create_task(asked(path, method, **params))
                for method, params in (
                    ("store.tables", {"plugin": "supertest"}),
                    ("rollout.preview", {"generation": 1}),
                    ("plugins.uninstall", {"plugin": "supertest"}),
                )
            ]
            assert await slowest(path, job) < BOUND_S
            aborted = await asked(path, "rollout.abort", job=job)
            store.execute("ROLLBACK")
        ended = await asked(path, "rollout.status", job=job, wait={"limit_s": 20})
        state = "aborted" if aborted["ok"] else "done"
        assert (ended["result"]["state"], ended["result"]["error"] is None) == (
            state,
            state == "done",
        )
        tables, preview, uninstall = await asyncio.gather(*waiting)
        assert tables["ok"]
        assert preview["ok"]
        assert uninstall["error"]["code"] == "data_loss_unconfirmed"
        server.close()

    live(root, test)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = prepared(tmp_path)

    async def to_2(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)

    live(folder, to_2)
    return folder


def test_status_answers_while_the_store_is_locked_before_the_migrations(root: Path) -> None:
    while_locked(root, 3, lambda _machine, lock: lock())


def test_status_answers_while_the_store_is_locked_after_the_switch(root: Path) -> None:
    def at_stop(machine: Machine, lock: Callable[[], None]) -> None:
        machine.application.at_stop = lock

    while_locked(root, 3, at_stop)
