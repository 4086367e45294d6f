"""A generic, bounded, exhaustive model checker. Pure; knows nothing of sync.

`check(system, properties, bounds)` searches and answers with a verdict; `graph` draws a small state
space and `covering` makes test sequences of it.
"""

from syncmodel.checker.audit import BrokenPromiseError, audit_partial_order, audit_symmetry
from syncmodel.checker.covering import covering, covering_walks
from syncmodel.checker.explore import Progress
from syncmodel.checker.graph import GraphTooLargeError, graph, to_dot, to_graphml
from syncmodel.checker.properties import Kind, Property, always, converges, eventually, sometimes
from syncmodel.checker.reduction import PartialOrder, least_image
from syncmodel.checker.search import check
from syncmodel.checker.system import System
from syncmodel.checker.verdict import (
    Bound,
    Bounds,
    Holds,
    Path,
    Statistics,
    Unknown,
    Unreached,
    Verdict,
    Violated,
)

__all__ = [
    "Bound",
    "Bounds",
    "BrokenPromiseError",
    "GraphTooLargeError",
    "Holds",
    "Kind",
    "PartialOrder",
    "Path",
    "Progress",
    "Property",
    "Statistics",
    "System",
    "Unknown",
    "Unreached",
    "Verdict",
    "Violated",
    "always",
    "audit_partial_order",
    "audit_symmetry",
    "check",
    "converges",
    "covering",
    "covering_walks",
    "eventually",
    "graph",
    "least_image",
    "sometimes",
    "to_dot",
    "to_graphml",
]
