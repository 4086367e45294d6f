"""The control plane of a live node: what is asked for, and what a node need not offer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncmodel.errors import SyncModelError
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.nostr.keys import Key
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable


class _Place:
    name = "n1"


class Answering(LiveNode):
    """A node that answers `store.tables` with this, or fails with this."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        key = Key.from_hex("1" * 64)
        super().__init__(_Place(), key, key.public)  # type: ignore[arg-type]
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any] | None]] = []

    async def admin(
        self, method: str, params: dict[str, Any] | None = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        self.asked.append((method, params))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def stored(node: LiveNode) -> tuple[str, ...] | None:
    return asyncio.run(node.stored_tables())


def test_the_tables_of_the_store_are_asked_for_by_the_plugins_name() -> None:
    node = Answering({"tables": ["supertest_events_old", "supertest_cases"]})
    assert stored(node) == ("cases", "events_old")
    assert node.asked == [("store.tables", {"plugin": "supertest"})]


def test_a_node_that_does_not_list_its_tables_is_not_judged_by_them() -> None:
    assert stored(Answering(AdminError("unknown_method", "no such method", {}, 404))) is None


@pytest.mark.parametrize(
    "answer",
    [AdminError("store_failed", "locked", {}, 503), {}, {"tables": None}, {"tables": 3}],
    ids=str,
)
def test_a_node_that_lists_them_must_answer(answer: dict[str, Any] | Exception) -> None:
    with pytest.raises(DivergenceFound, match=r"store\.tables"):
        stored(Answering(answer))


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("n1 is not there."),
        Indefinite("n1 said nothing within 5 s."),
        AdminError("internal", "it failed", {}, 500),
    ],
    ids=str,
)
def test_a_node_that_does_not_come_back_diverges(error: SyncModelError) -> None:
    """After a deployment, say: what must run must answer, and nobody waits for it for ever."""
    with pytest.raises(DivergenceFound) as found:
        asyncio.run(Answering(error).standing())
    (one,) = found.value.divergences
    assert (one.kind, one.node) == (Kind.CONTROL_PLANE, "n1")
    assert one.expected == "an answer to sync.status"
