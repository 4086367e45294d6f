"""How a target's coroutines run: on an event loop, or on none at all.

Hypothesis and pytest are synchronous and targets are not; this is where the two meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")


class Driver(Protocol):
    """Runs coroutines to their end, one at a time."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, or whatever it raised."""

    def close(self) -> None:
        """Nothing is left of the driver."""


class Straight:
    """For targets that never wait (the simulated one): no loop, no cost."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Step the coroutine once; it must end there."""
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result
        coroutine.close()
        raise RuntimeError("A target that waits needs an event loop: use Loop.")

    def close(self) -> None:
        """Nothing to do."""


class Loop:
    """One event loop for the life of a live target; Ctrl-C cancels what runs and is raised."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it on the loop; between calls nothing of the loop runs."""
        return self._runner.run(coroutine)

    def time(self) -> float:
        """The loop's clock, seconds."""
        return self._runner.get_loop().time()

    def close(self) -> None:
        """Cancel what still runs and close the loop."""
        self._runner.close()
