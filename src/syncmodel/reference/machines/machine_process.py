"""The process of one local machine: supervisor, local control and SSH server in one event loop.

Forked by the fork server with everything imported. Lives here: putting the parts together, and
telling the tester over the lifeline, one JSON line, that the machine is up or why it is not.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvloop

from syncmodel.errors import BootError
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


def run_machine(
    root: Path, app: Callable[[Path], None], lifeline: socket.socket, start_limit_s: float
) -> int:
    """Be the machine at `root`; returns an exit code when it can't go on.

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
        return runner.run(_serve(layout, ours, lifeline, start_limit_s))


async def _serve(
    layout: Layout, spawner: socket.socket, lifeline: socket.socket, start_limit_s: float
) -> int:
    application = SpawnedApplication(layout, start_limit_s=start_limit_s)
    spawner.setblocking(False)
    following = asyncio.get_running_loop().create_task(application.follow(spawner))
    bugs = json.loads(layout.config.read_text(encoding="utf-8"))["bugs"]
    pieces = supervisor_pieces(bugs)
    supervisor = Supervisor(layout, application, pieces)
    backups = Backups(layout, application, pieces)
    control = Control(supervisor, application, Clock(layout.clock), backups)
    try:
        # Control first: an application may ask its machine things while it comes up.
        control_server = await serve_control(control, layout.control_socket)
        ssh = await ssh_front.listen(layout, control)
        await supervisor.boot()
    except (BootError, OSError) as error:
        _tell(lifeline, {"error": str(error)})
        return 1
    _tell(lifeline, {"port": ssh.get_port(), "pid": os.getpid()})
    async with control_server, ssh:
        await following
    return 1  # the spawner died: this machine can't go on


def _tell(lifeline: socket.socket, report: dict[str, object]) -> None:
    lifeline.sendall(json.dumps(report).encode() + b"\n")
