"""A connection whose other end has gone silent, which nothing else would ever tell us.

A held or half-open connection is neither reset nor closed. So each end pings, and gives up what
says nothing for too long.
"""

import asyncio
from collections.abc import Callable
from typing import Final

#: So many pings are sent, evenly spaced over the limit, before a connection is given up.
PINGS: Final = 4


class Watch:
    """Gives up one connection when nothing was heard for `limit_s`, or a quarter of it longer.

    It counts turns of our own loop, not seconds: however long our process was stopped or busy, that
    is one turn, and what the other end said meanwhile is read before the next. So a stop of the
    other end is outlived if it takes less than three quarters of the limit.
    """

    def __init__(
        self, limit_s: float, ping: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        self._pause_s = limit_s / PINGS
        self._ping = ping
        self._give_up = give_up
        self._unanswered = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch from now on, until `stop`."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._pause_s, self._turn)

    def stop(self) -> None:
        """Neither ping nor give up any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> None:
        """The other end has shown that it is there."""
        self._unanswered = 0

    def _turn(self) -> None:
        if self._unanswered == PINGS:
            self._timer = None
            self._give_up()
            return
        self._unanswered += 1
        self._ping()
        self.start()
