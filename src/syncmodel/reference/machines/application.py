"""The application of a local machine as its supervisor sees it: a process behind the spawner.

Lives here: start, stop, kill, pause and resume, each of which returns when the process *is* in that
state. Not here: forking and reaping (`spawner`), and when any of it is done (`node.supervisor`).
"""

from __future__ import annotations

import asyncio
import json
import socket

from syncmodel.machines.endings import ending, tail
from syncmodel.reference.machines import spawner
from syncmodel.reference.node.faults import ApplicationFailedError
from syncmodel.reference.node.layout import Layout


class SpawnedApplication:
    """Implements `node.supervisor.Application` and `node.control.Pausable`.

    `start_limit_s`: until it must accept connections. `stop_limit_s`: how long an orderly stop may
    take before it is killed.
    """

    def __init__(self, layout: Layout, *, start_limit_s: float, stop_limit_s: float = 2.0) -> None:
        self.state = "stopped"
        self.pid: int | None = None
        self._layout = layout
        self._start_limit_s = start_limit_s
        self._stop_limit_s = stop_limit_s
        self._changed = asyncio.Condition()
        self._ready = False
        self._told = False  # to end
        self._fallen: asyncio.Queue[str] = asyncio.Queue()
        self._exit_code: int | None = None
        self._orders = asyncio.Lock()  # start and stop take turns; a kill never waits
        self._writer: asyncio.StreamWriter | None = None

    async def follow(self, commands: socket.socket) -> None:
        """Connect to the spawner and follow its reports, until it dies."""
        await self.followed(await self.connect(commands))

    async def connect(self, commands: socket.socket) -> asyncio.StreamReader:
        """Connect to the spawner; its reports are to be followed."""
        reader, self._writer = await asyncio.open_unix_connection(sock=commands)
        return reader

    async def followed(self, reader: asyncio.StreamReader) -> None:
        """Follow the spawner's reports, until it dies."""
        while line := await reader.readline():
            event = json.loads(line)
            async with self._changed:
                self._note(event)
                self._changed.notify_all()

    async def start(self) -> None:
        """Start it, unless it runs. Raises ApplicationFailedError (it is stopped then)."""
        async with self._orders:
            if self.state != "stopped":
                return
            self._ready, self._told, self._exit_code = False, False, None
            self._send(spawner.START)
            try:
                async with asyncio.timeout(self._start_limit_s), self._changed:
                    await self._changed.wait_for(lambda: self._ready or self._exit_code is not None)
            except TimeoutError:
                await self.kill()
                raise self._failed(f"did not answer within {self._start_limit_s} s") from None
            if not self._ready:
                raise self._failed(f"ended with exit code {self._exit_code} before it answered")

    async def stop(self) -> None:
        """Ask it to end (SIGTERM); kill it if it has not by `stop_limit_s`."""
        async with self._orders:
            if self.state == "stopped":
                return
            self._told = True
            self._send(spawner.TERMINATE)
            self.state = "stopping"
            try:
                async with asyncio.timeout(self._stop_limit_s):
                    await self._until("stopped")
            except TimeoutError:
                await self.kill()

    async def kill(self) -> None:
        """Kill it (SIGKILL), also while it is being started or stopped."""
        if self.state != "stopped":
            self._told = True
            self._send(spawner.KILL)
            self.state = "stopping"
            await self._until("stopped")

    async def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): its sockets stay open and nothing answers."""
        if self.state in ("starting", "running"):
            self._send(spawner.PAUSE)
            await self._until("paused", "stopped")

    async def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        if self.state == "paused":
            self._send(spawner.RESUME)
            await self._until("starting", "running", "stopped")

    async def fallen(self) -> str:
        """How it ended, once it did and nobody had asked it to; each time once."""
        return await self._fallen.get()

    def log_tail(self) -> str:
        """The last lines of its log."""
        return tail(self._layout.app_log)

    def _note(self, event: dict[str, object]) -> None:
        match event["event"]:
            case "started":
                self.state = "starting"
                self.pid = int(str(event["pid"]))
            case "ready":
                self._ready = True
                # One that stands still or is to end by now stays so.
                self.state = "running" if self.state == "starting" else self.state
            case "paused":
                self.state = "paused"
            case "resumed":
                self.state = "running" if self._ready else "starting"
            case "exited":
                self.state, self.pid = "stopped", None
                self._exit_code = int(str(event["code"]))
                if not self._told:
                    self._fallen.put_nowait(ending(self._exit_code))

    async def _until(self, *states: str) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.state in states)

    def _send(self, command: bytes) -> None:
        if self._writer is None:
            raise ApplicationFailedError("The spawner of this machine is not there.")
        self._writer.write(command)

    def _failed(self, how: str) -> ApplicationFailedError:
        return ApplicationFailedError(f"The application {how}. Its log ends:\n{self.log_tail()}")
