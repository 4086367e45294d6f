"""The process of one local machine: supervisor, local control and a way in, in one event loop.

Forked by the fork server with everything imported. Lives here: putting the parts together, and
telling the tester over the lifeline, one JSON line, that the machine is up or why it is not.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from syncmodel.errors import BootError
from syncmodel.faults.slow_disk import SlowDisk
from syncmodel.reference.machines import ssh_front
from syncmodel.reference.machines.application import SpawnedApplication
from syncmodel.reference.machines.process import fork_child, log_to
from syncmodel.reference.machines.spawner import spawn_forever
from syncmodel.reference.node.backups import Backups
from syncmodel.reference.node.bugs import supervisor_pieces
from syncmodel.reference.node.clock import Clock
from syncmodel.reference.node.control import Control, serve_control
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.supervisor import Supervisor

#: Opens the way in to a machine with this control; it says where that is.
WayIn = Callable[[Layout, Control], AbstractAsyncContextManager[dict[str, Any]]]


@asynccontextmanager
async def _front(layout: Layout, control: Control) -> AsyncIterator[dict[str, Any]]:
    async with await ssh_front.listen(layout, control) as ssh:
        yield {"port": ssh.get_port()}


def run_machine(
    root: Path,
    app: Callable[[Path], None],
    lifeline: socket.socket,
    start_limit_s: float,
    *,
    way_in: WayIn = _front,
    seen_as: int | None = None,
    writes: SlowDisk | None = None,
) -> int:
    """Be the machine at `root`; returns an exit code when it can't go on.

    `way_in` is the SSH server of `ssh_front` by default. `seen_as`: the process that the tester
    sees in our stead. `writes` holds up those of the application.

    Every process of the machine keeps `lifeline` open, so its other end reads the end of the
    stream when all of them are gone.
    """
    gc.enable()
    layout = Layout(root)
    log_to(layout.supervisor_log)
    ours, theirs = socket.socketpair()

    def spawner() -> None:
        ours.close()
        spawn_forever(theirs, app, layout)

    # Before the loop: see `spawner` for why.
    fork_child(spawner)
    theirs.close()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pid = seen_as or os.getpid()
        return runner.run(
            _serve(layout, ours, lifeline, start_limit_s, way_in=way_in, pid=pid, writes=writes)
        )


async def _serve(
    layout: Layout,
    spawner: socket.socket,
    lifeline: socket.socket,
    start_limit_s: float,
    *,
    way_in: WayIn,
    pid: int,
    writes: SlowDisk | None,
) -> int:
    application = SpawnedApplication(layout, start_limit_s=start_limit_s)
    spawner.setblocking(False)
    reader = await application.connect(spawner)
    following = asyncio.get_running_loop().create_task(application.followed(reader))
    bugs = json.loads(layout.config.read_text(encoding="utf-8"))["bugs"]
    pieces = supervisor_pieces(bugs)
    supervisor = Supervisor(layout, application, pieces)
    backups = Backups(layout, application, pieces)
    clock = Clock(layout.clock)
    about = (supervisor, application, clock, backups)
    control = Control(*about, lambda: application.pid, writes=writes)
    async with AsyncExitStack() as open_now:
        try:
            # Control first: an application may ask its machine things while it comes up.
            server = await serve_control(control, layout.control_socket)
            await open_now.enter_async_context(server)
            await supervisor.boot()
            told = await open_now.enter_async_context(way_in(layout, control))
        except (BootError, OSError) as error:
            tell(lifeline, {"error": str(error)})
            return 1
        tell(lifeline, {**told, "pid": pid})
        await following
    return 1  # the spawner died: this machine can't go on


def tell(lifeline: socket.socket, report: dict[str, object]) -> None:
    """Have the tester know, who reads the first report alone."""
    lifeline.sendall(json.dumps(report).encode() + b"\n")
