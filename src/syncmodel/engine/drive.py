"""How a target's coroutines run: on an event loop, or on none at all.

Hypothesis and pytest are synchronous and targets are not; this is where the two meet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from syncmodel.errors import UsageError, note, notes, said
from syncmodel.interrupts import of_ctrl_c

T = TypeVar("T")

#: How long, at the end, what still runs in a thread may take: one that hangs would hold us.
THREADS_LIMIT_S = 1.0

WAITS = "The target waits for something, so its class must say `waits = True`."


def _raised(error: BaseException) -> BaseException:
    """What a coroutine raised that is no `Exception`, as what is raised for it.

    It ends a coroutine, a process or a test, and no search: a target has let it out by mistake.
    Ctrl-C stays what it is, also where a library has put it among other errors.
    """
    if of_ctrl_c(error):
        return error if isinstance(error, KeyboardInterrupt) else KeyboardInterrupt()
    words = said(error) or "without a word"
    escaped = RuntimeError(f"{type(error).__name__} came out of it: {words}")
    for text in notes(error):
        note(escaped, text)
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
        except RuntimeError as error:
            if said(error) == "no running event loop":
                raise UsageError(WAITS) from error
            raise
        except Exception:
            raise
        except BaseException as error:  # (raised again)
            raise _raised(error) from error
        coroutine.close()
        raise UsageError(WAITS)

    def close(self) -> None:
        """Nothing to do."""


class _Threads(ThreadPoolExecutor):
    """Those of `asyncio.to_thread`."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        until_s = time.monotonic() + THREADS_LIMIT_S
        for thread in self._threads if wait else ():
            thread.join(max(0.0, until_s - time.monotonic()))


class Loop:
    """One event loop for the life of a live target; Ctrl-C cancels what runs and is raised."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._runner.get_loop().set_default_executor(_Threads())

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
        except Exception:
            raise
        except BaseException as error:
            # Ctrl-C cancels too, and comes out of here as KeyboardInterrupt.
            raise _raised(error) from error

    def time(self) -> float:
        """The loop's clock, seconds."""
        return self._runner.get_loop().time()

    def close(self) -> None:
        """Cancel what still runs and close the loop; threads that hang are left behind."""
        self._runner.close()
