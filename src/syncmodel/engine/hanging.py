"""The bound on how long a target may take: an adapter that hangs says nothing of the system.

Where the target waits on the event loop it is cancelled there. Where it blocks instead, nothing on
the loop gets its turn, or there is no loop: then the process' alarm clock wakes it, a little later
(in the main thread, and where nobody else has set that clock). What rings is set once a run, and
the clock seldom, as that takes longer than all else here; between the calls of a run somebody
else's alarm does what it would do without a handler.
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
    """The process' alarm clock: it raises `_Blocks` in the middle of whatever runs for too long.

    It goes on between two calls of a run, and is set only where it would ring too late; where that
    is too early, it is set for the rest of the time.
    """

    def __init__(self) -> None:
        #: The thread that hears it, where it is ours.
        self._ours: int | None = None
        self._runs = False
        #: Until when what runs may take, and when the clock rings as we set it.
        self._until_s = self._rings_s = 0.0

    def start(self, limit_s: float, *, anew: bool) -> bool:
        """Ring after that time; False where the clock is somebody else's, or can't be heard."""
        if self._runs or ((anew or self._ours != threading.get_ident()) and not self._taken()):
            return False
        now_s = time.monotonic()
        self._runs, self._until_s = True, now_s + limit_s
        if not now_s < self._rings_s <= self._until_s:
            self._set(limit_s)
        return True

    def _set(self, limit_s: float) -> None:
        self._rings_s = time.monotonic() + limit_s
        signal.setitimer(signal.ITIMER_REAL, limit_s)

    def _taken(self) -> bool:
        """Whether it is ours from now on: it stands still, and nobody else would hear it."""
        if not _is_main():
            return False
        self.let_go()
        unheard = signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        if not unheard or signal.getitimer(signal.ITIMER_REAL) != STOPPED:
            return False
        self._ours = threading.get_ident()
        signal.signal(signal.SIGALRM, self._ring)
        return True

    def stop(self) -> None:
        """What ran has come back."""
        self._runs = False

    def let_go(self) -> None:
        """It is nobody's, as it was."""
        if self._runs or self._ours != threading.get_ident():
            return
        left_s, _ = signal.getitimer(signal.ITIMER_REAL)
        if self._is_own(time.monotonic() + left_s):
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        self._ours, self._rings_s = None, 0.0
        if signal.getsignal(signal.SIGALRM) == self._ring:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _is_own(self, rings_s: float) -> bool:
        """Whether we set a clock that rings then; nobody else's is so near."""
        return abs(rings_s - self._rings_s) < LATER_S

    def _ring(self, number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._runs and now_s < self._until_s:
            self._set(self._until_s - now_s)
        elif self._runs:
            raise _Blocks
        elif not self._is_own(now_s):
            # Somebody else's alarm, between two calls: as if there was no handler.
            signal.signal(number, signal.SIG_DFL)
            self._ours = None
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
