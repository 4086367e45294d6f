"""What is asked of a server whose disk is full, and whether that is there once there is room.

The rows have a prefix of their own, so that no run sees them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from syncmodel.adapter.answers import CODES
from syncmodel.adapter.rest import NO_ANSWER
from syncmodel.errors import UsageError
from syncmodel.model.columns import REQUIRED, Token
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

    def __init__(self, adapter: Processes) -> None:
        """Raises `UsageError` where no row can be created by itself."""
        self._adapter, self._table = adapter, _alone(adapter.schema)
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
            shown = await self._adapter.call(self._adapter.rows, node, self._prefix)
        except (*NO_ANSWER, FileNotFoundError) as error:
            if self._adapter.guarantees.quorum:
                return accepted()  # it may lack one, and is looked at again once it has it
            return unknown(f"its rows can't be read: {error or type(error).__name__}")
        there = {name for _, name, _ in shown}
        for name, (asked, outcome) in self._answers.items():
            if asked != node:
                continue
            if outcome.ok and name not in there:
                return refused("accepted a row where its disk was full, and has it no more")
            if outcome.answer is Answer.REFUSED and name in there:
                return refused("refused a row as its disk was full, and has it all the same")
        return accepted()


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
