"""A run as one JSON document, which a page shows: what is repeated is there once.

What a node shows and knows of a row is a *cell*; cells are numbered, and each moment has only those
that are others than at the moment before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from syncmodel.engine.tally import leaves
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import ANY, Row, Stored, Value
from syncmodel.model.view import View
from syncmodel.report.page.arrows import arrows
from syncmodel.report.page.happenings import happenings
from syncmodel.report.page.moments import Moment, SeenRun
from syncmodel.report.page.versions import Register, Versions
from syncmodel.report.page.why import rule, why
from syncmodel.report.story import words
from syncmodel.steps import form
from syncmodel.steps.base import Step, answered
from syncmodel.steps.compound import Burst, Concurrently

Json = dict[str, Any]
#: Beyond this a number of JavaScript is not exact.
EXACT = 2**53
#: A row that is not read: the node does not run, has no plugin, or was not looked at.
UNREAD = None


def document(run: SeenRun) -> Json:
    """The run as plain JSON."""
    versions = Versions(run)
    told = why(run, versions)
    rows = _rows(run)
    cells = _Cells(run, rows)
    happened = happenings(run)
    moments = [
        _moment(moment, run, cells) | ({"happened": there} if there is not None else {})
        for moment, there in zip(run.moments, happened, strict=True)
    ]
    return {
        "headline": told.headline,
        "why": [reason for reason in told.reasons if reason],
        "verdict": run.verdict.value,
        "nodes": list(run.net.nodes),
        "roles": [generation.role for generation in run.net.schema.generations],
        "tables": list(run.net.schema.by_name),
        "rows": [[row.table, row.name] for row in rows],
        "moments": moments,
        "cells": cells.all,
        "arrows": arrows(run, versions, rows),
        "versions": [
            _register(register, run.last.world.belief.row(register.name), rows[register.name.whole])
            for register in versions.registers.values()
        ],
        "wrong": [
            {
                "kind": each.kind.value,
                "rule": rule(each),
                "node": each.node,
                "row": None if each.row is None else rows.get(each.row.whole),
                "column": "" if each.row is None else each.row.column,
                "where": "" if each.row is None else str(each.row),
                "expected": each.expected,
                "shown": each.shown,
                "answers": list(each.answers),
            }
            for each in run.divergences
        ],
        "by_answer": run.by_answer,
    }


def plain(cell: object) -> Any:
    """A cell as JSON that JavaScript reads as it is."""
    if cell is ANY:
        return "?"
    if isinstance(cell, int) and abs(cell) >= EXACT:
        return str(cell)
    return cell


def _rows(run: SeenRun) -> dict[Row, int]:
    """Every row of the run, with its number, in the order in which they came up."""
    rows: dict[Row, int] = {}
    for moment in run.moments:
        there = [name.whole for name in moment.world.belief.rows]
        views = (moment.views or {}).values()
        there += [row for view in views if view is not None for row, _ in view.rows]
        for row in sorted(set(there) - rows.keys()):
            rows[row] = len(rows)
    for each in run.divergences:
        if each.row is not None:
            rows.setdefault(each.row.whole, len(rows))
    return rows


# --- moments -----------------------------------------------------------------------------------


def _moment(moment: Moment, run: SeenRun, cells: _Cells) -> Json:
    step, outcome, schema = moment.step, moment.outcome, run.net.schema
    views = moment.views
    found: Json = {
        "i": moment.index,
        "net": _net(moment.net),
        "cells": list(cells.changed(moment)),
        "read": None if views is None else sorted(views),
    }
    if moment.how:
        found["rest"] = {"how": moment.how, "seconds": round(moment.settled_s, 6)}
    if step is None:
        return found
    return found | {
        "words": words(step, schema).removesuffix(":"),
        "op": step.op,
        "seconds": round(moment.seconds, 6),
        "asked": _asked(step),
        "said": None if outcome is None else _said(outcome),
        "parts": list(_parts(step, outcome, schema, 0)),
        "marks": list(_marks(step, outcome)),
    }


def _asked(step: Step) -> str:
    try:
        return json.dumps(form.dump(step), ensure_ascii=False, default=str)
    except Exception:  # noqa: BLE001 (a step of somebody's own: its words must do)
        return str(step)


def _net(net: Net) -> Json:
    return {
        "running": [net.running[node] for node in net.nodes],
        "bare": [node for node in net.nodes if net.plugin(node) is None],
        "down": sorted(net.down),
        "still": sorted(net.paused),
        "disabled": sorted(net.disabled),
        "away": [list(link) for link in sorted(net.away)],
        "distrusts": [list(link) for link in sorted(net.distrusts)],
        "cut": [list(link) for link in sorted(net.cut)],
    }


def _said(outcome: Outcome) -> Json:
    found: Json = {
        "answer": outcome.answer.value,
        "words": _answer(outcome),
        "code": outcome.code,
        "row": None if outcome.row is None else {k: plain(v) for k, v in outcome.row.items()},
        "shown": None if outcome.view is None else _view(outcome.view),
    }
    return {name: value for name, value in found.items() if value is not None}


def _answer(outcome: Outcome) -> str:
    if outcome.parts:
        answers = [part.answer for part in outcome.parts]
        counted = {"accepted": Answer.OK, "refused": Answer.REFUSED, "unknown": Answer.UNKNOWN}
        return ", ".join(f"{answers.count(a)} {n}" for n, a in counted.items() if a in answers)
    return answered(outcome)


def _view(view: View) -> list[Any]:
    return [[str(row), _value(value)] for row, value in view.rows]


def _parts(step: Step, outcome: Outcome | None, schema: Any, depth: int) -> Iterator[Json]:
    """The steps inside of a step, with their answers."""
    if not isinstance(step, Burst | Concurrently):
        return
    parts = (None,) * len(step.steps) if outcome is None else outcome.parts
    for part, its in zip(step.steps, parts, strict=False):
        said = None if its is None else _said(its)
        yield {"words": words(part, schema), "said": said, "depth": depth}
        yield from _parts(part, its, schema, depth + 1)


def _marks(step: Step, outcome: Outcome | None) -> Iterator[list[Any]]:
    """What the picture has in each node's lane: [node, kind of step, answer]."""
    each = [(step, None)] if outcome is None else [*leaves(step, outcome)]
    for leaf, its in each:
        answer = "none" if its is None else its.answer.value
        for node in sorted(leaf.nodes()) or [""]:
            yield [node, leaf.op, answer]


