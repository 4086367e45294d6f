"""What is asked of a node whose disk is full, and whether that is there afterwards.

The rows are of a run of their own, so that no belief has to know of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.wire import quoted
from syncmodel.transport.clients import Answer, Indefinite, NodeClient, Unreachable

#: Lengths of the texts: what fits into what the store has already, and what does not.
LENGTHS: Final = (1, 200_000)
#: What a node may say that can't store a row (RFC 9110, 15.6.4; RFC 4918, 11.5).
FULL_STATUS: Final = frozenset({503, 507})
#: What a state that can't be read raises.
UNREADABLE: Final = (Unreachable, Indefinite, KeyError, TypeError)


class Asked:
    """The rows that one node was asked for, and its answers: None where there was none."""

    def __init__(self, node: LiveNode) -> None:
        self._node = node
        self._run_id = f"syncmodel-full-{secrets.token_hex(6)}"
        self._answers: dict[str, Answer | None] = {}

    async def ask(self, lengths: Sequence[int] = LENGTHS) -> None:
        """Ask for rows with texts of these lengths, each once."""
        for number, length in enumerate(lengths, 1):
            name = f"{self._run_id}/c{number}"
            body = {"id": name, "run_id": self._run_id, "title": "t" * length, "counter": 0}

            async def once(client: NodeClient, body: dict[str, object] = body) -> Answer:
                return await client.plugin("POST", "cases", body, patient=False)

            try:
                self._answers[name] = await self._node.ask(once)
            except (Unreachable, Indefinite):
                self._answers[name] = None

    async def judged(self) -> Outcome:
        """What is wrong with it, now that there is room: see `FillsDisks`."""
        wrong = [
            f"HTTP {one.status} {one.code}"
            for one in self._answers.values()
            if one is not None and not one.ok and one.status not in FULL_STATUS
        ]
        if wrong:
            return refused(f"answered {wrong[0]} where its disk was full")
        try:
            there = await self.shown_by(self._node)
        except UNREADABLE as error:
            return unknown(f"its state can't be read: {error}")
        for name, one in self._answers.items():
            if one is not None and one.ok and name not in there:
                return refused("accepted a row where its disk was full, and has it no more")
            if one is not None and one.code == "not_ready" and name in there:
                return refused("refused a row as its disk was full, and has it all the same")
        return accepted()

    async def shown_by(self, node: LiveNode) -> set[str]:
        """Which of the rows a node shows. Raises what is `UNREADABLE`."""
        path = f"state?run_id={quoted(self._run_id)}"
        answer = await node.ask(lambda client: client.plugin("GET", path))
        return {row["id"] for row in answer.body["result"]["cases"]}


@frozen
class Meanwhile:
    """What the peers of a node, by name, accepted while the disk of `full` was full."""

    full: str
    asked: Mapping[str, Asked]

    async def lacking(self, live: Mapping[str, LiveNode], net: Net) -> dict[str, str]:
        """The nodes that lack at rest what a peer shows that they hear, each with what it lacks.

        What the peer itself shows no more, as its log was dropped or its disk put back since,
        nobody must have. Raises what is `UNREADABLE`.
        """
        shows = [node for node in net.carriers if net.must_answer(node)]
        heard = {*net.whole.connected}
        wrong = dict[str, str]()
        for author, asked in self.asked.items():
            if author not in shows:
                continue
            hearers = [
                n for n in shows if (author, n) in heard and (n, author) not in net.distrusts
            ]
            rows = await asked.shown_by(live[author])
            for node in hearers:
                if rows - await asked.shown_by(live[node]):
                    wrong[node] = (
                        f"lacks a row that {author} accepted as {self.full}'s disk was full"
                    )
        return wrong
