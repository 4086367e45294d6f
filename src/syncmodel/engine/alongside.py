"""What costs time is done while a target waits for somebody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def on_a_loop() -> bool:
    """Whether an event loop runs this, so that others can go on while one waits."""
    # Documented for loops; the public one raises where there is none, which takes longer.
    return asyncio._get_running_loop() is not None


async def alongside(call: Awaitable[T], work: Callable[[], None]) -> T:
    """What the call gives; the work is done as soon as that waits for the first time.

    Raises what the work raises, once the call is over: nothing goes on behind that.
    """
    calling = asyncio.ensure_future(call)
    try:
        await asyncio.wait({calling}, timeout=0)
        try:
            work()
        except Exception:
            with contextlib.suppress(Exception):
                await calling
            raise
        return await calling
    finally:
        calling.cancel()
