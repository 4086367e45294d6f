"""What is asked of a server whose disk is full, and whether that is there once there is room.

The rows have a prefix of their own, so that no run sees them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncmodel.adapter.answers import CODES
from syncmodel.adapter.rest import NO_ANSWER
from syncmodel.errors import UsageError
from syncmodel.model.columns import REQUIRED, Token
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, accepted, refused, unknown
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Scalar
from syncmodel.model.words import LOOKS

if TYPE_CHECKING:
    from syncmodel.adapter.processes import Processes

#: The rows that the node is asked for: what fits into what a store has already, and what does not.
LOOKS_ASKED: Sequence[str] = ("", "long", "", "long")


class Asked:
    """Rows that nodes were asked for while one disk is full, and what they answered."""

    def __init__(self, adapter: Processes, full: str) -> None:
        """The disk of the node `full` is. Raises `UsageError` where no row can be created by
        itself."""
        self._adapter, self._full, self._table = adapter, full, _alone(adapter.schema)
        self._prefix = f"full{secrets.token_hex(3)}-"
        self._answers: dict[str, tuple[str, Outcome]] = {}

    async def ask(self, node: str, looks: Sequence[str] = LOOKS_ASKED) -> bool:
        """Ask for rows with texts that look so, one after the other; whether any had no answer of
        the system's, as where its server has ended."""
        good = True
        for look in looks:
            number = len(self._answers) + 1
            row = Row(self._table.name, f"{self._prefix}{node}-{number}")
            columns = _values(self._adapter.schema, self._table, number, look)
            outcome = await self._adapter.asked(node, row, columns)
            self._answers[row.name] = (node, outcome)
            good &= outcome.ok or outcome.code in CODES
        return not good

    async def judged(self, node: str) -> Outcome:
        """What is wrong with what the node shows of what it was asked for, now that there is room;
        `accepted()` if nothing is, `unknown` if it does not answer."""
        try:
            there = self._names(await self._adapter.call(self._adapter.rows, node, self._prefix))
        except (*NO_ANSWER, FileNotFoundError) as error:
            return unknown(f"its rows can't be read: {error or type(error).__name__}")
        wrong = self._lost(node, there)
        return refused(wrong) if wrong else accepted()

    async def at_rest(self, net: Net) -> dict[str, str]:
        """What is wrong with what nodes show at rest, in words: of what each was asked for itself,
        and of what it must have from others."""
        asked = [node for node in net.up if net.must_answer(node)]
        found = await self._adapter.ask_each(self._adapter.rows, asked, self._prefix)
        wrong = dict[str, str]()
        for node, rows in found.items():
            if isinstance(rows, BaseException):
                raise rows
            there = self._names(rows)
            wrong[node] = self._lost(node, there) or self._lacks(node, there, net)
        return {node: what for node, what in wrong.items() if what}

    def _names(self, shown: Any) -> set[str]:
        return {name for _, name, _ in shown}

    def _lost(self, node: str, there: set[str]) -> str:
        full = "its disk" if node == self._full else f"the disk of {self._full}"
        for name, (asked, outcome) in self._answers.items():
            if asked != node:
                continue
            if outcome.ok and name not in there:
                return f"accepted a row where {full} was full, and has it no more"
            if outcome.answer is Answer.REFUSED and name in there:
                return f"refused a row as {full} was full, and has it all the same"
        return ""

    def _lacks(self, node: str, there: set[str], net: Net) -> str:
        if not self._adapter.guarantees.heal_catches_up:
            return ""  # it may have started again, and asks for nothing that it missed
        links = net.whole.connected
        for name, (asked, outcome) in self._answers.items():
            if outcome.ok and (asked, node) in links and name not in there:
                return f"lacks a row that {asked} accepted as the disk of {self._full} was full"
        return ""


def _alone(schema: Schema) -> Table:
    for table in schema.tables:
        if not table.refs:
            return table
    raise UsageError("A full disk is tried with a table without references, and there is none.")


def _values(schema: Schema, table: Table, number: int, look: str) -> Mapping[str, Scalar]:
    """Cells of a row, whose texts look so where the schema takes it."""
    found: dict[str, Scalar] = {}
    for column in table.columns:
        start = column.start
        value = column.numbered(number) if start is REQUIRED else start
        if isinstance(column, Token) and look in schema.texts:
            value = LOOKS[look](str(value))
        found[column.name] = value
    return found
