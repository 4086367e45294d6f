"""A text ends where a character has four bytes."""

import re
from collections.abc import Iterable

import attrs
from msgspec.structs import replace

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import CaseRow, Row, Stored
from syncmodel.reference.node.pieces import row

_REST = re.compile("[\U00010000-\U0010ffff].*", re.DOTALL)


def _row(winner: Stored, versions: Iterable[Stored]) -> Row | None:
    shown = row(winner, versions)
    if shown is None:
        return None
    if isinstance(shown, CaseRow):
        return replace(shown, title=_REST.sub("", shown.title))
    return replace(shown, body=_REST.sub("", shown.body))


BUG = Bug(
    name="text-cut-at-emoji",
    title="A title or body shows up to its first character beyond the Basic Multilingual Plane",
    stands_for=(
        "Columns for characters of three bytes at most, where the rest of a text is "
        "dropped: MySQL reference manual, 'The utf8mb3 Character Set'"
    ),
    family="values",
    pieces=lambda p: attrs.evolve(p, row=_row),
)
