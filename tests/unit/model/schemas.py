"""Schemas and guarantees that the soundness tests go through: each alone, and every legal pair."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, cycle
from typing import Any

from syncmodel.errors import UsageError
from syncmodel.model.columns import Counter, Integer, OnDelete, Ref, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.targets.wire import SUPERTEST


def library(*kinds: OnDelete) -> Schema:
    """Authors, books and pages: references of these kinds from one table to the next."""
    of_books, of_pages = kinds
    return Schema(
        Table("authors", Token("name"), Integer("age"), Token("motto", default=None, since=2)),
        Table(
            "books",
            Token("title"),
            Ref("author", "authors", on_delete=of_books),
            Counter("sold"),
            Integer("stars", default=0, since=2),
        ),
        Table("pages", Token("text"), Ref("book", "books", on_delete=of_pages)),
        generations=(
            Generation("none"),
            Generation("old", {"app": 1}),
            Generation("new", {"app": 2}),
        ),
    )


CONTRACT = Guarantees()
H, C, R, N = OnDelete.HIDE, OnDelete.CASCADE, OnDelete.RESTRICT, OnDelete.NOTHING
SCHEMAS: Mapping[str, Schema] = {
    "hide": library(H, H),
    "cascade": library(C, C),
    "restrict": library(R, R),
    "cascade then restrict": library(C, R),
    "restrict then cascade": library(R, C),
    "cascade then hide": library(C, H),
    "hide then cascade": library(H, C),
    "nothing": library(N, N),
}
#: What each value of a guarantee is given as.
VALUES: Mapping[str, Mapping[str, Any]] = {
    "wallclock": {"rows": "wallclock-lww"},
    "multi-value": {"rows": "multi-value"},
    "wallclock in one table": {"tables": {"events": "wallclock-lww", "books": "wallclock-lww"}},
    "multi-value in one table": {"tables": {"cases": "multi-value", "books": "multi-value"}},
    "by field": {"by_field": True},
    "sums": {"by_field": True, "sums": True},
    "upserts": {"upserts": True},
    "no rows answered": {"answers_rows": False},
    "only a resync": {"heal_catches_up": False},
    "not passed on": {"passes_on": False},
    "keeps log": {"rollback_keeps_log": True},
    "readers": {"readers": {"n2"}},
    "session reads": {"reads": "session"},
    "any reads": {"reads": "any"},
    "in order": {"in_order": True},
    "quorum": {"quorum": True, "rollback_keeps_log": True},
}
#: What is stored, and what is promised of it.
Case = tuple[Schema, Guarantees]


def alone() -> dict[str, Case]:
    """Each value of each guarantee, and each kind of reference, by itself."""
    found = {name: (schema, CONTRACT) for name, schema in SCHEMAS.items()}
    return found | {name: (SUPERTEST, Guarantees(**given)) for name, given in VALUES.items()}


def pairs() -> dict[str, Case]:
    """Every two that `Guarantees` does not refuse: of values, on either schema, and of a value and
    a kind of reference."""
    found = {
        f"{name} and {kind}": (schema, Guarantees(**given))
        for name, given in VALUES.items()
        for kind, schema in SCHEMAS.items()
    }
    kinds = cycle(SCHEMAS)
    for (name, given), (other, more) in combinations(VALUES.items(), 2):
        try:
            both = Guarantees(**{**given, **more})
        except UsageError:
            continue
        found[f"{name} and {other}"] = (SUPERTEST, both)
        kind = next(kinds)
        found[f"{name} and {other}, {kind}"] = (SCHEMAS[kind], both)
    return found
