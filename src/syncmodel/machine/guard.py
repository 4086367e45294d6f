"""What stands between a search and Hypothesis: a search that can't go on ends at once, and cleanly.

Hypothesis takes every `Exception` for a finding and would run it again; what is raised here goes
past it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from syncmodel.engine.drive import Driver
from syncmodel.engine.history import Ended, Entry, Observer, Verdict
from syncmodel.errors import InvalidRunError, SyncModelError

T = TypeVar("T")

#: After so many runs in a row that said nothing, the tester can't go on.
INVALID_LIMIT = 3


class Halt(KeyboardInterrupt):
    """The search can't go on: `error` says why, and is what comes out of it.

    It is raised like Ctrl-C, because that alone stops Hypothesis in the middle of a run without
    further questions: any other error it would run again, and perhaps lose.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Guarded:
    """A driver and an observer that end a search cleanly when it can't go on.

    After that no entry passes any more: what Hypothesis still does with the run means nothing.
    """

    def __init__(self, driver: Driver, observe: Observer) -> None:
        self._driver = driver
        self._observe = observe
        self._over = False
        self._invalid = 0

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it. Whatever comes out of it ends the search."""
        try:
            return self._driver.run(coroutine)
        except BaseException:
            self._over = True
            raise

    def close(self) -> None:
        """The driver is somebody else's to close."""

    def observe(self, entry: Entry) -> None:
        """Pass the entry on; stop when runs in a row say nothing, or it can't be written down."""
        if self._over:
            return
        try:
            self._observe(entry)
        except SyncModelError as error:
            self._over = True
            raise Halt(error) from error
        if isinstance(entry, Ended):
            self._count(entry)

    def _count(self, entry: Ended) -> None:
        self._invalid = self._invalid + 1 if entry.verdict is Verdict.INVALID else 0
        if self._invalid >= INVALID_LIMIT:
            self._over = True
            text = f"{INVALID_LIMIT} runs in a row said nothing of the system. {entry.reason}"
            raise Halt(InvalidRunError(text))


def cant_go_on(error: OSError) -> InvalidRunError:
    """What the operating system refused the tester (a full disk, no more descriptors), in words."""
    place = f" ({error.filename})" if error.filename else ""
    return InvalidRunError(f"The tester can't go on: {error.strerror or error}{place}.")
