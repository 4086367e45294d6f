"""The fault that the next job of a supervisor meets, if a tester has armed one.

For testers of deployments: who may start and kill a machine's application may arm a fault, no
client may. It is kept in memory alone: a supervisor that was killed has none.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3

from syncmodel.errors import BootError

#: What raises, each at its own place of a job.
RAISING = ("migration-fails", "disk-full", "activation-fails")
#: What stops a job at a place, until it is let go, aborted, or its supervisor is killed.
HOLDING = ("killed-before-commit", "aborted", "second-job", "killed-after-commit")
FAULTS = ("substitute-missing", *RAISING, *HOLDING)
#: A job is not held for longer than this, should the tester have gone. Seconds.
HELD_S = 30.0


class ApplicationFailedError(BootError):
    """The application did not come up; the message ends with the last lines of its log."""


class Faults:
    """At most one is armed; the first job that comes to its place meets it, once."""

    def __init__(self) -> None:
        self._armed: str | None = None
        self._met = False
        self._held = asyncio.Event()
        self._going_on = asyncio.Event()

    def arm(self, name: str) -> None:
        """The next job meets this."""
        self._armed, self._met = name, False
        self._held.clear()
        self._going_on.clear()

    def disarm(self) -> bool:
        """No job meets anything from now on, and one that is held goes on; whether one had."""
        met = self._met
        self._armed, self._met = None, False
        self._held.clear()
        self._going_on.set()
        return met

    def let_go(self) -> None:
        """A job that is held goes on."""
        self._going_on.set()

    async def held(self, limit_s: float) -> bool:
        """Whether a job is held; returns once one is, or after `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._held.wait()
        except TimeoutError:
            return False
        return True

    @property
    def lacks(self) -> bool:
        """Whether the next job will miss its substitutes: a preview knows that too."""
        return self._armed == "substitute-missing"

    def missing(self) -> bool:
        """Whether a job misses its substitutes here."""
        return self._meets("substitute-missing")

    def meet(self, name: str) -> None:
        """A job comes to this place of `RAISING`. Raises what then goes wrong there."""
        if not self._meets(name):
            return
        if name == "disk-full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if name == "migration-fails":
            raise sqlite3.OperationalError("This migration fails, as a tester has asked.")
        raise ApplicationFailedError("The application does not come up, as a tester has asked.")

    async def hold(self, name: str) -> None:
        """A job comes to this place of `HOLDING`, and waits there if it meets the fault."""
        if self._meets(name):
            self._held.set()
            try:
                async with asyncio.timeout(HELD_S):
                    await self._going_on.wait()
            except TimeoutError:
                pass  # the tester has gone

    def _meets(self, name: str) -> bool:
        if self._armed != name:
            return False
        self._armed, self._met = None, True
        return True
