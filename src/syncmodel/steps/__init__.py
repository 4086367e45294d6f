"""The vocabulary of a run, one family of steps per file, and its JSON form.

Pure but for `perform`. Files in this package are discovered: see docs/adding.md.
"""

from syncmodel.steps.base import Step, Target
from syncmodel.steps.clocks import Clock, Drift
from syncmodel.steps.compound import Burst, Concurrently, Refused
from syncmodel.steps.data import Add, Create, Data, Delete, Set
from syncmodel.steps.deployment import Rollback, Rollout
from syncmodel.steps.disks import FullDisk, SlowDisk
from syncmodel.steps.faulty_deploy import FaultyRollback, FaultyRollout
from syncmodel.steps.fill import Fill
from syncmodel.steps.form import dump, kind, load, load_all, vocabulary
from syncmodel.steps.hanging import Hang
from syncmodel.steps.lifecycle import Crash, Restart
from syncmodel.steps.machines import Reboot, Select
from syncmodel.steps.membership import Join, Leave, Reactivate
from syncmodel.steps.misused import Misuse
from syncmodel.steps.network import Cut, Heal, Mend, Partition
from syncmodel.steps.packets import Impair
from syncmodel.steps.plugins import Disable, Uninstall
from syncmodel.steps.purging import Purge
from syncmodel.steps.reads import Read
from syncmodel.steps.restoring import Backup, Restore
from syncmodel.steps.slowness import Slow
from syncmodel.steps.spoiling import Spoil
from syncmodel.steps.standstill import Pause, Resume
from syncmodel.steps.sync import Resync
from syncmodel.steps.trusting import Distrust, Trust

__all__ = [
    "Add",
    "Backup",
    "Burst",
    "Clock",
    "Concurrently",
    "Crash",
    "Create",
    "Cut",
    "Data",
    "Delete",
    "Disable",
    "Distrust",
    "Drift",
    "FaultyRollback",
    "FaultyRollout",
    "Fill",
    "FullDisk",
    "Hang",
    "Heal",
    "Impair",
    "Join",
    "Leave",
    "Mend",
    "Misuse",
    "Partition",
    "Pause",
    "Purge",
    "Reactivate",
    "Read",
    "Reboot",
    "Refused",
    "Restart",
    "Restore",
    "Resume",
    "Resync",
    "Rollback",
    "Rollout",
    "Select",
    "Set",
    "Slow",
    "SlowDisk",
    "Spoil",
    "Step",
    "Target",
    "Trust",
    "Uninstall",
    "dump",
    "kind",
    "load",
    "load_all",
    "vocabulary",
]