# --- cells -------------------------------------------------------------------------------------


@define
class _Cells:
    """What each node shows and knows of each row; only what changes is looked at again."""

    run: SeenRun
    rows: Mapping[Row, int]
    all: list[Any] = field(factory=list)
    _numbers: dict[str, int] = field(factory=dict)
    #: For each row: the beliefs about its registers, and what each node showed, at last.
    _last: dict[Row, tuple[Any, ...]] = field(factory=dict)
    _now: dict[tuple[int, int], int] = field(factory=dict)

    def changed(self, moment: Moment) -> Iterator[list[int]]:
        """[node, row, cell] for each cell that is another one than before."""
        belief, nodes = moment.world.belief, self.run.net.nodes
        registers: dict[Row, list[Row]] = {}
        for name in belief.rows:
            registers.setdefault(name.whole, []).append(name)
        shown = [_shown(moment, node) for node in nodes]
        for row, number in self.rows.items():
            mine = sorted(registers.get(row, ()))
            sights = [None if one is UNREAD else one.get(row, []) for one in shown]
            seen = ([belief.rows[name] for name in mine], sights)
            before = self._last.get(row)
            if before is not None and before[1] == sights and _same(before[0], seen[0]):
                continue
            self._last[row] = seen
            for place, node in enumerate(nodes):
                knows = [self._knows(moment, name, node) for name in mine]
                cell = self._number([sights[place], knows])
                if self._now.get((place, number)) != cell:
                    self._now[place, number] = cell
                    yield [place, number, cell]

    def _knows(self, moment: Moment, name: Row, node: str) -> list[Any]:
        belief = moment.world.belief
        row = belief.row(name)
        must, may = sorted(row.known_by(node)), sorted(row.perhaps_known_by(node))
        return [name.column, must, may, sorted(belief.may_show(node, name))]

    def _number(self, cell: Any) -> int:
        text = json.dumps(cell)
        if text not in self._numbers:
            self._numbers[text] = len(self.all)
            self.all.append(cell)
        return self._numbers[text]


def _same(before: list[RowBelief], now: list[RowBelief]) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _shown(moment: Moment, node: str) -> dict[Row, list[Any]] | None:
    """What a node showed of each row, all of it where one is there twice."""
    view = (moment.views or {}).get(node)
    if view is None:
        return UNREAD
    found: dict[Row, list[Any]] = {}
    for row, value in view.rows:
        found.setdefault(row, []).append(_value(value))
    return found


def _value(value: Value) -> list[list[Any]]:
    return [[name, plain(cell)] for name, cell in value.shown]


# --- versions ----------------------------------------------------------------------------------


def _register(register: Register, row: RowBelief, number: int) -> Json:
    return {
        "row": number,
        "column": register.name.column,
        "versions": [
            {
                "node": one.node,
                "step": one.step,
                "op": one.op,
                "value": _stored(row.versions[one.number].value),
                "sure": row.versions[one.number].sure,
            }
            for one in register.versions
        ],
        "edges": [
            {"from": e.loser, "to": list(e.winners), "how": e.how, "step": e.step, "by": list(e.by)}
            for e in register.edges
        ],
    }


def _stored(value: Stored) -> list[list[Any]] | str:
    return _value(value) if isinstance(value, Value) else str(value)
