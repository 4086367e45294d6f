"""The tester's hold on its fork server and on the machines that it forks.

Lives here: starting it, the lifelines of machines, and ending everything without leftovers.
Not here: what runs in those processes (`fork_server`, `machine_process`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syncmodel.errors import BootError, InvalidRunError, UsageError
from syncmodel.machines.endings import NOTHING, tail
from syncmodel.machines.private_folder import PrivateFolder
from syncmodel.reference.machines.folder import private
from syncmodel.reference.node.layout import Layout
from syncmodel.safe_path import COMMAND

_LONGEST_MESSAGE = 65536
# A killed process is gone in milliseconds; this bounds the wait on a machine in trouble.
_DEATH_LIMIT_S = 5.0
_IMPORT_LIMIT_S = 30.0
# Descriptors in one answer.
_MOST = 16


class Lifeline:
    """The tester's end of a socket that every process of one machine keeps open."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    async def report(self) -> dict[str, Any] | None:
        """The machine's report once it is up or has failed; None if it died without one."""
        said = b""
        while b"\n" not in said:
            chunk = await self._read()
            if not chunk:
                return None
            said += chunk
        report: dict[str, Any] = json.loads(said.partition(b"\n")[0])
        return report

    async def gone(self) -> None:
        """Returns when every process of the machine is gone, and closes this end.

        Raises InvalidRunError when they outlive a SIGKILL by far.
        """
        try:
            async with asyncio.timeout(_DEATH_LIMIT_S):
                while await self._read():
                    pass
        except TimeoutError as error:
            raise InvalidRunError(
                f"A machine's processes still run {_DEATH_LIMIT_S} s after they were killed: "
                "is a disk or network file system stuck?"
            ) from error
        finally:
            self._end.close()

    def wait_gone(self) -> None:
        """The same without an event loop."""
        while self._end.fileno() >= 0:
            if not select.select([self._end], [], [], _DEATH_LIMIT_S)[0] or not self._end.recv(
                4096
            ):
                self._end.close()

    async def _read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._end, 4096)


