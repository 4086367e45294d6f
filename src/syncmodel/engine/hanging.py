"""The bound on how long a target may take: an adapter that hangs says nothing of the system.

Where the target waits on the event loop it is cancelled there. Where it blocks instead, nothing on
the loop gets its turn, or there is no loop: then the process' alarm clock wakes it, a little later
(in the main thread, and where nobody else has set that clock). What rings is set once a run, as
that takes longer than all else here; between its calls it does what no handler would do.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

from syncmodel.engine.alongside import on_a_loop
from syncmodel.errors import InvalidRunError
from syncmodel.targets.base import Target

T = TypeVar("T")

#: What blocks is told this much later than what waits, seconds.
LATER_S = 1.0
#: The methods of a target that a run calls by themselves.
CALLED = ("write", "read", "settle", "begin", "together", "close")
AT_ITS_END = "at its end"
#: An alarm clock that nobody has set.
STOPPED = (0.0, 0.0)


class HangingError(InvalidRunError):
    """A target's method did not come back: the run is unknown, and the adapter is to be mended."""


class _Blocks(Exception):  # noqa: N818 (told as another one)
    """It still ran when the alarm went off."""


class _Clock:
    """The process' alarm clock: it raises `_Blocks` in the middle of whatever runs then."""

    def __init__(self) -> None:
        self._ours = self._runs = False
        self._until_s = 0.0

    def start(self, limit_s: float, *, anew: bool) -> bool:
        """Ring after that time; False where the clock is somebody else's, or can't be heard."""
        if not _is_main() or ((anew or not self._ours) and not self._taken()):
            return False
        self._runs, self._until_s = True, time.monotonic() + limit_s
        before = signal.setitimer(signal.ITIMER_REAL, limit_s)
        if before == STOPPED:
            return True
        # Somebody else's rings, as it would have: to look before would take as long as to set it.
        self._runs = False
        signal.setitimer(signal.ITIMER_REAL, *before)
        return False

    def _taken(self) -> bool:
        """Whether it is ours from now on: it stands still, and nobody else would hear it."""
        handler = signal.getsignal(signal.SIGALRM)
        unheard = handler is signal.SIG_DFL or handler == self._ring
        self._ours = unheard and signal.getitimer(signal.ITIMER_REAL) == STOPPED
        if self._ours:
            signal.signal(signal.SIGALRM, self._ring)
        return self._ours

    def stop(self) -> None:
        """Ring no more."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._runs = False

    def let_go(self) -> None:
        """It is nobody's, as it was."""
        if not self._ours or self._runs or not _is_main():
            return
        self._ours = False
        if signal.getsignal(signal.SIGALRM) == self._ring:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _ring(self, number: int, _frame: FrameType | None) -> None:
        if self._runs:
            raise _Blocks
        if 0 <= time.monotonic() - self._until_s < LATER_S:
            return  # ours, heard a moment after the call came back
        # Somebody else's alarm, between two calls: as if there was no handler.
        signal.signal(number, signal.SIG_DFL)
        self._ours = False
        signal.raise_signal(number)


_CLOCK = _Clock()


def _is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


async def bounded(
    target: Target,
    call: Awaitable[T],
    doing: Callable[[], str],
    more_s: float = 0.0,
    *,
    anew: bool = True,
) -> T:
    """What the call gives. Raises `HangingError` if it takes longer than the target may.

    `doing` says what that is, and is asked only then; `more_s`: the target was given so much time
    itself. `anew`: it is looked again whose the alarm clock is, as it is once a run.
    """
    limit_s = target.hang_limit_s + more_s
    within = asyncio.timeout(limit_s) if on_a_loop() else None
    try:
        rings = _CLOCK.start(limit_s + LATER_S, anew=anew)
        try:
            if within is None:
                return await call
            async with within:
                return await call
        finally:
            if rings:
                _CLOCK.stop()
    except _Blocks as error:
        raise _hanging(target, error, doing(), limit_s) from error
    except TimeoutError as error:
        if within is None or not within.expired():
            raise
        raise _hanging(target, error.__cause__ or error, doing(), limit_s) from error


async def closed(target: Target) -> None:
    """Close the target. Raises `HangingError` if that takes longer than the target may."""
    try:
        await bounded(target, target.close(), lambda: AT_ITS_END)
    finally:
        let_go()


def let_go() -> None:
    """A run is over: the alarm clock is nobody's."""
    _CLOCK.let_go()


def _hanging(target: Target, error: BaseException, doing: str, limit_s: float) -> HangingError:
    name = type(target).__name__
    method, where = "the target", ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if frame.f_locals.get("self") is target and code.co_name in CALLED:
            method = code.co_name
            where = f" ({Path(code.co_filename).name}, line {line})"
    so = "what it left is ended" if doing == AT_ITS_END else "nothing is said of the system"
    return HangingError(
        f"{name}.{method} did not come back within {limit_s:g} s, {doing}{where}: the adapter "
        f"hangs, and {so}. Give its calls time limits of their own, or "
        f"more time with `hang_limit_s` in {name}."
    )
