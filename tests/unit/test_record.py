"""Records: values as `attrs.frozen` makes them, only faster."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from supertest import fully_connected

from syncmodel.model.outcome import accepted
from syncmodel.record import Record


class Here(Record, cache_hash=True):
    at: int
    told: tuple[str, ...] = ()


class There(Record):
    at: int
    told: tuple[str, ...] = ()


def test_a_record_is_a_value() -> None:
    here = Here(1, told=("a",))
    assert here == Here(1, ("a",)) != Here(2, ("a",))
    assert hash(here) == hash(Here(1, ("a",)))
    there: object = There(1, ("a",))
    assert here != there
    assert repr(here) == "Here(at=1, told=('a',))"
    with pytest.raises(AttributeError, match="immutable"):
        here.at = 2  # type: ignore[misc]


def test_a_changed_copy_leaves_the_record_and_what_was_found_of_it() -> None:
    net = fully_connected(3)
    assert net.reach["n1"] == {"n1", "n2", "n3"}
    alone = replace(net, down=frozenset({"n2", "n3"}))
    assert alone.reach["n1"] == {"n1"}
    assert net.reach["n1"] == {"n1", "n2", "n3"}
    assert hash(alone) != hash(net) == hash(fully_connected(3))


def test_an_outcome_with_a_row_can_be_hashed() -> None:
    """A row is a mapping: what was answered counts for equality and not for the hash."""
    one, other = accepted({"title": "t1"}), accepted({"title": "t2"})
    assert one != other
    assert len({one, other, accepted({"title": "t1"})}) == 2
