"""Writes to the disk that take longer: those of one process, until it ends or is let go.

strace(1) holds up the process at the end of each of these calls (`-e inject=...:delay_exit`), so it
takes the right to trace it, and no disk of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from syncmodel.errors import FaultError

#: What a database does to have something on its disk.
CALLS = "pwrite64,fsync,fdatasync"
_TRACES = 1 << 19  # CAP_SYS_PTRACE, capabilities(7)
_LIMIT_S = 10.0


def lacking(find: Callable[[str], str | None] | None = None) -> str:
    """What this computer lacks for it, with what to do; "" if nothing.

    `find` gives the path of a program where it is to run (default: as anyone finds it).
    """
    if (find or shutil.which)("strace") is None:
        hidden = find and shutil.which("strace")
        told = f"machines do not see {hidden}" if hidden else "strace is not there"
        return f"{told}: apt-get install strace"
    # Who is nobody's root is it in namespaces of his own, and may trace what runs there.
    if os.geteuid() == 0 and not _rights() & _TRACES:
        return "root may not trace processes here: give the container SYS_PTRACE"
    return ""


def _rights() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


class SlowDisk:
    """The writes of one process. `strace` is the program by which they are held up."""

    def __init__(self, strace: str = "strace") -> None:
        self._strace = strace
        self._tracer: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def slow(self, pid: int, delay_ms: int) -> bool:
        """Have each of its writes take so much longer, 0 for not at all; whether they do by then,
        as the kernel says. Raises `FaultError`."""
        await self._end()
        if delay_ms:
            await self._begin(pid, delay_ms)
        return tracer_of(pid) != 0

    async def _begin(self, pid: int, delay_ms: int) -> None:
        inject = f"inject={CALLS}:delay_exit={delay_ms * 1000}"
        command = (self._strace, "-f", "-o", os.devnull, "-e", f"trace={CALLS}", "-e", inject)
        try:
            self._tracer = tracer = await asyncio.create_subprocess_exec(
                *command, "-p", str(pid), stderr=asyncio.subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise FaultError(f"{self._strace} can't be started: {error.strerror}.") from error
        assert tracer.stderr is not None
        said = b""
        with contextlib.suppress(TimeoutError):
            said = await asyncio.wait_for(tracer.stderr.readline(), _LIMIT_S)
        if b"attached" not in said:
            await self._end()
            raise FaultError(f"strace could not trace {pid}: {said.decode(errors='replace')!r}.")
        self._reading = asyncio.create_task(_read_all(tracer.stderr))

    async def _end(self) -> None:
        tracer, self._tracer = self._tracer, None
        reading, self._reading = self._reading, None
        if tracer is None:
            return
        with contextlib.suppress(ProcessLookupError):
            tracer.terminate()  # it lets go first
        try:
            await asyncio.wait_for(tracer.wait(), _LIMIT_S)
        except TimeoutError:
            tracer.kill()
            await tracer.wait()
        if reading is not None:
            await reading


async def _read_all(messages: asyncio.StreamReader) -> None:
    """It says a line of each thread that begins: unread, they would stop it, and what it traces."""
    while await messages.read(1 << 16):
        pass


def tracer_of(pid: int) -> int:
    """Who traces the process; 0 for nobody, as for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("TracerPid:"))
