"""The vocabulary of a run, one family of steps per file, and its JSON form.

Pure but for `perform`. A file in this package is found by being there: see docs/adding.md.
"""

from syncmodel.steps.base import Request, Step, Target
from syncmodel.steps.compound import Burst, Concurrently, Refused
from syncmodel.steps.data import (
    CreateCase,
    CreateEvent,
    Data,
    DeleteCase,
    DeleteEvent,
    IncrementCase,
    UpdateCase,
)
from syncmodel.steps.deployment import Rollback, Rollout
from syncmodel.steps.form import dump, kind, load, load_all, vocabulary
from syncmodel.steps.lifecycle import Crash, Restart
from syncmodel.steps.network import Cut, Heal, Mend, Partition
from syncmodel.steps.sync import Resync

__all__ = [
    "Burst",
    "Concurrently",
    "Crash",
    "CreateCase",
    "CreateEvent",
    "Cut",
    "Data",
    "DeleteCase",
    "DeleteEvent",
    "Heal",
    "IncrementCase",
    "Mend",
    "Partition",
    "Refused",
    "Request",
    "Restart",
    "Resync",
    "Rollback",
    "Rollout",
    "Step",
    "Target",
    "UpdateCase",
    "dump",
    "kind",
    "load",
    "load_all",
    "vocabulary",
]
