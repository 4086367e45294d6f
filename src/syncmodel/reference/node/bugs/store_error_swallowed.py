"""A store that refuses a row, and a node that says nothing of it."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import CaseRow, EventRow, Value


def _store_takes(value: Value) -> bool:
    match value:
        case CaseRow(title=text) | EventRow(body=text):
            return "\0" not in text
    return True


BUG = Bug(
    name="store-error-swallowed",
    title="A row with a NUL in a text is refused by the store, and the write is answered with 200",
    stands_for=(
        "An error that is caught and not acted upon: CWE-390; PostgreSQL documentation, "
        "'String Constants' (the character with the code zero can't be in one)"
    ),
    family="answers",
    pieces=lambda p: attrs.evolve(p, store_takes=_store_takes),
)
