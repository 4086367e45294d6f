"""When a machine says that its application runs, whoever connects is answered; it says so all the
while."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncmodel.reference.machines.local import LocalMachine, LocalMachines

#: It starts many processes.
pytestmark = pytest.mark.slow

#: By then a machine has said how it is, whatever it is doing. Seconds.
BOUND_S = 2.5
APPLICATION = "syncmodel.reference.node.server:serve"
HEAD = b"HEAD /nothing HTTP/1.1\r\nHost: n1\r\n\r\n"


async def status(machine: LocalMachine) -> dict[str, Any]:
    """What it says over its control socket."""
    reader, writer = await asyncio.open_unix_connection(machine.layout.control_socket)
    writer.write(b'{"method": "status", "params": {}}\n')
    answer: dict[str, Any] = json.loads(await reader.readline())["result"]
    writer.close()
    return answer


async def answered(machine: LocalMachine) -> bool:
    """Whether application and relay both answer, at the first try."""
    for path in (machine.layout.app_socket, machine.layout.relay_socket):
        try:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(HEAD)
            line = await reader.readline()
            writer.close()
        except OSError:
            return False
        if not line.startswith(b"HTTP/1.1 404"):
            return False
    return True


async def rollout(machine: LocalMachine) -> None:
    started = await machine.control.call("rollout.start", {"generation": 2})
    await machine.control.call("rollout.status", {**started, "wait": {"limit_s": 20}})


async def rollback(machine: LocalMachine) -> None:
    started = await machine.control.call("rollout.rollback", {"generation": 1})
    await machine.control.call("rollout.status", {**started, "wait": {"limit_s": 20}})


async def restart(machine: LocalMachine) -> None:
    await machine.restart()


async def kill_and_start(machine: LocalMachine) -> None:
    await machine.kill()
    await machine.start()


def test_who_is_told_that_it_runs_is_answered() -> None:
    said = list[str]()
    slowest_s = 0.0

    async def watched(
        machine: LocalMachine, change: Callable[[LocalMachine], Awaitable[None]]
    ) -> None:
        nonlocal slowest_s
        changing = asyncio.ensure_future(change(machine))
        while not changing.done():
            began_s = time.monotonic()
            before = (await status(machine))["application"]
            slowest_s = max(slowest_s, time.monotonic() - began_s)
            there = await answered(machine)
            after = (await status(machine))["application"]
            said.append(before)
            # Between two looks that agree it was so.
            if before == after == "running":
                assert there
        await changing
        assert (await status(machine))["application"] == "running"
        assert await answered(machine)

    async def main() -> None:
        async with LocalMachines(APPLICATION) as machines:
            (n1,) = await machines.prepare(["n1"]).boot()
            assert await answered(n1)
            for change in (restart, rollout, kill_and_start, rollback, restart):
                await watched(n1, change)

    asyncio.run(main())
    # The check was not empty: it was asked while it came up, and while it was up.
    assert {"starting", "running"} <= set(said), set(said)
    assert slowest_s < BOUND_S
