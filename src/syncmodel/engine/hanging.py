"""The bound on how long a target may take: an adapter that hangs says nothing of the system.

Where the target waits on the event loop it is cancelled there. Where it blocks instead, nothing on
the loop gets its turn, or there is no loop: then the process' alarm clock wakes it, a little later
(in the main thread, and where nobody else has set that clock).
"""

from __future__ import annotations

import asyncio
import signal
import threading
import traceback
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

from syncmodel.errors import InvalidRunError
from syncmodel.targets.base import Target

T = TypeVar("T")

#: What blocks is told this much later than what waits, seconds.
LATER_S = 1.0
#: The methods of a target that a run calls by themselves.
CALLED = ("write", "read", "settle", "begin", "together", "close")
AT_ITS_END = "at its end"


class HangingError(InvalidRunError):
    """A target's method did not come back: the run is unknown, and the adapter is to be mended."""


class _Blocks(Exception):  # noqa: N818 (told as another one)
    """It still ran when the alarm went off."""


async def bounded(target: Target, call: Awaitable[T], doing: str, more_s: float = 0.0) -> T:
    """What the call gives. Raises `HangingError` if it takes longer than the target may.

    `doing` says what that is; `more_s`: the target was given so much time itself.
    """
    limit_s = target.hang_limit_s + more_s
    within = asyncio.timeout(limit_s) if _on_a_loop() else None
    try:
        with _alarm(limit_s + LATER_S):
            if within is None:
                return await call
            async with within:
                return await call
    except _Blocks as error:
        raise _hanging(target, error, doing, limit_s) from error
    except TimeoutError as error:
        if within is None or not within.expired():
            raise
        raise _hanging(target, error.__cause__ or error, doing, limit_s) from error


async def closed(target: Target) -> None:
    """Close the target. Raises `HangingError` if that takes longer than the target may."""
    await bounded(target, target.close(), AT_ITS_END)


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    """Raises `_Blocks` in the middle of whatever runs then."""
    free = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    )
    if not free:
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _Blocks

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


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
