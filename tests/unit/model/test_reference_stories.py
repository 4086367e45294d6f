"""What refers to what: who hides, who goes along, who stays, and who may be created at all."""

from __future__ import annotations

from typing import Any

import pytest
from stories import LOST, OK, Moment, Sight, Story, both, check_near, check_raised

from syncmodel.model.columns import OnDelete, Ref, Token
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import accepted, refused
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.steps import Create, Delete, Heal, Partition

BY_FIELD = Guarantees(by_field=True)
HIDE, CASCADE, RESTRICT = OnDelete.HIDE, OnDelete.CASCADE, OnDelete.RESTRICT


def shelf(of_books: OnDelete, of_pages: OnDelete, of_notes: OnDelete = HIDE) -> Net:
    """Pages of books of authors, and notes on authors; two nodes."""
    schema = Schema(
        Table("authors", Token("name")),
        Table("books", Token("title"), Ref("author", "authors", on_delete=of_books)),
        Table("pages", Token("text"), Ref("book", "books", on_delete=of_pages)),
        Table("notes", Token("note"), Ref("on", "authors", on_delete=of_notes)),
    )
    return fully_connected(schema, 2)


TABLES = {"a": "authors", "b": "books", "p": "pages", "n": "notes"}
COLUMNS = {
    "authors": ("name",),
    "books": ("title", "author"),
    "pages": ("text", "book"),
    "notes": ("note", "on"),
}
REFERS = {"books": "a1", "pages": "b1", "notes": "a1"}


def _cells(row: str, token: str) -> tuple[tuple[str, str], ...]:
    table = TABLES[row[0]]
    return tuple(zip(COLUMNS[table], (token, REFERS.get(table, "")), strict=False))


def created(row: str, token: str, node: str = "n1") -> Moment:
    """A row is created, and refers to the first of the rows that it may refer to."""
    cells = _cells(row, token)
    return Create(node, TABLES[row[0]], row, cells), accepted(dict(cells))


def deleted(row: str, node: str = "n1", outcome: Any = OK) -> Moment:
    """A row is deleted."""
    return Delete(node, TABLES[row[0]], row), outcome


def shows(**rows: str) -> Sight:
    """Both nodes show these rows, with these tokens."""
    shown = [(Row(TABLES[row[0]], row), Value(_cells(row, token))) for row, token in rows.items()]
    return Sight({"n1": View(tuple(sorted(shown)))})


ALL = (created("a1", "t1"), created("b1", "t2"), created("p1", "t3"), created("n1", "t4"))
PAGE = Create("n2", "pages", "p2", _cells("p2", "t9"))
#: The book is there, and hidden: its author was deleted.
HIDDEN = (*ALL, shows(a1="t1", b1="t2", p1="t3", n1="t4"), deleted("a1"), shows())
STORIES = [
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row that is hidden can't be referred to",
        HIDDEN,
        (PAGE, accepted(dict(PAGE.values))),
        (PAGE, refused("missing_reference")),
        net=shelf(HIDE, HIDE),
    ),
    Story(
        Kind.MISSING,
        "what was hidden at any depth shows again",
        (*HIDDEN, created("a1", "t5")),
        shows(a1="t5", n1="t4"),
        shows(a1="t5", b1="t2", p1="t3", n1="t4"),
        net=shelf(HIDE, HIDE),
    ),
    Story(
        Kind.RESURRECTED,
        "a delete takes along what refers to the row",
        (*HIDDEN, created("a1", "t5")),
        shows(a1="t5", b1="t2", n1="t4"),
        shows(a1="t5", n1="t4"),
        net=shelf(CASCADE, CASCADE),
    ),
    Story(
        Kind.RESURRECTED,
        "and what refers to that",
        (*HIDDEN, created("a1", "t5"), created("b1", "t6")),
        shows(a1="t5", b1="t6", p1="t3", n1="t4"),
        shows(a1="t5", b1="t6", n1="t4"),
        net=shelf(CASCADE, CASCADE),
    ),
    Story(
        Kind.MISSING,
        "and nothing whose reference does not say so",
        (*HIDDEN, created("a1", "t5")),
        shows(a1="t5"),
        shows(a1="t5", n1="t4"),
        net=shelf(CASCADE, CASCADE),
    ),
    Story(
        Kind.ORPHAN,
        "what a delete did not take hides",
        (*ALL, shows(a1="t1", b1="t2", p1="t3", n1="t4"), deleted("a1")),
        shows(b1="t2"),
        shows(),
        net=shelf(CASCADE, CASCADE),
    ),
    Story(
        Kind.LEAKED,
        "a delete that nobody confirmed may take what came after it",
        (
            (Partition(()), OK),
            created("a1", "t1"),
            deleted("a1", outcome=LOST),
            created("b1", "t2"),
            created("a1", "t5"),
        ),
        shows(a1="t5"),
        Sight({"n1": shows(a1="t5").shown["n1"], "n2": {}}),
        net=shelf(CASCADE, CASCADE),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row that another refers to can't be deleted",
        ALL,
        deleted("a1"),
        deleted("a1", outcome=refused("referenced")),
        net=shelf(RESTRICT, HIDE),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "save at the moment at which that one goes",
        ALL,
        both(deleted("a1"), deleted("n1")),  # type: ignore[arg-type]
        both(deleted("a1"), deleted("b1")),  # type: ignore[arg-type]
        net=shelf(RESTRICT, HIDE),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "what hides does not keep a row from being deleted",
        (created("a1", "t1"), created("n1", "t4")),
        deleted("a1", outcome=refused("referenced")),
        deleted("a1"),
        net=shelf(RESTRICT, HIDE),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a row that is not there is not referred to",
        (
            created("a1", "t1"),
            shows(a1="t1"),
            (Partition(()), OK),
            created("n1", "t4", "n2"),
            deleted("a1"),
            (Heal(), OK),
            shows(),
        ),
        deleted("a1", outcome=refused("referenced")),
        deleted("a1", outcome=refused("no_such_row")),
        net=shelf(HIDE, HIDE, RESTRICT),
    ),
    Story(
        Kind.MISSING,
        "a reference is found by its name, wherever its column stands",
        ALL,
        shows(a1="t1", b1="t2", n1="t4"),
        shows(a1="t1", b1="t2", p1="t3", n1="t4"),
        BY_FIELD,
        shelf(HIDE, HIDE),
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_raised(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_near_miss(story: Story) -> None:
    check_near(story)
