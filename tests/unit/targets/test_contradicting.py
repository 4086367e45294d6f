"""What a node says of itself in two places is the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from syncmodel.targets.contradicting import contradictions

GENERATIONS: list[dict[str, Any]] = [
    {"number": 1, "plugins": {}, "selected": False, "running": False},
    {"number": 2, "plugins": {"supertest": 1}, "selected": True, "running": True},
    {"number": 3, "plugins": {"supertest": 2}, "selected": False, "running": False},
]
STATUS: dict[str, Any] = {
    "generation": {"selected": 2, "running": 2},
    "plugins": {"supertest": 1, "other": 7},
}
NODES = [{"id": "a"}, {"id": "b"}]


def said(*changes: tuple[str, object], version: int | None = 1) -> tuple[str, ...]:
    """Of a node that says these things instead: `place.key...` and what it says."""
    said: dict[str, Any] = {"status": STATUS, "generations": GENERATIONS, "nodes": NODES}
    whole = copy.deepcopy(said)
    for path, value in changes:
        *outer, last = [int(one) if one.isdigit() else one for one in path.split(".")]
        at: Any = whole
        for name in outer:
            at = at[name]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return contradictions(version, whole["status"], whole["generations"], whole["nodes"])


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("status.plugins", {"nope": 7}, "cluster_status has supertest None, its API 1"),
        ("generations.1.plugins", {"supertest": 2}, "generations.list has supertest 2, its API 1"),
        ("generations.0.plugins", {"supertest": 2}, "generation 1 is said to have supertest 2"),
        ("generations.2.running", True, "running in generations.list is [2, 3]"),
        ("generations.1.selected", False, "selected in generations.list is []"),
        ("nodes.1.id", "a", "two nodes of cluster_nodes.list have one id"),
    ],
)
def test_each_lie_contradicts_something(path: str, value: object, words: str) -> None:
    assert any(words in one for one in said((path, value)))


def test_the_truth_contradicts_nothing_nor_does_what_is_left_out() -> None:
    assert said() == ()
    assert said(("status.plugins", ...)) == ()
    assert said(*((f"generations.{n}.plugins", ...) for n in range(3))) == ()
    assert said(*((f"generations.{n}.running", ...) for n in range(3))) == ()
    assert said(("nodes.0.id", ...), ("nodes.1.id", ...)) == ()
    assert contradictions(1, STATUS, [], []) == ()
