"""A machine that is a host of its own: supervisor, local control and application, until SIGTERM.

The host's own sshd is the way in, so there is no SSH server here; who logs in starts and stops the
application through ROOT/run/control.sock. Not here: the machines of a local cluster
(`machine_process`), and what `syncmodel machine` says to its user.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncssh
import uvloop

from syncmodel.errors import InvalidRunError, UsageError
from syncmodel.machines.endings import tail
from syncmodel.nostr.keys import Key
from syncmodel.reference.machines import folder
from syncmodel.reference.machines.application import SpawnedApplication
from syncmodel.reference.machines.process import fork_child
from syncmodel.reference.machines.spawner import spawn_forever
from syncmodel.reference.node.bugs import supervisor_pieces
from syncmodel.reference.node.clock import Clock
from syncmodel.reference.node.control import Control, serve_control
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.server import serve
from syncmodel.reference.node.supervisor import Supervisor

START_LIMIT_S = 30.0


def make(root: Path, key: Key, config: Mapping[str, Any]) -> None:
    """The folder of a machine whose node has this key; `config` is ROOT/etc/node.json.

    Raises `UsageError` if there is one, or if its path is too long.
    """
    layout = Layout(root)
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root} is not empty: name a new folder, or run the machine in it.")
    if root.exists():
        root.rmdir()
    unused = asyncssh.generate_private_key("ssh-ed25519")
    folder.create(layout, key=key, host_key=unused, client_key=unused)
    with folder.private():
        layout.config.write_text(json.dumps(dict(config), indent=1), encoding="utf-8")


def run_host(root: Path, ready: Callable[[], None], app: Callable[[Path], None] = serve) -> None:
    """Be the machine at `root` until SIGTERM or Ctrl-C; `ready` is called when its node answers.

    Raises `BootError` if the application does not come up, and `InvalidRunError` when the machine
    can't go on.
    """
    layout = Layout(root)
    os.umask(0o077)
    ours, theirs = socket.socketpair()

    def spawner() -> None:
        ours.close()
        spawn_forever(theirs, app, layout)

    # Before the loop, as in `machine_process`.
    fork_child(spawner)
    theirs.close()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(layout, ours, ready))


async def _serve(layout: Layout, spawner: socket.socket, ready: Callable[[], None]) -> None:
    application = SpawnedApplication(layout, start_limit_s=START_LIMIT_S)
    spawner.setblocking(False)
    loop = asyncio.get_running_loop()
    reader = await application.connect(spawner)
    following = loop.create_task(application.followed(reader))
    bugs = json.loads(layout.config.read_text(encoding="utf-8")).get("bugs", [])
    supervisor = Supervisor(layout, application, supervisor_pieces(bugs))
    control = Control(supervisor, application, Clock(layout.clock))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    following.add_done_callback(lambda _: ended.set())
    # Control first: an application may ask its machine things while it comes up.
    async with await serve_control(control, layout.control_socket):
        await supervisor.boot()
        ready()
        await ended.wait()
        if following.done():
            raise InvalidRunError(
                f"The machine's spawner died. Its application's log ends:\n{tail(layout.app_log)}"
            )
        await application.stop()
    following.cancel()
