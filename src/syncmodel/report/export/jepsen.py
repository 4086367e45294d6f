"""A run as a history of Jepsen: two operations for each call, its invocation and its completion.

As jepsen-io/history describes them: `:type` is `:invoke`, then `:ok`, `:fail` (it certainly did not
happen) or `:info` (nobody knows); `:process` is a client, which does one thing at a time and does
nothing more after an `:info`; `:time` is in nanoseconds and `:index` counts. What is done to the
cluster is the process `:nemesis`, of which both operations are `:info`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import define, field

from syncmodel.model.outcome import Answer
from syncmodel.report.export.calls import Call, History, plain
from syncmodel.report.export.edn import Keyword

NEMESIS = Keyword("nemesis")
INVOKE, OK, FAIL, INFO = map(Keyword, ("invoke", "ok", "fail", "info"))
TYPES = {Answer.OK: OK, Answer.REFUSED: FAIL, Answer.UNKNOWN: INFO}

Op = dict[Keyword, Any]
#: What a call asks for, and what it was answered with: `:f`, `:value` before, `:value` after.
Said = tuple[Keyword, Any, Any]


def jepsen(history: History) -> Iterator[Op]:
    """Every call of the run, with our own words for what it does."""
    return operations(history.calls, _said)


def _said(call: Call) -> Said:
    step = call.step
    if step is None:
        return Keyword("sight"), None, _tables(call)
    value: Any = {Keyword(name): each for name, each in plain(step).items()}
    after = value if call.shown is None else {**value, Keyword("rows"): list(call.shown)}
    return Keyword("malformed" if call.malformed else step.op), value, after


def _tables(call: Call) -> dict[str, list[dict[str, Any]]]:
    tables = dict[str, list[dict[str, Any]]]()
    for row in call.shown or ():
        columns = {name: value for name, value in row.items() if name != "table"}
        tables.setdefault(str(row["table"]), []).append(columns)
    return tables


def operations(calls: Iterable[Call], said: Callable[[Call], Said | None]) -> Iterator[Op]:
    """Both operations of each call of which `said` says something, in the order of their times."""
    told = [(call, words) for call in calls if (words := said(call)) is not None]
    clients = _Clients()
    processes = dict[int, Any]()
    for index, (place, ends) in enumerate(_in_order([call for call, _ in told])):
        call, (does, before, after) = told[place]
        if not ends:
            processes[place] = NEMESIS if call.node is None else clients.take(call.node)
        op: Op = {
            Keyword("type"): _type(call) if ends else INVOKE if call.node is not None else INFO,
            Keyword("process"): processes[place],
            Keyword("f"): does,
            Keyword("value"): after if ends and call.answer is Answer.OK else before,
            Keyword("time"): call.end_ns if ends else call.start_ns,
            Keyword("index"): index,
        }
        if call.node is not None:
            op[Keyword("node")] = call.node
        if ends and call.code is not None:
            op[Keyword("error")] = call.code
        if ends and call.node is not None and call.answer is not Answer.UNKNOWN:
            clients.give(call.node, processes[place])
        yield op


def _type(call: Call) -> Keyword:
    return INFO if call.node is None else TYPES[call.answer]


def _in_order(calls: list[Call]) -> list[tuple[int, bool]]:
    """The place of each call twice: where it begins, and where it ends. Who ends goes first."""
    moments = [(call.end_ns, 0, place) for place, call in enumerate(calls)]
    moments += [(call.start_ns, 1, place) for place, call in enumerate(calls)]
    return [(place, not begins) for _, begins, place in sorted(moments)]


@define
class _Clients:
    """The processes: each is a client of one node, and one that got no answer is not used again."""

    _next: int = 0
    _idle: dict[str, list[int]] = field(factory=dict)

    def take(self, node: str) -> int:
        """A client of that node that does nothing else."""
        idle = self._idle.get(node)
        if idle:
            return idle.pop()
        self._next += 1
        return self._next - 1

    def give(self, node: str, process: int) -> None:
        """It had its answer."""
        self._idle.setdefault(node, []).append(process)
