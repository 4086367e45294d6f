"""One server process of a system under test, and everything that it starts.

Started, stopped, killed, paused and resumed through a keeper (`keeper.py`), which ends all of it if
this process does. Not here: what the server is, and when it is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from syncmodel.adapter.places import Owner
from syncmodel.errors import BootError

KEEPER = Path(__file__).with_name("keeper.py")
#: Until a keeper has said that the kernel killed all of it.
DEATH_LIMIT_S = 10.0


class Server:
    """It runs from `start` until `ended`; `fallen` says that nobody had asked it to end.

    A keeper without a command just waits: it removes `folders` if this process dies.
    """

    def __init__(self, keeper: subprocess.Popen[bytes], ours: socket.socket) -> None:
        """Use `start`."""
        self.code: int | None = None
        self.pid = 0
        self._told = False
        self._keeper, self._ours = keeper, ours
        self._said: dict[str, asyncio.Event] = {}
        self._trouble = ""
        self._listening: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: Owner | None = None,
        folders: Sequence[Path] = (),
    ) -> Server:
        """Run this, as `user` or as we do; stdout and stderr go to the end of `log`.

        Raises `BootError`.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-S", str(KEEPER), str(theirs.fileno())]
            keeper = subprocess.Popen(  # noqa: ASYNC220 (it is not waited for here)
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        server = cls(keeper, ours)
        asked = {
            "argv": list(argv),
            "cwd": str(cwd),
            "log": str(log),
            "env": dict(os.environ if env is None else env),
            "user": user,
            "folders": [str(folder) for folder in folders],
        }
        try:
            reader, server._writer = await asyncio.open_connection(sock=ours)
            server._writer.write(json.dumps(asked).encode() + b"\n")
            server._listening = asyncio.create_task(server._listen(reader))
            if argv:
                await server._heard("started", DEATH_LIMIT_S)
        except BaseException:
            await server.kill()
            raise
        if server._trouble:
            await server.kill()
            raise BootError(f"The server can't be started: {server._trouble}.")
        return server

    @property
    def running(self) -> bool:
        """Whether the server has not ended."""
        return self.code is None

    @property
    def fallen(self) -> bool:
        """Whether it ended, and nobody had told it to."""
        return self.code is not None and not self._told

    async def ended(self) -> None:
        """Wait until the server has ended and nothing of it runs any more."""
        await self._said.setdefault("ended", asyncio.Event()).wait()

    async def stop(self, number: signal.Signals, limit_s: float) -> None:
        """Ask the server to end with that signal; kill it if it has not by `limit_s`."""
        self._told = True
        self._say(f"signal {int(number)}")
        with contextlib.suppress(TimeoutError):
            await self._heard("ended", limit_s)
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL to the server and all that it started; returns when none of it runs."""
        self._told |= self.running
        try:
            if self.running:
                self._say("kill")
                with contextlib.suppress(TimeoutError):
                    await self._heard("ended", DEATH_LIMIT_S)
        finally:
            # Also where nobody waits for that any more: its keeper ends with the connection.
            await self._let_go()

    async def _let_go(self) -> None:
        if self._writer is not None:
            self._writer.close()
        else:
            self._ours.close()
        await asyncio.to_thread(self._keeper.wait)
        if self._listening is not None:
            await self._listening
        self.code = -int(signal.SIGKILL) if self.code is None else self.code

    async def pause(self) -> None:
        """SIGSTOP to all of it: sockets stay open, and nothing answers."""
        self._say("pause")
        await self._heard("paused", DEATH_LIMIT_S)

    async def resume(self) -> None:
        """Let it go on."""
        self._say("resume")
        await self._heard("resumed", DEATH_LIMIT_S)

    def _say(self, order: str) -> None:
        if self._writer is not None:
            self._writer.write(order.encode() + b"\n")

    async def _heard(self, word: str, limit_s: float) -> None:
        """Wait until the keeper says so, or has gone. Raises `TimeoutError`."""
        event = self._said.setdefault(word, asyncio.Event())
        async with asyncio.timeout(limit_s):
            await event.wait()
        if word != "ended":
            event.clear()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                word, _, rest = line.decode().rstrip().partition(" ")
                if word == "ended":
                    self.code = int(rest)
                elif word == "started":
                    self.pid = int(rest)
                elif word == "failed":
                    self._trouble = rest
                self._said.setdefault(word, asyncio.Event()).set()
        # Whoever still waits for a word of it waits in vain.
        for word in ("started", "paused", "resumed", "ended"):
            self._said.setdefault(word, asyncio.Event()).set()
