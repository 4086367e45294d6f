"""What live nodes are told: each is told until it has answered, and the first refusal counts."""

from __future__ import annotations

import asyncio
from typing import Any

from syncmodel.model.outcome import Answer, Outcome, accepted, refused
from syncmodel.targets.telling import tell
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable


class Told:
    """A node that answers so, one after another."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def admin(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((method, params))
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer
        return {}


def told(*nodes: Told) -> Outcome:
    return asyncio.run(tell(nodes, "cluster_nodes.leave", "n3"))  # type: ignore[arg-type]


def test_every_node_is_told() -> None:
    nodes = [Told(None), Told(None)]
    assert told(*nodes) == accepted()
    assert [one.asked for one in nodes] == [[("cluster_nodes.leave", {"node": "n3"})]] * 2


def test_what_may_have_got_lost_is_said_again() -> None:
    again = Told(Indefinite("timeout"), None)
    assert told(Told(None), again) == accepted()
    assert len(again.asked) == 2
    lost = told(Told(Indefinite("timeout"), Indefinite("timeout")))
    assert lost.answer is Answer.UNKNOWN


def test_a_refusal_is_the_outcome() -> None:
    unknown = AdminError("unknown_node", "no such node", {}, 404)
    assert told(Told(None), Told(unknown)) == refused("unknown_node")
    assert told(Told(Unreachable("gone"))) == refused("unreachable")
