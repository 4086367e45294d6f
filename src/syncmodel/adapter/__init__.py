"""What the author of an adapter writes: one class, `InProcess` or `Processes`.

A sketch is in docs/adapters.md; `syncmodel init DIR` writes one that runs.
"""

from syncmodel.adapter.answers import Refused, Unknown
from syncmodel.adapter.base import Adapter
from syncmodel.adapter.in_process import InProcess
from syncmodel.adapter.processes import Processes

__all__ = ["Adapter", "InProcess", "Processes", "Refused", "Unknown"]
