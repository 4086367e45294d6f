"""What a supervisor starts and stops: the one application of a machine."""

from __future__ import annotations

from typing import Protocol


class Application(Protocol):
    """The one application of a machine. Each method returns when the process is in that state.

    `state` is "stopped", "starting" (nobody is answered yet), "running", "paused" or "stopping"
    (nobody is answered any more). Starting what runs and stopping or killing what is down does
    nothing. `start` raises ApplicationFailedError and leaves it stopped.
    """

    @property
    def state(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...
