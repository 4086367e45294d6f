"""Calls of blocking clients, each in a thread of its own: an interrupt is met at once, and one that
gets no answer is given up, whatever its client thinks of time limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from syncmodel.providers.base import LostError

T = TypeVar("T")


class Calls:
    """Calls that are made one after another, and those of them that were given up."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._open: list[Thread] = []

    def do(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. Raises `LostError` at the limit; it goes on by itself."""
        answers: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

        def work() -> None:
            try:
                answers.put((True, call()))
            except BaseException as error:  # noqa: BLE001 (it is raised where it is waited for)
                answers.put((False, error))

        thread = Thread(target=work, daemon=True)
        self._open.append(thread)
        thread.start()
        try:
            good, value = answers.get(timeout=self._limit_s)
        except Empty:
            raise LostError(f"no answer within {self._limit_s:g} s") from None
        self._open.remove(thread)
        if not good:
            raise value
        found: T = value
        return found

    @property
    def any_open(self) -> bool:
        """Whether one was given up, and may still have an effect."""
        self._open = [thread for thread in self._open if thread.is_alive()]
        return bool(self._open)

    def settled(self, limit_s: float) -> bool:
        """Wait for calls that were given up; whether none is left whose effect may yet come."""
        end = time.monotonic() + limit_s
        for thread in self._open:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))
        self._open = [thread for thread in self._open if thread.is_alive()]
        return not self._open
