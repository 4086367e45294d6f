"""An answer tells what its node wrote before instead of what it wrote."""

import attrs
from msgspec.structs import replace

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import CaseRow, Value


def _told(made: Value, own: Value | None, is_create: bool) -> Value:
    if is_create and isinstance(made, CaseRow) and isinstance(own, CaseRow):
        return replace(made, title=own.title)
    return made


BUG = Bug(
    name="answer-from-own-copy",
    title="A create is answered with the title that this node itself gave the row before",
    stands_for=(
        "An update that is answered with the row as it was before: MongoDB manual, "
        "findAndModify, `new` (by default the document before the modification)"
    ),
    family="answers",
    pieces=lambda p: attrs.evolve(p, told=_told),
)
