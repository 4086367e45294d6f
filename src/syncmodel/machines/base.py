"""What a target needs of a place where a node lives. Interfaces and data only.

A machine is reached over SSH; its application is started and stopped there. The other files of this
package say where it comes from (a local process, a namespace, a provider).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

import asyncssh
import attrs


@attrs.frozen
class Endpoint:
    """Where and as whom to connect by SSH, and the one host key that is accepted there."""

    host: str
    port: int
    username: str
    client_key: asyncssh.SSHKey = attrs.field(repr=False)
    host_key: asyncssh.SSHKey = attrs.field(repr=False)
    #: Makes the TCP socket to connect with, where the machine is in a network that is not ours.
    sockets: Callable[[], Awaitable[int]] | None = attrs.field(default=None, repr=False)


@runtime_checkable
class Tells(Protocol):
    """A machine that says how it is, whether or not its application runs."""

    async def status(self) -> dict[str, Any]:
        """application ("stopped", "starting", "running", "paused" or "stopping"), selected, running
        (numbers of generations), job (its name; None where none goes on)."""


class Machine(Protocol):
    """A place with one application. Each method returns when the application is in that state.

    Each method is idempotent. All raise TransportError when the machine can't be
    reached; `start` raises BootError when the application does not come up (it is down then).
    """

    @property
    def name(self) -> str: ...
    @property
    def endpoint(self) -> Endpoint: ...

    async def start(self) -> None:
        """Start the application; returns when it accepts connections."""

    async def stop(self) -> None:
        """Stop the application in an orderly way."""

    async def kill(self) -> None:
        """Kill the application (SIGKILL): nothing is flushed, no peer is notified."""

    async def pause(self) -> None:
        """Stop the application in its tracks (SIGSTOP): connections stay open, nothing answers."""

    async def resume(self) -> None:
        """Let it go on (SIGCONT)."""

    async def set_clock(self, ahead_s: int) -> None:
        """Set its wall clock so many seconds ahead of the true time, over restarts too."""