class Nursery:
    """A fork server, started when first needed, and a private folder for its machines.

    `app` is "module:function", called as function(root). It must be closed; should it be forgotten,
    it is closed when the interpreter ends. With a hub, the fork server has a network of its own.
    """

    def __init__(self, app: str, folder: Path | None = None, *, hub: bool = False) -> None:
        self._private = PrivateFolder("sm-", folder)
        self.folder = self._private.path
        self._app = app
        self._more = ["hub"] if hub else []
        self._log = self.folder / "fork-server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._lifelines: dict[Path, Lifeline] = {}
        self._starting = asyncio.Lock()
        self._owner = os.getpid()
        self._finalizer: weakref.finalize[..., Nursery] = weakref.finalize(
            self, self._private.remove
        )

    @property
    def usable(self) -> bool:
        """Whether it can boot machines, here: a fork of the tester has no fork server."""
        alive = self._process is None or self._process.poll() is None
        return alive and self._finalizer.alive and self._owner == os.getpid()

    async def start(self) -> None:
        """Start the fork server, unless it runs. Raises BootError and UsageError."""
        async with self._starting:
            if self._process is None:
                await self._launch()

    @property
    def pid(self) -> int | None:
        """The fork server, if it was started."""
        return None if self._process is None else self._process.pid

    def boot(
        self, root: Path, start_limit_s: float, addresses: Sequence[str] | None = None
    ) -> Lifeline:
        """Have the machine at `root` forked. The fork server must have been started.

        With addresses it has namespaces of its own, and these in the network of the hub.
        """
        order = {
            "op": "boot",
            "root": str(root),
            "start_limit_s": start_limit_s,
            "addresses": addresses,
        }
        self._lifelines[root] = Lifeline(self._ask(order))
        return self._lifelines[root]

    def attach(self, op: str) -> socket.socket:
        """The other end of what the hub starts: see `hub`."""
        return self._ask({"op": op, "root": ""})

    async def made(self, op: str, root: Path | None = None, **more: int) -> list[int]:
        """Descriptors of what the hub makes, in the machine at `root` or in the hub itself.

        Raises BootError if it can't be made.
        """
        order = {"op": op, "root": "" if root is None else str(root), **more}
        with self._ask(order) as end:
            end.setblocking(False)
            await _readable(end)
            said, descriptors, _, _ = socket.recv_fds(end, 4096, _MOST)
        if not descriptors:
            raise BootError(f"The network of the machines has no {op}: {said.decode() or 'ended'}")
        return descriptors

    def _ask(self, order: Mapping[str, Any]) -> socket.socket:
        """Send an order with the end of a new socket; the other end of that."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._send(order, [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        return ours

    async def end(self, root: Path) -> None:
        """Kill every process of the machine at `root`; returns when they are gone."""
        lifeline = self._lifelines.pop(root, None)
        if lifeline is not None:
            with contextlib.suppress(BootError):  # without a fork server its machines are gone too
                self._send({"op": "end", "root": str(root)}, [])
            await lifeline.gone()

    def close(self) -> None:
        """Kill everything and remove the folder. Returns when nothing is left."""
        self._finalizer()

    async def _launch(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise UsageError(
                "Local machines must be booted from the main thread: the kernel would take the end "
                "of any other for the end of the tester, and kill them."
            )
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [*COMMAND, "-m", "syncmodel.reference.machines.fork_server"]
        with theirs, private(), self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns once it was forked
                [
                    *command,
                    str(theirs.fileno()),
                    str(os.getpid()),
                    self._app,
                    str(self.folder),
                    *self._more,
                ],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        ours.setblocking(False)
        self._orders = ours
        self._finalizer.detach()
        self._finalizer = weakref.finalize(
            self, _end_all, os.getpid(), self._process, ours, self._lifelines, self._private
        )
        await self._preloaded(ours)
        # The fork server lives, and sees to the folder should we be killed.
        self._private.leave()

    async def _preloaded(self, orders: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_IMPORT_LIMIT_S):
                message = await loop.sock_recv(orders, _LONGEST_MESSAGE)
        except TimeoutError as error:
            raise BootError(f"Importing {self._app} took over {_IMPORT_LIMIT_S} s.") from error
        if not message:
            raise BootError(f"The fork server ended at once. Its log ends:\n{tail(self._log)}")
        said = json.loads(message)
        if "error" in said:
            raise BootError(f"The application {self._app} can't be imported: {said['error']}")

    def _send(self, order: Mapping[str, Any], descriptors: list[int]) -> None:
        if self._orders is None:
            raise UsageError("The fork server was not started.")
        try:
            socket.send_fds(self._orders, [json.dumps(order).encode()], descriptors)
        except OSError as error:
            raise BootError(
                f"The fork server of the local machines is gone. Its log ends:\n{tail(self._log)}"
            ) from error


async def _readable(end: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_reader(end, told.set)
    try:
        await told.wait()
    finally:
        loop.remove_reader(end)


def machine_died(layout: Layout) -> str:
    """Why a machine ended without a report, as far as its log knows."""
    said = tail(layout.supervisor_log)
    if said == NOTHING:
        return "its supervisor died without a word. Is there too little memory (see `ulimit -v`)?"
    return f"its supervisor died. Its log ends:\n{said}"


def _end_all(
    owner: int,
    process: subprocess.Popen[bytes],
    orders: socket.socket,
    lifelines: dict[Path, Lifeline],
    folder: PrivateFolder,
) -> None:
    if os.getpid() != owner:
        return  # a fork of the tester, whose exit is not the tester's
    if process.poll() is None:
        # Its session is its process group, and not reaped yet: the number can't be another's.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    orders.close()
    for lifeline in lifelines.values():
        lifeline.wait_gone()
    lifelines.clear()
    shutil.rmtree(folder.path, ignore_errors=True)
    folder.remove()
