"""The fork server by itself: what it does while its machines end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from syncmodel.reference.node.layout import Layout
from syncmodel.safe_path import COMMAND

#: So many machines end at about the same time.
MANY = 400


def test_machines_that_end_at_once_take_no_fork_server_along(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(20.0)
    command = [*COMMAND, "-m", "syncmodel.reference.machines.fork_server"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ours, theirs, (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, str(theirs.fileno()), str(os.getpid()), "builtins:print", str(tmp_path)],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            stdout=log,
            stderr=log,
        )
        theirs.close()
        assert json.loads(ours.recv(4096)) == {"ready": True}
        lifelines = [_stuck(ours, tmp_path / f"n{number}", pipe) for number in range(MANY)]
        # One that ends by itself, and tells so that all before it were forked.
        _ended(_boots(ours, tmp_path / "nowhere"))
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(children) >= MANY
        for child in children:
            with suppress(ProcessLookupError):  # the one that ended by itself
                os.kill(int(child), signal.SIGKILL)
        for lifeline in lifelines:
            _ended(lifeline)
        _ended(_boots(ours, tmp_path / "nowhere"))
        assert server.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")[-500:]
    server.wait(20.0)


def _stuck(orders: socket.socket, root: Path, pipe: Path) -> socket.socket:
    """A machine that waits for somebody to read its log."""
    log = Layout(root).supervisor_log
    log.parent.mkdir(parents=True)
    log.symlink_to(pipe)
    return _boots(orders, root)


def _boots(orders: socket.socket, root: Path) -> socket.socket:
    """Order a machine; its lifeline."""
    lifeline, end = socket.socketpair()
    lifeline.settimeout(20.0)
    with end:
        order = {"op": "boot", "root": str(root), "start_limit_s": 1.0}
        socket.send_fds(orders, [json.dumps(order).encode()], [end.fileno()])
    return lifeline


def _ended(lifeline: socket.socket) -> None:
    """Wait until every process of a machine has ended."""
    with lifeline:
        assert lifeline.recv(4096) == b""
