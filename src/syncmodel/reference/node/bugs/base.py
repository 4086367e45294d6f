"""What a planted bug is: a name, where it comes from, and the one decision that it gets wrong."""

from collections.abc import Callable

import attrs

from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

#: The families of bugs of replicated systems; each has one here at least.
FAMILIES = (
    "merge",
    "tombstone",
    "checkpoint",
    "ordering",
    "duplicate",
    "referential",
    "durability",
    "rollback",
    "generations",
    "deployments",
    "resync",
    "links",
    "clock",
    "restart",
    "lost log",
    "answers",
    "values",
    "sessions",
    "standstills",
    "membership",
    "trust",
    "restores",
    "authorisation",
)


def _unchanged(pieces: Pieces) -> Pieces:
    return pieces


def _supervisor_unchanged(pieces: SupervisorPieces) -> SupervisorPieces:
    return pieces


@attrs.frozen
class Bug:
    """A mistake that can be switched on in a reference node, to see whether a tester finds it.

    `title`: what goes wrong, in plain words. `stands_for`: the real-world class, with a source.
    `family` is one of `FAMILIES`. `pieces` and `supervisor` replace one decision between them, or
    as many `decisions` as it takes, where one alone does no harm.
    `live`: whether real processes come into its situation, as far as anyone has seen.
    """

    name: str
    title: str
    stands_for: str
    family: str
    pieces: Callable[[Pieces], Pieces] = _unchanged
    supervisor: Callable[[SupervisorPieces], SupervisorPieces] = _supervisor_unchanged
    live: bool = True
    decisions: int = 1
