"""What is wrong on a host as long as its tester says so, and no longer.

A shell on the host does it, says `held` to each line that it reads, and undoes it: when it is told
to, when the tester or the way to it is gone, and when nobody has said anything for too long. So an
answer of `held` means that it was in force until then. Not here: what is done (`host`), and cuts,
whose entries end by themselves in the kernel (`packets`).
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from typing import Any, Self

import asyncssh

from syncmodel.errors import FaultError
from syncmodel.transport import ssh

#: $1: seconds of silence that end it, $2: what does it, $3: what undoes it.
_SCRIPT = """\
undo=$3
trap 'exit 1' HUP INT TERM PIPE
trap 'sh -c "$undo" >/dev/null 2>&1' EXIT
sh -c "$2" </dev/null >&2 || exit 3
echo held
while timeout "$1" sh -c 'read -r word'; do echo held; done
"""
_HELD = "held"
LIMIT_S = 10.0


class Leash:
    """One such thing on one host. `words` say what it is, after the host's name."""

    def __init__(self, node: str, words: str) -> None:
        self._node, self._words = node, words
        self._process: asyncssh.SSHClientProcess[str] | None = None
        self._turns = asyncio.Lock()

    @classmethod
    async def hold(  # noqa: PLR0917  (what is wrong, where, and how it ends)
        cls,
        connection: asyncssh.SSHClientConnection,
        node: str,
        words: str,
        do: str,
        undo: str,
        silence_s: float,
    ) -> Self:
        """Do it. Raises `FaultError` if it could not be done; it is undone then."""
        made = cls(node, words)
        told = shlex.join(["sh", "-c", _SCRIPT, "syncmodel", f"{silence_s:g}", do, undo])
        open_one: Callable[[], Any] = lambda: connection.create_process(told)  # noqa: E731
        try:
            async with asyncio.timeout(LIMIT_S):
                process = await ssh.with_session(open_one, node)
                made._process = process
                said = (await process.stdout.readline()).strip()
                if said == _HELD:
                    return made
                why = (await process.stderr.read()).strip()[-300:]
        except TimeoutError:
            why = f"it did not end in {LIMIT_S:g} s"
        except (asyncssh.Error, OSError) as error:
            why = str(error)
        await made.release()
        raise FaultError(f"{node} {words}: `{do}` says {why or 'nothing'}.")

    async def check(self) -> None:
        """It goes on, and was in force until now. Raises `FaultError` if it has ended."""
        process = self._process
        if process is None:
            return
        async with self._turns:
            try:
                async with asyncio.timeout(LIMIT_S):
                    process.stdin.write("\n")
                    said = (await process.stdout.readline()).strip()
            except (TimeoutError, asyncssh.Error, OSError) as error:
                said = str(error)
        if said != _HELD and self._process is process:
            raise FaultError(
                f"{self._node} {self._words}, and that has ended by itself: nobody renewed it (see "
                f"`hold` under [limits]), or the way to the host broke."
            )

    async def release(self) -> bool:
        """Undo it; whether the host did so when it was told."""
        process, self._process = self._process, None
        if process is None:
            return True
        async with self._turns:
            try:
                async with asyncio.timeout(LIMIT_S):
                    process.stdin.write_eof()
                    await process.wait_closed()
            except (TimeoutError, asyncssh.Error, OSError):
                return False
        return process.exit_status is not None
