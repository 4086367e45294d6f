"""The divergences between belief and sight, each with its own name.

A divergence is data: which row on which node, what was expected, and what was seen.
"""

from __future__ import annotations

from enum import Enum

from attrs import evolve, field, frozen

from syncmodel.model.values import Row

#: How a run fails, so that two failures can be compared: the name of the divergence, and
#: the kind of row ("" where it is about a node).
Key = tuple[str, str]


class Kind(Enum):
    """The names that a report uses. Ordered from the plainest loss to the subtlest."""

    MISSING = "missing"
    RESURRECTED = "resurrected"
    STALE = "stale"
    DISAGREEMENT = "disagreement"
    FLIPPED = "flipped"
    INVENTED = "invented"
    DUPLICATED = "duplicated"
    ORPHAN = "orphan"
    LEAKED = "leaked"
    GAP = "gap"
    STALE_READ = "stale read"
    READ_YOUR_WRITES = "read your writes"
    MONOTONIC_READS = "monotonic reads"
    WRITES_FOLLOW_READS = "writes follow reads"
    WRONGLY_ACCEPTED = "wrongly accepted"
    WRONGLY_REFUSED = "wrongly refused"
    CONTROL_PLANE = "control plane"
    NOT_SETTLED = "not settled"
    ENDED = "ended"
    INVARIANT = "invariant"

    @property
    def explained(self) -> str:
        """The name in plain words."""
        return EXPLAINED[self]


EXPLAINED = {
    Kind.MISSING: "a row that the node must know is not there",
    Kind.RESURRECTED: "a deleted row is back with no later write",
    Kind.STALE: "a version shows that a later write replaced",
    Kind.DISAGREEMENT: "settled nodes that know the same show different versions",
    Kind.FLIPPED: "a winner that was already settled lost to a version it had beaten",
    Kind.INVENTED: "a value shows that nobody wrote",
    Kind.DUPLICATED: "the same row shows twice",
    Kind.ORPHAN: "a row shows though the row that it refers to does not",
    Kind.LEAKED: "a row shows that could not have reached the node",
    Kind.GAP: "a later write of a node has come, and an earlier one has not",
    Kind.STALE_READ: "a read shows less than its node must know",
    Kind.READ_YOUR_WRITES: "a read shows less than its node acknowledged",
    Kind.MONOTONIC_READS: "a read shows less than an earlier read of the same node",
    Kind.WRITES_FOLLOW_READS: "a write does not count against what its node had read before",
    Kind.WRONGLY_ACCEPTED: "a request was accepted that no possible state of the node allows",
    Kind.WRONGLY_REFUSED: "a request was refused that every possible state of the node allows",
    Kind.CONTROL_PLANE: "generation, migrations, plugin API, health or disk are not as expected",
    Kind.NOT_SETTLED: "the nodes do not come to rest",
    Kind.ENDED: "a server ended that nobody had stopped",
    Kind.INVARIANT: "a property that you added does not hold",
}


@frozen
class Divergence:
    """One difference between what may be true and what was seen.

    `node` is where it was seen; `expected` and `shown` are sentences without run ids, so that they
    read the same on every run; `expected` of an `INVARIANT` is the invariant's name. `table` is the
    kind of row, or "" where the divergence is about a whole node.
    """

    kind: Kind
    node: str
    row: Row | None
    expected: str
    shown: str
    #: The answers that are wrong, in words; none where what the nodes showed at rest is.
    answers: tuple[str, ...] = field(default=(), kw_only=True, eq=False)

    @property
    def table(self) -> str:
        """The kind of row, or "" for a whole node."""
        return "" if self.row is None else self.row.table

    @property
    def key(self) -> tuple[str, str]:
        """What makes two divergences the same bug to a minimiser: name and kind of row.

        Invariants have no row: each is a bug by its name.
        """
        return (self.kind.value, self.expected if self.kind is Kind.INVARIANT else self.table)

    def __str__(self) -> str:
        where = f"{self.row} on {self.node}" if self.row else self.node
        return f"{self.kind.value}: {where}: expected {self.expected}; shown: {self.shown}"


class DivergenceFound(Exception):  # noqa: N818 (it is a finding about the system, not an error)
    """Belief and sight differ. Carries every divergence of that moment, the headline first."""

    def __init__(self, divergences: tuple[Divergence, ...]) -> None:
        super().__init__(str(divergences[0]))
        self.divergences = divergences

    def about(self, answers: tuple[str, ...]) -> DivergenceFound:
        """The same finding: these answers are what is wrong."""
        return DivergenceFound(tuple(evolve(each, answers=answers) for each in self.divergences))
