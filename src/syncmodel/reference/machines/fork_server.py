"""The process from which every local machine is forked, with all imports done once.

Run with the arguments DESCRIPTOR TESTER_PID MODULE:FUNCTION FOLDER, in its own session; with a
fifth, `hub`, in a network of its own (`hub`). It obeys JSON messages on the socket DESCRIPTOR. Not
here: the tester's side of that (`nursery`).

Everything below it dies with the tester, whatever state it is in. The kernel tells this process of
the tester's death (SIGTERM), and it kills its whole session; should it be killed itself, the kernel
kills each child with its parent (SIGKILL, which also works on what is stopped or busy). The
machines' folder goes too: `sweeper` waits for the deaths and removes it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from syncmodel.reference.machines import hub
from syncmodel.reference.machines.process import adopt_orphans, die_with_parent, fork_child
from syncmodel.safe_path import COMMAND

_LONGEST_MESSAGE = 65536

# What uvicorn and its like import only when they start to serve.
_LATE_IMPORTS = (
    "starlette.applications",
    "starlette.websockets",
    "uvicorn.lifespan.off",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "websockets.asyncio.client",
)


def main(
    descriptor: int, tester: int, app_name: str, folder: Path, *, networked: bool = False
) -> None:
    """Serve until the tester is gone or closes the socket; then kill the session, this included."""

    def end(*_: object) -> None:
        _kill_session(folder)

    signal.signal(signal.SIGTERM, end)
    if not die_with_parent(tester, signal.SIGTERM):
        end()
    os.umask(0o077)  # what machines write is for our user alone
    orders = socket.socket(fileno=descriptor)
    orders.set_inheritable(False)
    try:
        if networked:
            hub.open_hub()
            if not die_with_parent(tester, signal.SIGTERM):
                end()
        app = _preload(app_name)
    except Exception as error:  # noqa: BLE001 - an application may fail to import in any way
        orders.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        end()
        return
    adopt_orphans()
    machines: dict[str, int] = {}
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Nothing imported so far is garbage: keep the collector of every child from touching it,
    # which would copy the pages that all of them share.
    gc.disable()
    gc.freeze()
    orders.send(json.dumps({"ready": True}).encode())
    while True:
        # Between orders: a handler of the signal would come amid one, or amid itself.
        ready, _, _ = select.select([orders, woken], [], [])
        if woken in ready:
            woken.recv(_LONGEST_MESSAGE)
            _reap(machines)
        if orders in ready and not _obey(orders, app, machines, (orders, woken, wake)):
            break
    end()


def _obey(
    orders: socket.socket,
    app: Callable[[Path], None],
    machines: dict[str, int],
    ours: Iterable[socket.socket],
) -> bool:
    """Obey one order; False where the tester closed the socket. `ours` are for no machine."""
    message, descriptors, _, _ = socket.recv_fds(orders, _LONGEST_MESSAGE, 1)
    if not message:
        return False
    order: dict[str, Any] = json.loads(message)
    root = order["root"]
    if order["op"] == "end":
        if root in machines:
            os.kill(machines[root], signal.SIGKILL)
        return True
    end = socket.socket(fileno=descriptors[0])
    if order["op"] in hub.OPS:
        hub.serve(order, end, machines)
        return True
    if order.get("addresses"):
        hub.give_disk(Path(root))
    machines[root] = fork_child(lambda: _machine(ours, Path(root), app, end, order))
    # Kept here, its other end would never read the end of the stream.
    end.close()
    return True


def _machine(
    ours: Iterable[socket.socket],
    root: Path,
    app: Callable[[Path], None],
    lifeline: socket.socket,
    order: dict[str, Any],
) -> int:
    from syncmodel.reference.machines.isolated import run_isolated
    from syncmodel.reference.machines.machine_process import run_machine

    for one in ours:
        one.close()
    if addresses := order.get("addresses"):
        return run_isolated(root, app, lifeline, order["start_limit_s"], addresses)
    return run_machine(root, app, lifeline, order["start_limit_s"])


def _preload(app_name: str) -> Callable[[Path], None]:
    for module in _LATE_IMPORTS:
        importlib.import_module(module)
    importlib.import_module("syncmodel.reference.machines.isolated")
    importlib.import_module("syncmodel.reference.machines.machine_process")
    module, _, function = app_name.partition(":")
    app: Callable[[Path], None] = getattr(importlib.import_module(module), function)
    return app


def _reap(machines: dict[str, int]) -> None:
    """Forget the machines that ended, and whatever else did."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for root in [root for root, machine in machines.items() if machine == pid]:
            del machines[root]


def _kill_session(folder: Path) -> None:
    # The tester's death shows twice, by its socket's end and by the kernel: once is enough.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    session = os.getpid()
    sweeper = [
        *COMMAND,
        "-m",
        "syncmodel.reference.machines.sweeper",
        str(session),
        str(folder),
    ]
    try:
        # Not a fork: the signal may come in the middle of one, and modules lock things around a
        # fork (`os.register_at_fork`) which can't be locked twice. Its own group outlives ours.
        os.posix_spawn(sys.executable, sweeper, os.environ, setpgroup=0)
    finally:
        os.killpg(session, signal.SIGKILL)


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        Path(sys.argv[4]),
        networked=sys.argv[5:] == ["hub"],
    )
