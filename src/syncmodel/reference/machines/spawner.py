"""The process that forks a machine's application, and signals, reaps and watches it.

The supervisor forks it before opening a socket or starting a thread, and stays
single-threaded itself: so an application inherits no SSH connection (its end would never be seen),
and does not die when some thread ends. It reads single-byte commands and writes JSON lines.
Not here: the supervisor's side of that (`application`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from syncmodel.reference.machines.process import fork_child, log_to
from syncmodel.reference.node.layout import Layout

START, TERMINATE, KILL, PAUSE, RESUME = b"s", b"t", b"k", b"p", b"r"

# How often the socket of an application that is coming up is tried, in milliseconds.
_PROBE_INTERVAL_MS = 2


def spawn_forever(commands: socket.socket, app: Callable[[Path], None], layout: Layout) -> None:
    """Serve `commands` until its other end closes. `app(root)` runs in its own child process."""
    spawner = _Spawner(commands, app, layout)
    while spawner.step():
        pass


class _Spawner:
    def __init__(
        self, commands: socket.socket, app: Callable[[Path], None], layout: Layout
    ) -> None:
        self._commands = commands
        self._app = app
        self._layout = layout
        self._pid = 0  # 0: nothing runs
        self._pidfd = -1
        self._coming_up = False

    def step(self) -> bool:
        """Wait for one event and handle it. False when there is no client left to serve."""
        watched = [self._commands.fileno()] + ([self._pidfd] if self._pid else [])
        poll = select.poll()
        for descriptor in watched:
            poll.register(descriptor, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(_PROBE_INTERVAL_MS if self._coming_up else None)]
        if self._pidfd in ready:
            self._reap()
        if self._coming_up and _accepts(self._layout.app_socket):
            self._coming_up = False
            self._say(event="ready")
        if self._commands.fileno() in ready:
            command = self._commands.recv(1)
            if not command:
                return False
            self._obey(command)
        return True

    def _obey(self, command: bytes) -> None:
        if command == START:
            self._start()
        elif not self._pid:
            return  # it ended on its own meanwhile, and that was reported
        elif command == PAUSE:
            os.kill(self._pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self._pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            self._say(event="paused")
        elif command == RESUME:
            os.kill(self._pid, signal.SIGCONT)
            self._say(event="resumed")
        elif command == TERMINATE:
            os.kill(self._pid, signal.SIGTERM)
            os.kill(self._pid, signal.SIGCONT)  # what is paused could not hear it
        elif command == KILL:
            os.kill(self._pid, signal.SIGKILL)

    def _start(self) -> None:
        # What a killed application left behind would refuse; nothing there is the same, and clean.
        self._layout.app_socket.unlink(missing_ok=True)
        self._pid = fork_child(self._run_application)
        self._pidfd = os.pidfd_open(self._pid)
        self._coming_up = True
        self._say(event="started", pid=self._pid)

    def _run_application(self) -> None:
        self._commands.close()
        log_to(self._layout.app_log)
        self._app(self._layout.root)

    def _reap(self) -> None:
        _, status = os.waitpid(self._pid, 0)
        os.close(self._pidfd)
        self._pid, self._pidfd, self._coming_up = 0, -1, False
        self._say(event="exited", code=os.waitstatus_to_exitcode(status))

    def _say(self, **event: object) -> None:
        self._commands.sendall(json.dumps(event).encode() + b"\n")


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True
