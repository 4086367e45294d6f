"""What the author of an adapter writes: one class, `InProcess` or `Processes`.

A sketch is in docs/adapters.md; `syncmodel init DIR` writes one that runs. What describes a system
can be imported from here, too.
"""

from syncmodel.adapter.answers import Refused, Unknown
from syncmodel.adapter.base import Adapter, Columns
from syncmodel.adapter.in_process import InProcess
from syncmodel.adapter.processes import Processes
from syncmodel.adapter.whole_rows import WholeRows
from syncmodel.model.columns import Counter, Integer, OnDelete, Ref, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row
from syncmodel.model.words import IDS, TEXTS

__all__ = [
    "IDS",
    "TEXTS",
    "Adapter",
    "Columns",
    "Counter",
    "Guarantees",
    "InProcess",
    "Integer",
    "OnDelete",
    "Processes",
    "Ref",
    "Refused",
    "Row",
    "Schema",
    "Table",
    "Token",
    "Unknown",
    "WholeRows",
]
