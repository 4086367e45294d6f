"""Signals that end a process: each is handled as Ctrl-C is, so that nothing is left behind."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

#: Ctrl-C, `kill`, and a terminal that goes away.
ENDING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
#: What a process that was ended by one of them exits with.
INTERRUPTED_CODE = 130
#: After so long a Ctrl-C is raised again that came where Python drops exceptions.
AGAIN_S = 0.02


@contextmanager
def like_ctrl_c() -> Iterator[None]:
    """Until this ends, the signals of `ENDING` raise `KeyboardInterrupt` in the main thread.

    So does SIGINT where it was ignored, as in what a script has started in the background. SIGHUP
    stays ignored where it was: `nohup` asks for that. An interrupt that comes inside of a finaliser
    or a callback of the garbage collector, where Python drops every exception, is raised again.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    hook = sys.unraisablehook
    kept = {signal.SIGHUP} if before[signal.SIGHUP] is signal.SIG_IGN else set()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ENDING - kept - {signal.SIGINT}:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _raised_again
    try:
        yield
    finally:
        # An interrupt inside of a text that was executed (any import may do so) leaves a mark in
        # Python, by which the process ends as if nobody had handled it; the next text removes it.
        exec("")
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def of_ctrl_c(error: BaseException | None) -> bool:
    """Whether an interrupt is behind this error: a library may meet it half way in its own work.

    What is behind an error may lead back to it, where one was raised again for another.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        if isinstance(error, BaseExceptionGroup) and error.subgroup(KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _interrupt(_: int, frame: FrameType | None) -> None:
    """What Ctrl-C does at the moment: on an event loop it cancels what runs there."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)


def _raised_again(dropped: UnraisableHookArgs) -> None:
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        Timer(AGAIN_S, signal.raise_signal, (signal.SIGINT,)).start()
    else:
        sys.__unraisablehook__(dropped)
