"""Schemas and guarantees that the soundness tests go through: each alone, and every legal pair."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
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
        generations=(Generation("none"), Generation("old", {"app": 1}), Generation("new", {"app": 2})),
    )


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
    "quorum": {"quorum": True, "rollback_keeps_log": True},
}


def _cases() -> dict[str, tuple[Schema, Guarantees]]:
    found = {f"contract, {name}": (schema, Guarantees()) for name, schema in SCHEMAS.items()}
    found["contract"] = (SUPERTEST, Guarantees())
    for name, values in VALUES.items():
        found[name] = (SUPERTEST, Guarantees(**values))
        for other, schema in SCHEMAS.items():
            found[f"{name}, {other}"] = (schema, Guarantees(**values))
    for (name, values), (other, more) in combinations(VALUES.items(), 2):
        if {*values} & {*more} - {"by_field"}:
            continue
        try:
            found[f"{name} and {other}"] = (SUPERTEST, Guarantees(**{**values, **more}))
            found[f"{name} and {other}, library"] = (SCHEMAS["cascade"], Guarantees(**{**values, **more}))
        except UsageError:
            continue
    return found


CASES = _cases()
