"""How a job ends that can't be done: its state, and the code that says why.

Not here: what is put back then (`supervisor`).
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from typing import Any

import attrs

from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.faults import ApplicationFailedError
from syncmodel.reference.node.jobs import Job


def failed(job: Job, error: Exception, details: Mapping[str, Any]) -> Job:
    """The job as that error ended it: aborted where it was refused, failed otherwise."""
    refused = error if isinstance(error, RefusedError) else None
    known = {**refused.details, **details} if refused else dict(details)
    ended = job.to("aborted" if refused else "failed", first_line(error))
    return attrs.evolve(ended, error={"code": code(error), "message": str(error), "details": known})


def code(error: Exception) -> str:
    """The code of an error, for programs: see docs/contract.md."""
    if isinstance(error, RefusedError):
        return error.code
    if isinstance(error, ApplicationFailedError):
        return "application_failed"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "disk_full"
    return "migration_failed" if isinstance(error, sqlite3.Error) else "internal"


def first_line(error: Exception) -> str:
    """What a job's log says of it."""
    return (str(error) or type(error).__name__).splitlines()[0]
