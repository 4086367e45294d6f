"""A tester's hold on its hosts: one connection to each, a lock that keeps other testers out, and
what an earlier one left.

The lock is flock(1) on a file in the host's /tmp, held by a shell that ends with its SSH session:
it outlives no tester. The file says who holds it, and is empty after an end in order.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import shlex
import socket
import time
from collections.abc import Callable
from typing import Any

import asyncssh

from syncmodel.errors import InvalidRunError, TransportError
from syncmodel.inventory.file import Inventory
from syncmodel.transport import ssh, ssh_config

#: $1: the file, $2: who we are. Says `none` without flock, `taken`, or `held` and who was before.
_SCRIPT = """\
command -v flock >/dev/null || { echo none; exec cat >/dev/null; }
exec 9>>"$1"
flock -n 9 || { echo taken; cat "$1"; exit 0; }
echo held; cat "$1"; echo; echo .
printf '%s' "$2" > "$1"
read -r word
[ "$word" = bye ] && : > "$1"
"""
_BYE = "bye\n"
_END_LIMIT_S = 5.0


class Hold:
    """Connections to all hosts of an inventory, locked. `left` is what earlier testers left, in
    words; `unlocked` are nodes whose hosts have no flock."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.connections: dict[str, asyncssh.SSHClientConnection] = {}
        self.left: list[str] = []
        self.unlocked: list[str] = []
        self._locks: dict[str, asyncssh.SSHClientProcess[str]] = {}

    @property
    def is_whole(self) -> bool:
        """Whether every connection is there."""
        return bool(self.connections) and not self.lost()

    def lost(self) -> list[str]:
        """The nodes whose connection broke."""
        return [node for node, one in self.connections.items() if one.is_closed()]

    def check(self) -> None:
        """Raises `TransportError` where a connection broke: what it carried is gone."""
        if lost := self.lost():
            raise TransportError(
                f"The SSH connection to {', '.join(lost)} broke, and the lock and the links that "
                f"it carried with it: see the log of its sshd."
            )

    async def open(self) -> None:
        """Connect to every host and lock it. Raises `InvalidRunError` if another tester has it."""
        self.left, self.unlocked = [], []
        try:
            for node, host in self._inventory.hosts.items():
                self.connections[node] = await ssh_config.connect(
                    host.alias, self._inventory.ssh_config, self._inventory.limits.connect
                )
                await self._lock(node, host.pubkey)
        except BaseException:
            await self.close()
            raise

    async def again(self, node: str) -> None:
        """Connect to a host that was lost, and lock it. Raises `InvalidRunError`."""
        host, left = self._inventory.hosts[node], list(self.left)
        self._locks.pop(node, None)
        connection = await ssh_config.connect(
            host.alias, self._inventory.ssh_config, self._inventory.limits.connect
        )
        before, self.connections[node] = self.connections[node], connection
        try:
            await self._lock(node, host.pubkey)
        except BaseException:
            self.connections[node] = before
            connection.abort()
            raise
        # Who did not end in order was we.
        self.left = left

    async def close(self) -> None:
        """Give every lock back and close the connections."""
        for process in self._locks.values():
            try:
                async with asyncio.timeout(_END_LIMIT_S):
                    process.stdin.write(_BYE)
                    await process.wait_closed()
            except (TimeoutError, asyncssh.Error, OSError):
                continue
        self._locks = {}
        for connection in self.connections.values():
            connection.close()
        for connection in self.connections.values():
            await connection.wait_closed()
        self.connections = {}

    async def _lock(self, node: str, pubkey: str) -> None:
        words = ["sh", "-c", _SCRIPT, "syncmodel", lock_file(pubkey), _we()]
        connection = self.connections[node]
        open_one: Callable[[], Any] = lambda: connection.create_process(shlex.join(words))  # noqa: E731
        try:
            async with asyncio.timeout(self._inventory.limits.connect):
                process = await ssh.with_session(open_one, node)
                self._locks[node] = process
                said = [(await process.stdout.readline()).strip()]
                if said[0] == "taken":
                    said.append((await process.stdout.read()).strip())
                while said[0] == "held" and said[-1] != ".":
                    line = await process.stdout.readline()
                    said.append(line.strip() or ("." if process.stdout.at_eof() else ""))
        except TimeoutError:
            raise TransportError(
                f"{node} did not say whether it is locked: see its shell."
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise TransportError(f"{node} can't be locked: {error}") from error
        self._note(node, said, pubkey)

    def _note(self, node: str, said: list[str], pubkey: str) -> None:
        match said:
            case ["none"]:
                self.unlocked.append(node)
            case ["taken", who]:
                raise InvalidRunError(
                    f"{node} is in use by another tester ({who or 'who did not say its name'}): "
                    f"wait until it ends, or end it."
                )
            case ["held", *before]:
                who = " ".join(word for word in before if word not in ("", "."))
                if who:
                    self.left.append(f"{node}: a tester did not end in order ({who})")
            case _:
                raise TransportError(
                    f"{node} can't be locked by {lock_file(pubkey)}: its shell says {said[0]!r:.80}"
                )


def lock_file(pubkey: str) -> str:
    """Where a host keeps the lock of the node with this key."""
    return f"/tmp/syncmodel-{pubkey[:16]}.lock"


def _we() -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}, since {now}"
