"""syncmodel: a tester of sync and rollback for clusters of replicated nodes.

A run is a list of steps; the model says what each node may show after each of them; engines
differ only in where the steps come from and where they are performed. See docs/architecture.md.

What your own tests need can be imported from here; names are resolved on first use.
"""

import sys

if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)].removeprefix("-m") == "syncmodel":
    # `python -m syncmodel` begins here, before `__main__` and with the current folder on its path.
    from syncmodel.safe_path import leave_current_folder

    leave_current_folder()

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncmodel.machine.cluster import ClusterMachine
    from syncmodel.model.columns import Counter, Integer, OnDelete, Ref, Token
    from syncmodel.model.guarantees import Guarantees
    from syncmodel.model.outcome import Outcome, accepted, refused, unknown
    from syncmodel.model.schema import Generation, Schema, Table
    from syncmodel.model.values import Row, Value, Write
    from syncmodel.model.view import View
    from syncmodel.steps.base import (
        CutsLinks,
        Deploys,
        HangsLinks,
        Malforms,
        Pauses,
        Resyncs,
        SetsClocks,
        SlowsLinks,
        Stops,
    )
    from syncmodel.steps.disks import FillsDisks
    from syncmodel.steps.purging import Purges
    from syncmodel.steps.restoring import PutsBack
    from syncmodel.targets.base import Settled, Target, Unsettled
    from syncmodel.targets.registry import TargetKind

WHERE = {
    "machine.cluster": ("ClusterMachine",),
    "model.columns": ("Counter", "Integer", "OnDelete", "Ref", "Token"),
    "model.guarantees": ("Guarantees",),
    "model.outcome": ("Outcome", "accepted", "refused", "unknown"),
    "model.schema": ("Generation", "Schema", "Table"),
    "model.values": ("Row", "Value", "Write"),
    "model.view": ("View",),
    "steps.base": (
        "CutsLinks",
        "Deploys",
        "HangsLinks",
        "Malforms",
        "Pauses",
        "Resyncs",
        "SetsClocks",
        "SlowsLinks",
        "Stops",
    ),
    "steps.disks": ("FillsDisks",),
    "steps.purging": ("Purges",),
    "steps.restoring": ("PutsBack",),
    "targets.base": ("Settled", "Target", "Unsettled"),
    "targets.registry": ("TargetKind",),
}
_MODULES = {name: module for module, names in WHERE.items() for name in names}

__all__ = [
    "ClusterMachine",
    "Counter",
    "CutsLinks",
    "Deploys",
    "FillsDisks",
    "Generation",
    "Guarantees",
    "HangsLinks",
    "Integer",
    "Malforms",
    "OnDelete",
    "Outcome",
    "Pauses",
    "Purges",
    "PutsBack",
    "Ref",
    "Resyncs",
    "Row",
    "Schema",
    "SetsClocks",
    "Settled",
    "SlowsLinks",
    "Stops",
    "Table",
    "Target",
    "TargetKind",
    "Token",
    "Unsettled",
    "Value",
    "View",
    "Write",
    "accepted",
    "refused",
    "unknown",
]


def __getattr__(name: str) -> Any:
    """What is named in `__all__`, imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
