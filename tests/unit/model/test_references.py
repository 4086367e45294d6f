"""Rows that refer to rows: what a delete does to them, and what must show for one to be created."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from syncmodel.model.columns import OnDelete, Ref, Token
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.model.rest import compare
from syncmodel.model.schema import Schema, Table
from syncmodel.model.view import View
from syncmodel.model.world import World, initial
from syncmodel.steps import Create, Delete, Step

USER = Create("n1", "users", "u1", (("name", "t1"),))
CART = Create("n1", "carts", "c1", (("owner", "u1"),))
ITEM = Create("n1", "items", "i1", (("cart", "c1"),))
NOTE = Create("n1", "notes", "o1", (("cart", "c1"),))
STORED = {
    USER: {"name": "t1"},
    CART: {"owner": "u1"},
    ITEM: {"cart": "c1"},
    NOTE: {"cart": "c1"},
}


def shop(of_users: OnDelete, of_carts: OnDelete, of_notes: OnDelete = OnDelete.HIDE) -> Schema:
    return Schema(
        Table("users", Token("name")),
        Table("carts", Ref("owner", "users", on_delete=of_users)),
        Table("items", Ref("cart", "carts", on_delete=of_carts)),
        Table("notes", Ref("cart", "carts", on_delete=of_notes)),
    )


def told(world: World, step: Step, outcome: Outcome) -> World:
    assert step.enabled(world.plan), step
    return World(step.advance(world.plan), step.expect(world.belief, outcome))


def after(schema: Schema, steps: Sequence[Step]) -> World:
    """The world of one node that accepted all of these."""
    world = initial(fully_connected(schema, 1))
    for step in steps:
        world = told(world, step, accepted(STORED.get(step) if isinstance(step, Create) else None))
    return world


def test_a_row_is_refused_whose_reference_is_hidden() -> None:
    hidden = [USER, CART, Delete("n1", "users", "u1")]
    world = after(shop(OnDelete.HIDE, OnDelete.HIDE), hidden)
    told(world, ITEM, refused("missing_reference"))
    with pytest.raises(DivergenceFound, match="wrongly accepted"):
        told(world, ITEM, accepted(STORED[ITEM]))


def test_a_cascade_goes_on() -> None:
    schema = shop(OnDelete.CASCADE, OnDelete.CASCADE)
    again = [Create("n1", "users", "u1", (("name", "t2"),)), CART]
    world = after(schema, [USER, CART, ITEM, Delete("n1", "users", "u1")])
    for step, row in zip(again, ({"name": "t2"}, {"owner": "u1"}), strict=True):
        world = told(world, step, accepted(row))
    rows = {"users": [("u1", {"name": "t2"})], "carts": [("c1", {"owner": "u1"})]}
    compare(world.belief, {"n1": View.of(schema, rows)})
    shown = rows | {"items": [("i1", {"cart": "c1"})]}
    with pytest.raises(DivergenceFound, match="resurrected: items/i1"):
        compare(world.belief, {"n1": View.of(schema, shown)})


def test_a_cascade_stops_at_a_row_that_is_held() -> None:
    delete = Delete("n1", "users", "u1")
    world = after(shop(OnDelete.CASCADE, OnDelete.RESTRICT), [USER, CART, ITEM])
    told(world, delete, refused("referenced"))
    free = after(shop(OnDelete.CASCADE, OnDelete.RESTRICT), [USER, CART])
    with pytest.raises(DivergenceFound, match="wrongly refused"):
        told(free, delete, refused("referenced"))


def test_only_references_that_restrict_hold_a_row() -> None:
    delete = Delete("n1", "carts", "c1")
    schema = shop(OnDelete.HIDE, OnDelete.RESTRICT)
    told(after(schema, [USER, CART, NOTE]), delete, accepted())
    with pytest.raises(DivergenceFound, match="wrongly accepted"):
        told(after(schema, [USER, CART, ITEM]), delete, accepted())


def test_only_references_that_cascade_are_deleted_along() -> None:
    schema = shop(OnDelete.HIDE, OnDelete.CASCADE)
    world = after(schema, [USER, CART, NOTE, Delete("n1", "carts", "c1")])
    world = told(world, CART, accepted(STORED[CART]))
    rows = {"users": [("u1", {"name": "t1"})], "carts": [("c1", {"owner": "u1"})]}
    compare(world.belief, {"n1": View.of(schema, rows | {"notes": [("o1", {"cart": "c1"})]})})
    with pytest.raises(DivergenceFound, match="missing: notes/o1"):
        compare(world.belief, {"n1": View.of(schema, rows)})
