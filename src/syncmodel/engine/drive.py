"""How a target's coroutines run: on an event loop, or on none at all.

Hypothesis and pytest are synchronous and targets are not; this is where the two meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from syncmodel.errors import UsageError

T = TypeVar("T")


#: What ends a coroutine, or a process, and no search: a target has let it out by mistake.
ESCAPES = (asyncio.CancelledError, SystemExit, GeneratorExit)


WAITS = "The target waits for something, so its class must say `waits = True`."


def _escaped(error: BaseException) -> RuntimeError:
    escaped = RuntimeError(f"{type(error).__name__} came out of it: {error or 'without a word'}")
    for note in getattr(error, "__notes__", ()):
        escaped.add_note(note)
    return escaped


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
        except ESCAPES as error:
            raise _escaped(error) from error
        except RuntimeError as error:
            if str(error) == "no running event loop":
                raise UsageError(WAITS) from error
            raise
        coroutine.close()
        raise UsageError(WAITS)

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
        try:
            return self._runner.run(coroutine)
        except ESCAPES as error:
            # Ctrl-C cancels too, and comes out of here as KeyboardInterrupt.
            raise _escaped(error) from error

    def time(self) -> float:
        """The loop's clock, seconds."""
        return self._runner.get_loop().time()

    def close(self) -> None:
        """Cancel what still runs and close the loop."""
        self._runner.close()
