"""A run as a history of transactions on registers, for Elle (`elle.rw-register`).

A register is one column of one row; a write sets one or more, a read and each sight at a rest
see several at once. What Elle can't know of is left out, and counted:

- Elle tells writes apart by their values, so a register in which one value is written twice is out;
- to Elle nothing there is the state before the first write, so rows that are deleted are out, and
  those that are hidden with them;
- a counter is no register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from syncmodel.model.outcome import Answer
from syncmodel.model.schema import Schema
from syncmodel.model.values import Assigned, Row, Tombstone, Value
from syncmodel.report.export.calls import Call, History
from syncmodel.report.export.edn import Keyword
from syncmodel.report.export.jepsen import Op, Said, operations
from syncmodel.steps import Read

TXN, READ, WRITE = map(Keyword, ("txn", "r", "w"))
Writes = list[tuple[Row, Any]]


@define
class Registers:
    """The registers of one run that Elle can judge, and how many it can't, by the reason."""

    schema: Schema
    kept: list[Row] = field(factory=list)
    left_out: Counter[str] = field(factory=Counter)

    @classmethod
    def of(cls, history: History) -> Registers:
        """What was written in that run, or may have been."""
        schema = history.net.schema
        found, gone, twice = cls(schema), _deleted(history), _twice_shown(history)
        values = dict[Row, list[Any]]()
        for call in history.calls:
            for register, value in written(call, schema):
                values.setdefault(register, []).append(value)
        for register, given in sorted(values.items()):
            if schema.by_name[register.table].by_name[register.column].op == "add":
                found.left_out["counters"] += 1
            elif register.whole in gone:
                found.left_out["registers of rows that are deleted"] += 1
            elif register.whole in twice:
                found.left_out["registers of rows that show twice"] += 1
            elif len(set(given)) < len(given):
                found.left_out["registers in which a value is written twice"] += 1
            else:
                found.kept.append(register)
        return found

    def __str__(self) -> str:
        out = ", ".join(f"{why} ({count})" for why, count in sorted(self.left_out.items()))
        return f"{len(self.kept)} registers{out and f'; left out: {out}'}"


def elle(history: History, registers: Registers) -> Iterator[Op]:
    """The transactions on these registers."""
    kept = frozenset(registers.kept)

    def said(call: Call) -> Said | None:
        if call.step is None or isinstance(call.step, Read):
            return _reads(call, registers)
        writes = written(call, registers.schema)
        value = [[WRITE, _key(row), each] for row, each in writes if row in kept]
        return (TXN, value, value) if value else None

    return operations(history.calls, said)


def written(call: Call, schema: Schema) -> Writes:
    """What a call writes, register by register; nothing where that is not known."""
    write = None if call.step is None or call.malformed else call.step.asks(schema)
    match None if write is None else write.change:
        case Value(cells) if write is not None:
            return [(write.row._replace(column=name), cell) for name, cell in cells]
        case Assigned(column, value) if write is not None:
            return [(write.row._replace(column=column), value)]
    return []


def _deleted(history: History) -> set[Row]:
    """The rows that were deleted, or may have been, and all that do not show without one."""
    schema = history.net.schema
    found, refs = set[Row](), dict[Row, set[Row]]()
    for call in history.calls:
        write = None if call.step is None else call.step.asks(schema)
        change = None if write is None else write.change
        if write is not None and isinstance(change, Tombstone):
            if call.answer is not Answer.REFUSED:
                found.add(write.row)
        elif write is not None and isinstance(change, Value):
            refs.setdefault(write.row, set()).update(schema.bound_to(write.row, change.cells))
    more = True
    while more:
        hidden = {row for row, bound in refs.items() if bound & found and row not in found}
        found, more = found | hidden, bool(hidden)
    return found


def _twice_shown(history: History) -> set[Row]:
    found = set[Row]()
    for call in history.calls:
        rows = Counter(_row(row) for row in call.shown or ())
        found |= {row for row, times in rows.items() if times > 1}
    return found


def _row(shown: Mapping[str, Any]) -> Row:
    return Row(str(shown.get("table")), str(shown.get("id")))


def _reads(call: Call, registers: Registers) -> Said | None:
    """A read of every register that the call was about, with what it saw there."""
    step = call.step
    about = [
        register
        for register in registers.kept
        if not isinstance(step, Read)
        or (step.table == register.table and step.row in (None, register.name))
    ]
    there = {_row(row): row for row in call.shown or ()}
    # A node of an older version does not show every column: it says nothing of these.
    about = [r for r in about if r.whole not in there or r.column in there[r.whole]]
    if not about:
        return None
    asked = [[READ, _key(register), None] for register in about]
    seen = [[READ, _key(r), there.get(r.whole, {}).get(r.column)] for r in about]
    return TXN, asked, seen


def _key(register: Row) -> str:
    return f"{register.table}/{register.name}.{register.column}"
