"""A delete of a hidden event is acknowledged and forgotten."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="hidden-delete-forgotten",
    title="A delete of an event whose case is deleted changes nothing: both come back",
    stands_for=(
        "Restoring a parent brings back the child that was deleted by itself: scoursen/django- "
        "softdelete, issue 78, 'undelete softdeleted related fields'"
    ),
    family="referential",
    pieces=lambda p: attrs.evolve(p, keeps_deletion=lambda hidden: not hidden),
)
